"""The work of loading a generation: a range of streams becomes documents and sums, sums become summaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Final, NamedTuple

import orjson

from projections.batch import Underivable, where
from projections.bulk_derive import add_sums, bucket_json, derived, in_buckets, summed_up, sums_in
from projections.bulk_entries import Entries
from projections.bulk_fold import StreamFold
from projections.bulk_groups import Grouped
from projections.bulk_messages import Order
from projections.bulk_notes import bucket_field, note_json, range_field
from projections.bulk_plan import Range
from projections.bulk_reading import StreamReader
from projections.bulk_sink import Sink
from projections.bulk_texts import Texts, neighbourhoods, put_together
from projections.bulk_wire import packed
from projections.membership import department_in
from readmodels.changes import Sums, follows
from readmodels.documents import Document, Ref
from readmodels.kinds import KINDS

TOLD_EVERY_EVENTS: Final = 5_000
USER_KIND: Final = "user"


class Tally:
    """Tells now and then of the events of a range that have been read."""

    def __init__(self, reader: StreamReader, tell: Callable[[int], None]) -> None:
        self._reader = reader
        self._tell = tell
        self._before = self._told = reader.events

    @property
    def events(self) -> int:
        return self._reader.events - self._before

    def tell(self, at_least: int = 1) -> None:
        new = self._reader.events - self._told
        if new >= at_least:
            self._tell(new)
            self._told = self._reader.events


class Made(NamedTuple):
    """What follows from a range, as far as it is not written yet."""

    entries: Entries
    texts: Texts
    sums: Sums


class Work:
    """What a worker does, job by job. `tell` is told how many events were folded since it was told last."""

    def __init__(self, order: Order, reader: StreamReader, sink: Sink, tell: Callable[[int], None]) -> None:
        self._order = order
        self._reader = reader
        self._sink = sink
        self._tell = tell
        self._discarded = frozenset(order.discarded)
        self._departments: Mapping[str, int] = {}

    def know(self, departments: Mapping[str, int]) -> None:
        """Learn in which departments users are in the end."""
        self._departments = departments

    def fold(self, number: int, streams: Range) -> None:
        """Write all documents of a range, then what it adds up to, with the note that it is done."""
        departments: dict[str, int] = {}
        fold = StreamFold(self._grouped, self._discarded)
        tally = Tally(self._reader, self._tell)
        keys, buckets = self._sink.keys, self._order.buckets
        made = Made(Entries(keys), Texts(keys, number, streams, buckets), {})
        for stream, records in self._reader.streams(streams):
            story = fold.fold(stream, records)
            ref, document = story.ref, story.document
            tally.tell(TOLD_EVERY_EVENTS)
            if document is not None:
                self._derive(ref, document, made)
                if ref.kind == USER_KIND and (department := department_in(document)) is not None:
                    departments[ref.id] = department
        self._sink.write(made.entries.take())
        self._sink.write(made.texts.take(is_all=True))
        self._note(number, made.sums, note_json(tally.events, departments, fold.letters))
        tally.tell()

    def add_up(self, bucket: int) -> None:
        """Write the summaries and the texts of a bucket, from what all ranges say of it."""
        sums: Sums = {}
        for part in self._sink.values(self._sink.keys.loading_sums(bucket)):
            add_sums(sums, sums_in(orjson.loads(part)))
        entries = Entries(self._sink.keys)
        for kind, ref, document in summed_up(sums):
            entries.add(kind, ref, document, follows(kind, document).places)
            self._write_enough(entries)
        self._sink.write(entries.take())
        self._put_together(bucket)
        self._sink.write([packed(["HSET", self._sink.keys.loading, bucket_field(bucket), ""])])
        self._sink.flush()

    def _put_together(self, bucket: int) -> None:
        """One neighbourhood after the other: only one of them has to be in memory."""
        key = self._sink.keys.loading_texts(bucket)
        for fields in neighbourhoods(self._sink.fields(key)).values():
            self._sink.write(put_together(self._sink.some(key, fields), self._sink.keys))

    def _derive(self, ref: Ref, document: Document, made: Made) -> None:
        kind = KINDS[ref.kind]
        try:
            found = derived(kind, document, self._department_of, made.sums)
            made.entries.add(kind, ref, document, found.places)
            made.texts.add(ref, found.texts)
        except Exception as error:
            raise Underivable(where(error)) from error
        if made.texts.size_bytes >= self._order.entries_max_bytes:
            self._sink.write(made.texts.take(is_all=False))
        self._write_enough(made.entries)

    def _write_enough(self, entries: Entries) -> None:
        if entries.size_bytes >= self._order.entries_max_bytes:
            self._sink.write(entries.take())
        elif entries.documents >= self._order.documents_max:
            self._sink.write(entries.take_documents())

    @cached_property
    def _grouped(self) -> Grouped:
        return Grouped(self._reader.reaching_groups())

    def _department_of(self, user_id: int) -> int | None:
        return self._departments.get(str(user_id))

    def _note(self, number: int, sums: Sums, note: bytes) -> None:
        """Only when all else is written: whoever goes on with this load takes the range for done."""
        keys = self._sink.keys
        self._sink.write(
            packed(["HSET", keys.loading_sums(bucket), str(number), bucket_json(part).decode()])
            for bucket, part in enumerate(in_buckets(sums, self._order.buckets))
        )
        # In order: nothing is carried out once a part before it was refused.
        self._sink.write([packed(["HSET", keys.loading, range_field(number), note.decode()])])
        self._sink.flush()
