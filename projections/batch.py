"""A batch: the documents that some records touch, before, and as each event leaves them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from events.event import Poison, Record
from projections.projection import Step
from readmodels.changes import DeadLetter
from readmodels.documents import Document, Ref
from readmodels.kinds import KINDS


class Target(NamedTuple):
    """A step and what it reaches: documents, or the members of a group."""

    step: Step
    refs: tuple[Ref, ...]
    group: str | None


Targets = list[Target]

HELD_BACK: Final = "an earlier event of the same document failed"


class Underivable(Exception):
    """Documents came out of a fold from which no index, summary or text can be derived.

    `refs` are these documents; none where a sum went wrong that no single document is to blame for.
    """

    def __init__(self, error: str, refs: Collection[Ref] = ()) -> None:
        super().__init__(error)
        self.refs = refs


@dataclass(slots=True)
class Batch:
    """The documents that a batch touches, as they were and as they are, event by event."""

    parked: Collection[Ref]
    before: dict[Ref, Document | None] = field(default_factory=dict)
    now: dict[Ref, Document | None] = field(default_factory=dict)
    groups: dict[str, dict[Ref, None]] = field(default_factory=dict)
    newly_parked: set[Ref] = field(default_factory=set)
    dead_letters: list[DeadLetter] = field(default_factory=list)

    def loaded(self, refs: Iterable[Ref], documents: Mapping[Ref, Document]) -> None:
        for ref in refs:
            self.before[ref] = self.now[ref] = documents.get(ref)

    def fold(self, record: Record, targets: Targets) -> None:
        """Give an event to each document that it reaches.

        One that cannot take it stops there, alone: so a document's story never depends on others.
        """
        held: list[Ref] = []
        for step, ref in self.reached(targets):
            if ref in self.parked or ref in self.newly_parked:
                held.append(ref)
                continue
            try:
                document = step.fold(self.now[ref], record.event, record)
            except Exception as error:  # noqa: BLE001 - whatever a fold raises stops its document only
                self.park(record, where(error), [ref])
            else:
                self._put(ref, document)
        if held:
            self._note(record, HELD_BACK, held, held_back=True)

    def reached(self, targets: Targets) -> list[tuple[Step, Ref]]:
        """The documents that an event reaches at this point of the batch."""
        return [
            (step, ref)
            for step, refs, group in targets
            for ref in (refs if group is None else sorted(self.groups[group], key=in_order))
            if group is None or self._stands_in(group, ref)
        ]

    def _stands_in(self, group: str, ref: Ref) -> bool:
        document = self.now[ref]
        return document is not None and group in KINDS[ref.kind].groups(document)

    def _put(self, ref: Ref, document: Document | None) -> None:
        self.now[ref] = document
        if self.groups and document is not None:
            for group in KINDS[ref.kind].groups(document):
                if group in self.groups:
                    self.groups[group][ref] = None

    def park(self, record: Record | Poison, error: str, refs: Iterable[Ref]) -> None:
        """Stop the documents that an event cannot be folded into; what they are now, they stay."""
        parked = tuple(ref for ref in refs if ref.kind in KINDS)
        self.newly_parked.update(parked)
        self._note(record, error, parked, held_back=False)

    def _note(self, record: Record | Poison, error: str, refs: Iterable[Ref], held_back: bool) -> None:
        """An event has one letter for all documents that it stopped, one for all it is held back from."""
        for place in range(len(self.dead_letters))[-2:]:
            letter = self.dead_letters[place]
            if (letter.position, letter.held_back) == (record.position, held_back):
                self.dead_letters[place] = letter._replace(documents=(*letter.documents, *refs))
                return
        self.dead_letters.append(letter_about(record, error, refs, held_back))


def letter_about(record: Record | Poison, error: str, refs: Iterable[Ref], held_back: bool) -> DeadLetter:
    topic = record.topic if isinstance(record, Poison) else record.event.TOPIC
    return DeadLetter(record.position, record.stream, record.version, topic, error, tuple(refs), held_back)


def in_order(ref: Ref) -> tuple[int, str]:
    """The order of ids, so that it never matters when a document came into a group."""
    return len(ref.id), ref.id


def where(error: Exception) -> str:
    """Which error, and where in the code; not its text, which might quote a person's data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = type(error).__name__
    return name if trace is None else f"{name} in {trace.tb_frame.f_code.co_qualname}, line {trace.tb_lineno}"
