"""Repairs: at an operator's word, documents that stand still are folded again from the log.

The word is an event, `DeadLettersRetried` or `EventDiscarded`, and is carried out where it stands in the
log. What it concerns are the documents that the named events touch, parked or not: an event that could not
be read had stopped one document, and may turn out to concern more. Each of them is folded again up to that
place; the difference from what the read model holds is applied like that of any batch, some documents at
a time, and only then the checkpoint moves on. So who dies in the midst of it begins it again, and finds done
what was done.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from events.event import Event, Poison, Record
from events.operations import DeadLettersRetried, EventDiscarded
from projections.batch import Underivable, letter_about
from projections.dead_letters import Settlement
from projections.folding import Folding, targets_of
from projections.projection import documents_named
from projections.retelling import History, Story, retelling, stories_of
from projections.standing import Reached, members_before
from projections.wanted import Found, Wanted
from readmodels.changes import Changes
from readmodels.documents import Ref
from readmodels.kinds import KINDS

DOCUMENTS_AT_ONCE_MAX: Final = 200


class Repair(NamedTuple):
    """What is asked for at the position `at`; `positions` are those of the events that stopped documents."""

    at: int
    positions: frozenset[int]
    is_discard: bool

    @property
    def resolution(self) -> str:
        return "discarded" if self.is_discard else "retried"


def repair_of(record: Record | Poison) -> Repair | None:
    """The repair that an event asks for; None for other events, which are nearly all."""
    if isinstance(record, Poison):
        return None
    event: Event = record.event
    if isinstance(event, DeadLettersRetried):
        return Repair(record.position, frozenset(event.positions), is_discard=False)
    if isinstance(event, EventDiscarded):
        return Repair(record.position, frozenset({event.position}), is_discard=True)
    return None


class Concern(NamedTuple):
    """The events that a repair names, as they read now, and the documents that they touch."""

    records: Sequence[Record | Poison]
    refs: Sequence[Ref]

    def parts(self) -> Iterator[Sequence[Ref]]:
        """The documents, so many as may be folded again at once."""
        for start in range(0, len(self.refs), DOCUMENTS_AT_ONCE_MAX):
            yield self.refs[start : start + DOCUMENTS_AT_ONCE_MAX]

    def readable(self, discarded: Collection[int]) -> list[int]:
        """The positions of events that nobody stumbles over any more."""
        return [
            record.position
            for record in self.records
            if isinstance(record, Record) or record.position in discarded
        ]


class Model(Protocol):
    """The generation that is repaired, as `projections.live.Live` has it."""

    async def load(self, wanted: Wanted) -> Found: ...

    async def run(self, steps: Folding) -> Changes:
        """What the steps come to, given what they want to know."""
        ...

    async def amend(self, changes: Changes) -> None:
        """Apply changes; the checkpoint stays where it is."""
        ...


class Repairs:
    """Carries repairs out. `settle` is told what comes of each before the read model shows it."""

    def __init__(self, history: History, settle: Callable[[Settlement], Awaitable[None]]) -> None:
        self._history = history
        self._settle = settle

    async def carry_out(self, repair: Repair, model: Model, discarded: Collection[int]) -> None:
        """Raises Unavailable, and what the model raises."""
        concern = await self._concern(repair, model, discarded)
        for refs in concern.parts():
            stories = await stories_of(refs, self._history, repair.at, discarded)
            try:
                await self._retell(repair, model, stories)
            except Underivable:
                for story in stories:
                    await self._retell_alone(repair, model, concern, story)
        named, readable = sorted(repair.positions), concern.readable(discarded)
        await self._settle(Settlement(repair.at, repair.resolution, [], [], named, readable))

    async def _concern(self, repair: Repair, model: Model, discarded: Collection[int]) -> Concern:
        """What the events touch now, and what they reached in groups that it may have left since."""
        records = await self._history.read_at([each for each in repair.positions if 0 < each < repair.at])
        refs: dict[Ref, None] = {}
        reached: list[Reached] = []
        for record in records:
            refs |= dict.fromkeys(own_documents(record))
            for target in targets_of(record):
                refs |= dict.fromkeys(target.refs)
                if target.group is not None:
                    number = documents_named(record.stream).id
                    reached.append(Reached(target.step.kind, target.group, number, record.position))
        refs |= dict.fromkeys(await self._members(reached, model))
        refs |= dict.fromkeys(await members_before(reached, self._history, discarded))
        return Concern(records, list(refs))

    async def _members(self, reached: Sequence[Reached], model: Model) -> list[Ref]:
        groups = {each.group: each.kind for each in reached}
        found = await model.load(Wanted((), groups))
        return [Ref(kind, key) for group, kind in groups.items() for key in found.members.get(group, ())]

    async def _retell(self, repair: Repair, model: Model, stories: Sequence[Story]) -> None:
        changes = await model.run(retelling(stories))
        await self._apply(repair, model, [story.ref for story in stories], changes)

    async def _retell_alone(self, repair: Repair, model: Model, concern: Concern, story: Story) -> None:
        """One from which nothing can be derived stands still, as it is."""
        try:
            await self._retell(repair, model, [story])
        except Underivable as error:
            letter = letter_about(concern.records[0], str(error), [story.ref], held_back=False)
            changes = Changes(parked={story.ref}, dead_letters=[letter])
            await self._apply(repair, model, [story.ref], changes)

    async def _apply(self, repair: Repair, model: Model, refs: Sequence[Ref], changes: Changes) -> None:
        await self._settle(Settlement(repair.at, repair.resolution, refs, changes.dead_letters))
        await model.amend(changes)


def own_documents(record: Record | Poison) -> Iterator[Ref]:
    """The document that is parked when nobody can read the event."""
    ref = documents_named(record.stream)
    if ref.kind in KINDS:
        yield ref
