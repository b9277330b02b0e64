"""The events that reach documents of other streams, by the groups in which these documents stand."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from events.event import Event, Record
from projections.catalogue import STEPS
from projections.projection import Step
from readmodels.documents import Document, Kind
from readmodels.kinds import KINDS

NEVER: Final = 2**63

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

    def after(self, position: int) -> int:
        """The position of the next event, NEVER where there is none."""
        place = bisect_right(self._positions, position)
        return self._positions[place] if place < len(self._positions) else NEVER

    def at(self, position: int) -> Reaching | None:
        place = bisect_right(self._positions, position) - 1
        return self._reaching[place] if place >= 0 and self._positions[place] == position else None


class Watched(Mapping[str, Any]):
    """A document that notes in `fields` what is read of it."""

    def __init__(self, document: Document, fields: dict[str, None]) -> None:
        self._document = document
        self._fields = fields

    def __getitem__(self, name: str) -> Any:
        self._fields[name] = None
        return self._document[name]

    def __iter__(self) -> Iterator[str]:
        self._fields.update(dict.fromkeys(self._document))
        return iter(self._document)

    def __len__(self) -> int:
        return len([*self])


class GroupsOf:
    """In which groups documents of one kind stand.

    That is a pure function of the document. So it has to be asked again only when a field changes that
    was ever read to answer it, which few events do.
    """

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._fields: dict[str, None] = {}

    def of(self, document: Document) -> Iterable[str]:
        return self._kind.groups(Watched(document, self._fields))

    def may_differ(self, before: Document | None, after: Document | None) -> bool:
        if before is None or after is None:
            return True
        # Written out: this is asked of every event, and a generator takes three times as long.
        try:
            for name in self._fields:
                if before[name] is not after[name]:
                    return True
        except KeyError:
            return True
        return False


class Membership:
    """What reaches documents of one kind by the groups in which they stand."""

    def __init__(self, kind: Kind, tracks: Mapping[str, Track]) -> None:
        self._groups = GroupsOf(kind)
        self._tracks = tracks
        self.may_differ = self._groups.may_differ

    def tracks(self, document: Document | None) -> Sequence[Track]:
        if document is None:
            return ()
        tracks = self._tracks
        return [tracks[group] for group in self._groups.of(document) if group in tracks]


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
