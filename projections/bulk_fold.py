"""Folds the log stream by stream: each document from its first event to its last, at once.

What comes out is what folding in order makes of the same log, or Unsplittable.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from events.event import TYPES, Event, Poison, Record
from projections.batch import HELD_BACK, in_order, letter_about, where
from projections.bulk_groups import Basis, Grouped, Membership, Reaching, Track, differ
from projections.catalogue import STEPS
from projections.projection import Step, documents_named
from readmodels.changes import DeadLetter
from readmodels.documents import Document, Ref
from readmodels.kinds import KINDS

NEVER: Final = 2**63


class Unsplittable(Exception):
    """The documents of this log do not follow from their own streams: fold it in order."""


def unsplittable_types() -> frozenset[type[Event]]:
    """Types of which two steps fold the same kind, or one folds another kind without a group."""
    return frozenset(
        event_type
        for event_type, steps in STEPS.items()
        if len({step.kind for step in steps}) < len(steps)
        or any(step.group is None and step.kind != event_type.STREAM for step in steps)
    )


def own_steps() -> dict[str, dict[type[Event], Step | None]]:
    """By the category of streams: what each event type does to the document of its own stream."""
    found: dict[str, dict[type[Event], Step | None]] = {}
    for event_type in STEPS.keys() - unsplittable_types():
        own = next((step for step in STEPS[event_type] if step.group is None), None)
        found.setdefault(event_type.STREAM, {})[event_type] = own
    return found


OWN_STEPS: Final = own_steps()
NO_STEPS: Final[Mapping[type[Event], Step | None]] = {}


@dataclass(slots=True)
class Story:
    """A document as the events up to position `at` leave it; `coming` is what reaches it next by a group.

    Its groups rest on `basis`.
    """

    ref: Ref
    document: Document | None = None
    is_parked: bool = False
    at: int = 0
    coming: Reaching | None = None
    due: int = NEVER
    tracks: Sequence[Track] = ()
    basis: Basis | None = None


class StreamFold:
    """Folds streams, in any order, which `grouped` events reach as well. What failed is in `letters`.

    Each letter names the document of one stream only: see `merged`. Events at `discarded` positions are
    left out.
    """

    def __init__(self, grouped: Grouped, discarded: Collection[int] = frozenset()) -> None:
        self.letters: list[DeadLetter] = []
        self._memberships = grouped.memberships
        self._discarded = discarded

    def fold(self, stream: str, records: Iterable[Record | Poison]) -> Story:
        """All records of a stream. Raises Unsplittable."""
        story = Story(documents_named(stream))
        own, steps = (story.ref.id,), OWN_STEPS.get(story.ref.kind, NO_STEPS)
        membership = self._memberships.get(story.ref.kind)
        for record in records:
            position = record.position
            if position <= story.at:
                raise Unsplittable(f"versions and positions of {stream} differ in their order")
            if story.due < position:
                self._catch_up(story, membership, position)
            story.at = position
            if isinstance(record, Poison):
                self._stop(story, record)
            elif (step := steps.get(type(record.event))) is None:
                self._pass_over(record, steps)
            elif step.touches(record.event) == own:
                self._take(story, membership, record, step)
            else:
                raise Unsplittable(f"an event in {stream} is about another document")
        self._catch_up(story, membership, NEVER)
        return story

    def _take(self, story: Story, membership: Membership | None, record: Record, step: Step) -> None:
        if record.position in self._discarded:
            return
        if story.is_parked:
            self._note(story, record, HELD_BACK, held_back=True)
            return
        before = story.document
        try:
            after = step.fold(before, record.event, record)
        except Exception as error:  # noqa: BLE001 - whatever a fold raises stops its document only
            story.is_parked = True
            self._note(story, record, where(error), held_back=False)
            return
        if after is not before:
            story.document = after
            if membership is not None:
                follow_groups(story, membership)

    def _catch_up(self, story: Story, membership: Membership | None, until: int) -> None:
        """Take what reached the document by its groups before the position `until`."""
        while membership is not None and story.coming is not None and story.due < until:
            story.at = story.due
            self._take(story, membership, *story.coming)
            await_next(story)

    def _pass_over(self, record: Record, steps: Mapping[type[Event], Step | None]) -> None:
        """An event that no projection reads, or that reaches others only; any other one is misplaced."""
        if type(record.event) in STEPS and type(record.event) not in steps:
            raise Unsplittable(f"{record.event.TOPIC} in {record.stream} may reach any document")

    def _stop(self, story: Story, poison: Poison) -> None:
        if poison.position not in self._discarded:
            story.is_parked = story.ref.kind in KINDS
            self._note(story, poison, poison.error, held_back=False)

    def _note(self, story: Story, record: Record | Poison, error: str, *, held_back: bool) -> None:
        refs = (story.ref,) if story.ref.kind in KINDS else ()
        self.letters.append(letter_about(record, error, refs, held_back))


def follow_groups(story: Story, membership: Membership) -> None:
    """Know what reaches the document from now on, where its groups may be others than before."""
    document, before = story.document, story.basis
    if document is None:
        story.tracks, story.basis = (), None
    else:
        story.basis = membership.basis(document)
        if before is not None and not differ(before, story.basis):
            return
        story.tracks = membership.tracks(document)
    await_next(story)


def await_next(story: Story) -> None:
    story.coming, story.due = None, NEVER
    for track in story.tracks:
        coming = track.after(story.at)
        if coming is not None and coming.record.position < story.due:
            story.coming, story.due = coming, coming.record.position


def merged(letters: Iterable[DeadLetter]) -> list[DeadLetter]:
    """One letter about an event for all documents that it stopped, one for all it is held back from."""
    found: defaultdict[tuple[int, bool], list[DeadLetter]] = defaultdict(list)
    for letter in letters:
        found[letter.position, letter.held_back].append(letter)
    return [joined(found[key]) for key in sorted(found)]


def joined(letters: list[DeadLetter]) -> DeadLetter:
    """Letters about one event as one: in the order in which steps reach kinds, and then in that of ids."""
    if len(letters) == 1:
        return letters[0]
    kinds = [step.kind for step in STEPS[TYPES[letters[0].topic]]]
    letters.sort(key=lambda each: [(kinds.index(ref.kind), in_order(ref)) for ref in each.documents])
    return letters[0]._replace(documents=tuple(ref for letter in letters for ref in letter.documents))


def parked_by(letters: Iterable[DeadLetter]) -> set[Ref]:
    """The documents that take no further event."""
    return {ref for letter in letters if not letter.held_back for ref in letter.documents}
