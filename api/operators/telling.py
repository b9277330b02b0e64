"""The story of one object: each event that reached it, and the document before and after."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final, NamedTuple

from api.operators.readable import BOOKKEEPING, readable
from events.event import Event, Poison, Record
from projections.catalogue import PROJECTIONS, STEPS
from projections.projection import Step
from projections.reach import own_stream, streams_reaching
from projections.retelling import check
from readmodels.documents import Document, Ref
from readmodels.kinds import KINDS

OBJECTS: Final = tuple(projection.kind for projection in PROJECTIONS)
"""The kinds that have a history: each is the story of a stream of its name."""


class Told(NamedTuple):
    """An event and what it made of the object; None stands for an object that does not exist.

    `note` says why an event that reached the object left it as it was: it was `discarded` by an
    operator, is `unreadable`, `failed` to be folded, or was `held back` behind one of those two.
    """

    record: Record | Poison
    before: Document | None
    after: Document | None
    note: str | None = None

    @property
    def effect(self) -> str | None:
        if self.before is None:
            return None if self.after is None else "created"
        if self.after is None:
            return "removed"
        return None if self.after is self.before else "changed"


class Difference(NamedTuple):
    """A field with its old and its new value, as `readable` tells them; None where there is none."""

    field: str
    old: Any
    new: Any


def told(
    ref: Ref,
    records: Iterable[Record | Poison],
    discarded: Collection[int] = (),
    *,
    take: Callable[[Ref, Document | None, Record], Document | None] | None = None,
) -> Iterator[Told]:
    """What each of `records`, which are in order, did to an object, beginning with nothing.

    Those of its own stream are all told; others where they changed it. As in the read model, an object
    stops at an event that cannot be folded into it, and those at the positions `discarded` count for
    nothing. `take` folds one event: `folded_and_checked` unless another one is given.
    """
    take = take or folded_and_checked
    document: Document | None = None
    is_stopped, own = False, own_stream(ref)
    for record in records:
        is_own = record.stream == own
        after, note = document, None
        if record.position in discarded:
            note = "discarded"
        elif isinstance(record, Poison):
            note = "unreadable"
        elif is_stopped:
            note = "held back"
        else:
            try:
                after = take(ref, document, record)
            except Exception:  # noqa: BLE001 - whatever a fold raises stops the document, here as there
                note = "failed"
        is_stopped = is_stopped or note == "failed" or (note == "unreadable" and is_own)
        if is_own or after is not document:
            yield Told(record, document, after, note)
        document = after


def folded_and_checked(ref: Ref, document: Document | None, record: Record) -> Document | None:
    """As `folded`; raises where the read model could derive nothing from the document and would stop it."""
    after = folded(ref, document, record)
    if after is not document:
        check(ref, after)
    return after


def folded(ref: Ref, document: Document | None, record: Record) -> Document | None:
    """The object after an event; the same document where the event does not reach it."""
    for step in STEPS.get(type(record.event), ()):
        if step.kind == ref.kind and _reaches(step, record.event, ref, document):
            document = step.fold(document, record.event, record)
    return document


def _reaches(step: Step, event: Event, ref: Ref, document: Document | None) -> bool:
    if step.group is None:
        return ref.id in step.touches(event)
    return document is not None and step.group(event) in KINDS[ref.kind].groups(document)


def differences(before: Document | None, after: Document | None) -> list[Difference]:
    """Each field that is not as it was; all of them where the object begins or ends."""
    old, new = (readable(document) if document else {} for document in (before, after))
    return [
        Difference(name, old.get(name), new.get(name))
        for name in {**old, **new}
        if name not in BOOKKEEPING and (name not in old or name not in new or old[name] != new[name])
    ]


def streams_of(ref: Ref, story: Iterable[Told]) -> frozenset[str]:
    """The streams whose events reach the object, going by what it has been so far."""
    groups_of = KINDS[ref.kind].groups
    return streams_reaching(ref, {group for each in story if each.after for group in groups_of(each.after)})
