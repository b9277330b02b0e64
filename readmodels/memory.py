"""A read model in memory: for answers from history alone, small folds as of a moment, and tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, MutableMapping
from typing import TypeVar

import orjson

from readmodels.changes import Changes, DeadLetter, Index, index
from readmodels.documents import FIELD_END, Document, Place, Ref, score
from readmodels.model import Page, Query, Range
from readmodels.shelves import Searched
from readmodels.snapshots import SNAPSHOT_DOCUMENTS_MAX, Scope, Selection, Snapshot, Tally, TooLarge, chunked

Key = TypeVar("Key")
Value = TypeVar("Value")


class MemoryModel:
    """Holds what `Changes` say, and answers queries as RedisModel does."""

    def __init__(self) -> None:
        self.documents: dict[Ref, Document] = {}
        self.indexes: Index = index()
        self.texts: defaultdict[str, dict[str, Searched]] = defaultdict(dict)
        self.stopped: set[Ref] = set()
        self.dead_letters: list[DeadLetter] = []
        self.at = 0
        self.recorded_at = ""

    def apply(self, changes: Changes, position: int, recorded_at: str) -> None:
        """Take over changes; the model then speaks of `position`, whose event was recorded then."""
        for ref, document in changes.documents.items():
            put(self.documents, ref, document)
        for name, members in changes.removed.items():
            for member in members:
                self.indexes[name].pop(member, None)
        for name, members in changes.added.items():
            self.indexes[name].update(members)
        for name in [name for name in changes.removed if not self.indexes[name]]:
            del self.indexes[name]
        self._shelve(changes)
        self.stopped = (self.stopped | changes.parked) - changes.freed
        self.dead_letters += changes.dead_letters
        self.at, self.recorded_at = position, recorded_at

    def _shelve(self, changes: Changes) -> None:
        for shelf, texts in changes.texts.items():
            for key, text in texts.items():
                put(self.texts[shelf], key, text)
            if not self.texts[shelf]:
                del self.texts[shelf]
        for shelf, marks in changes.marks.items():
            for key, digits in marks.items():
                self.texts[shelf][key] = self.texts[shelf][key]._replace(marks=digits)

    async def fetch(self, refs: Iterable[Ref]) -> Mapping[Ref, Document]:
        return {ref: self.documents[ref] for ref in refs if ref in self.documents}

    async def page(self, query: Query) -> Page:
        newest_first = query.descending or query.ties == "newest"
        ids = sorted(self._satisfying(query), key=numeric, reverse=newest_first)
        sort = self._index(f"{query.kind}:sort:{query.sort}")
        # Sorting is stable, in both directions: equal places stay in the order of ids.
        placed = sorted(
            (key for key in ids if key in sort),
            key=lambda key: comparable(sort[key]),
            reverse=query.descending,
        )
        listed = placed + [key for key in ids if key not in sort]
        shown = listed[query.offset : query.offset + query.limit]
        return Page([self.documents[Ref(query.kind, key)] for key in shown], len(ids), self.at)

    async def members(self, index: str) -> list[str]:
        return self._in_order(index)

    async def snapshot(self, scope: Scope, today: str) -> Snapshot:
        moment = max(self.recorded_at, today)
        selected = {each.kind: self._selected(each) for each in scope.selections}
        if sum(map(len, selected.values())) > SNAPSHOT_DOCUMENTS_MAX:
            raise TooLarge
        chunks = {kind: list(chunked(refs, self.documents)) for kind, refs in selected.items()}
        counts = {each.name: orjson.dumps(self._counted(each, moment)) for each in scope.tallies}
        return Snapshot(self.at, moment, chunks, counts)

    async def position(self) -> int:
        return self.at

    async def parked(self, refs: Iterable[Ref]) -> set[Ref]:
        return self.stopped.intersection(refs)

    def _in_order(self, index: str) -> list[str]:
        found = self._index(index)
        return sorted(found, key=lambda key: (comparable(found[key]), numeric(key)))

    def _selected(self, selection: Selection) -> list[Ref]:
        inside = self._within(selection)
        return [Ref(selection.kind, key) for key in self._in_order(selection.index) if key in inside]

    def _counted(self, tally: Tally, moment: str) -> dict[str, int]:
        ids = self._in_order(tally.index)
        counts = {key: len(self._within(Range(f"{tally.prefix}{key}", None, score(moment)))) for key in ids}
        return {key: count for key, count in counts.items() if count}

    def _index(self, name: str) -> Mapping[str, Place]:
        return self.indexes.get(name, {})

    def _satisfying(self, query: Query) -> set[str]:
        ids = set(self._index(f"{query.kind}:sort:id"))
        for group in query.where:
            ids &= self._any_of(group)
        if query.through is not None:
            through = query.through
            by_way = [through.prefix + key for key in self._index(through.index)]
            ids &= self._any_of([*through.also, *by_way])
        for each in query.ranges:
            ids &= self._within(each)
        for each in query.without:
            ids -= self._within(each)
        if query.text:
            needle, texts = query.text.casefold(), self.texts.get(f"{query.kind}:sort:id", {})
            ids = {key for key in ids if key in texts and is_in(needle, texts[key].text)}
        return ids

    def _any_of(self, indexes: Iterable[str]) -> set[str]:
        return {key for index in indexes for key in self._index(index)}

    def _within(self, wanted: Range | Selection) -> set[str]:
        low, high = wanted.minimum, wanted.maximum
        return {
            key
            for key, place in self._index(wanted.index).items()
            if not isinstance(place, str)
            and (low is None or place >= low)
            and (high is None or place <= high)
        }


def is_in(needle: str, text: str) -> bool:
    """Never beyond the end of a field."""
    return FIELD_END not in needle and needle in text


def comparable(place: Place) -> tuple[float, str]:
    return (0, place) if isinstance(place, str) else (place, "")


def numeric(key: str) -> tuple[int, str]:
    """Ids are decimal numbers: the longer one is the greater."""
    return len(key), key


def put(into: MutableMapping[Key, Value], key: Key, value: Value | None) -> None:
    if value is None:
        into.pop(key, None)
    else:
        into[key] = value
