"""Folds single documents again from the beginning of their own stories, and tells what that changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple, Protocol

import orjson

from events.event import Poison, Record
from projections.batch import HELD_BACK, Batch, letter_about, where
from projections.catalogue import STEPS
from projections.folding import Folding, changes
from projections.projection import Step, documents_named
from projections.reach import streams_reaching
from projections.wanted import Wanted
from readmodels.changes import DeadLetter, places
from readmodels.documents import Document, Ref
from readmodels.kinds import KINDS


class History(Protocol):
    """The log, as `events.store.EventStore` reads it."""

    async def read(self, after: int, limit: int) -> Sequence[Record | Poison]: ...

    async def histories(self, streams: Collection[str]) -> Sequence[Record | Poison]: ...

    async def read_at(self, positions: Collection[int]) -> Sequence[Record | Poison]: ...


class Failure(NamedTuple):
    """An event that a document could not take, and why."""

    record: Record | Poison
    error: str


@dataclass(slots=True)
class Story:
    """A document as its events leave it; `failures` stopped it, and from then on events were `held_back`.

    `groups` are those in which it ever stood.
    """

    ref: Ref
    document: Document | None = None
    failures: list[Failure] = field(default_factory=list)
    held_back: list[Record] = field(default_factory=list)
    groups: set[str] = field(default_factory=set)

    def letters(self) -> Iterator[DeadLetter]:
        for record, error in self.failures:
            yield letter_about(record, error, [self.ref], False)
        for record in self.held_back:
            yield letter_about(record, HELD_BACK, [self.ref], True)


def retold(ref: Ref, records: Iterable[Record | Poison], discarded: Collection[int]) -> Story:
    """The story that `records` tell of a document; those that do not reach it may be among them."""
    story = Story(ref)
    for record in records:
        if record.position in discarded:
            continue
        if isinstance(record, Poison):
            if documents_named(record.stream) == ref:
                story.failures.append(Failure(record, record.error))
        else:
            for step in reaching(story, record):
                take(story, step, record)
    return story


def reaching(story: Story, record: Record) -> list[Step]:
    """The steps by which an event reaches the document as it is at this point."""
    steps = [step for step in STEPS.get(type(record.event), ()) if step.kind == story.ref.kind]
    groups = groups_of(story) if any(step.group for step in steps) else ()
    return [
        step
        for step in steps
        if (
            story.ref.id in step.touches(record.event)
            if step.group is None
            else step.group(record.event) in groups
        )
    ]


def groups_of(story: Story) -> Collection[str]:
    return () if story.document is None else list(KINDS[story.ref.kind].groups(story.document))


def take(story: Story, step: Step, record: Record) -> None:
    if story.failures:
        story.held_back.append(record)
        return
    try:
        after = step.fold(story.document, record.event, record)
        groups = check(story.ref, after)
    except Exception as error:  # noqa: BLE001 - whatever a fold raises stops its document only
        story.failures.append(Failure(record, where(error)))
    else:
        story.document = after
        story.groups.update(groups)


def check(ref: Ref, document: Document | None) -> Iterable[str]:
    """The groups of a document from which all can be derived that rests on it alone; else raises."""
    if document is None:
        return ()
    kind = KINDS[ref.kind]
    orjson.dumps(document)
    places(kind, document)
    list(kind.contributions(document))
    return list(kind.groups(document))


def retelling(stories: Sequence[Story]) -> Folding:
    """What changes when documents are from now on as their stories say. Raises Underivable."""
    batch = Batch(frozenset())
    refs = [story.ref for story in stories]
    batch.loaded(refs, (yield Wanted(refs)).documents)
    for story in stories:
        # The same document where nothing changed, so that nothing is derived from it again.
        if story.document != batch.before[story.ref]:
            batch.now[story.ref] = story.document
    result = yield from changes(batch)
    result.parked = {story.ref for story in stories if story.failures}
    result.freed = set(refs) - result.parked
    result.dead_letters = [letter for story in stories for letter in story.letters()]
    return result


async def stories_of(
    refs: Sequence[Ref], history: History, before: int, discarded: Collection[int]
) -> list[Story]:
    """Documents' stories from the log, up to a position that is not in them any more. Raises Unavailable.

    A document that turns out to have stood in a group is told again, with what reached that group.
    """
    by_stream: dict[str, list[Record | Poison]] = {}
    stories = [Story(ref) for ref in refs]
    while True:
        wanted = streams_of(stories) - by_stream.keys()
        by_stream |= {stream: [] for stream in wanted}
        for record in await history.histories(wanted) if wanted else ():
            if record.position < before:
                by_stream[record.stream].append(record)
        # Streams of a new group may be at hand already, as another document's own.
        known = [story.groups for story in stories]
        stories = [told_again(story, by_stream, discarded) for story in stories]
        if [story.groups for story in stories] == known:
            return stories


def streams_of(stories: Sequence[Story]) -> set[str]:
    return {stream for story in stories for stream in streams_reaching(story.ref, story.groups)}


def told_again(
    story: Story, by_stream: Mapping[str, Sequence[Record | Poison]], discarded: Collection[int]
) -> Story:
    streams = streams_reaching(story.ref, story.groups)
    records = [record for stream in streams for record in by_stream[stream]]
    return retold(story.ref, sorted(records, key=attrgetter("position")), discarded)
