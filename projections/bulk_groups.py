"""The events that reach documents of other streams, by the groups in which these documents stand."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import is_not, itemgetter
from typing import Final, NamedTuple

from events.event import Event, Record
from projections.catalogue import STEPS
from projections.projection import Step
from readmodels.documents import Document, Kind
from readmodels.kinds import KINDS

GROUPED_TYPES: Final[Mapping[type[Event], tuple[Step, ...]]] = {
    event_type: reaching
    for event_type, steps in STEPS.items()
    if (reaching := tuple(step for step in steps if step.group is not None))
}


GROUPED_KINDS: Final = frozenset(step.kind for steps in GROUPED_TYPES.values() for step in steps)


class Reaching(NamedTuple):
    """An event and what it does to the members of a group."""

    record: Record
    step: Step


class Track:
    """What reaches the members of one group, in order."""

    def __init__(self, reaching: Iterable[Reaching]) -> None:
        self._reaching = sorted(reaching, key=lambda each: each.record.position)
        self._positions = [each.record.position for each in self._reaching]

    def after(self, position: int) -> Reaching | None:
        """What comes next after a position."""
        place = bisect_right(self._positions, position)
        return self._reaching[place] if place < len(self._positions) else None


Basis = tuple[object, ...]


def basis_of(kind: Kind) -> Callable[[Document], Basis]:
    """What is kept of a document to know later whether its groups may have changed, as few events do."""
    # One field twice: a single one would be given without a tuple.
    return itemgetter(*kind.group_fields, *kind.group_fields[:1])


def differ(before: Basis, after: Basis) -> bool:
    """By identity: what is equal may be of another type, and stand in another group."""
    return any(map(is_not, before, after))


class Membership:
    """What reaches documents of one kind by the groups in which they stand."""

    def __init__(self, kind: Kind, tracks: Mapping[str, Track]) -> None:
        self._tracks = tracks
        self._groups_of = kind.groups
        self.basis = basis_of(kind)

    def tracks(self, document: Document) -> Sequence[Track]:
        tracks = self._tracks
        return [tracks[group] for group in self._groups_of(document) if group in tracks]


class Grouped:
    """All events that reach groups: `memberships` by kind, for the kinds that have such groups."""

    def __init__(self, records: Iterable[Record]) -> None:
        found: dict[str, defaultdict[str, list[Reaching]]] = {
            kind: defaultdict(list) for kind in GROUPED_KINDS
        }
        for record in records:
            for step in GROUPED_TYPES.get(type(record.event), ()):
                assert step.group is not None
                found[step.kind][step.group(record.event)].append(Reaching(record, step))
        self.memberships: Mapping[str, Membership] = {
            kind: Membership(KINDS[kind], {group: Track(some) for group, some in groups.items()})
            for kind, groups in found.items()
        }
