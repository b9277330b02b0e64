"""Looking into the log: pages of events, one event with all that is known of it, what comes next."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from api.core import Core
from api.operators.event_queries import NoSuchQuery, Query, find
from api.operators.event_rows import HIDDEN, opened, row_of
from api.operators.history import TooLong, changes_of, groups_of, reader_of
from api.operators.instruments import Instruments
from api.operators.telling import Difference
from commands.errors import NotFound
from events.criteria import Criteria
from events.event import TYPES, Poison, Record
from events.finding import Finder, Wanted
from events.log import Stored

RELATED_MAX: Final = 100
"""Events of the same request, and effects, that are shown with one."""

PERSONAL_FIELDS: Final = frozenset(name for cls in TYPES.values() for name in cls.PERSONAL)
"""What identifies a person, in events and in the objects that they make."""

FOLLOWED_MAX: Final = 1_000
"""Events of the log that are looked at in one go while it is followed."""


class Page(NamedTuple):
    """Events as they are shown; the other fields are those of `events.finding.Found`."""

    events: Sequence[dict[str, Any]]
    next: int | None
    complete_to: int
    indexed_to: int
    head: int

    def as_json(self) -> dict[str, Any]:
        return self._asdict()


class Followed(NamedTuple):
    """What came after a position, and how far was looked."""

    events: Sequence[dict[str, Any]]
    position: int


async def page(place: Core | Instruments, query: Query) -> Page:
    """One page. Raises Unavailable."""
    found = await find(place.store.log, place.connections, query)
    return Page(_rows(found.events), found.next, found.complete_to, found.indexed_to, found.head)


async def whole_page(place: Core | Instruments, query: Query) -> Page:
    """A page that is full where there are enough events, however many rounds that takes."""
    found = await page(place, query)
    events = list(found.events)
    while found.next is not None and len(events) < query.limit:
        rest = replace(query, limit=query.limit - len(events))
        rest = replace(rest, before=found.next) if query.newest_first else replace(rest, after=found.next)
        found = await page(place, rest)
        events += found.events
    return found._replace(events=events)


async def latest(place: Core | Instruments, criteria: Criteria, count: int) -> Followed:
    """The last `count` events that meet `criteria`, in the order of the log. Raises Unavailable."""
    head = await place.store.head()
    if not count:
        return Followed((), head)
    found = await whole_page(place, Query(criteria=criteria, limit=count, before=head + 1))
    return Followed(list(reversed(found.events)), head)


async def followed(place: Core | Instruments, criteria: Criteria, after: int, timeout_s: float) -> Followed:
    """What meets `criteria` among the next events after a position, waiting up to `timeout_s` for any.

    Where there are none the position is the one that was given. Raises NoSuchQuery for a position that the
    log has not reached, as when it was restored to an earlier moment, Unavailable.
    """
    log = place.store.log
    stored = await log.read(after, FOLLOWED_MAX)
    if not stored and after > (head := await log.head()):
        raise NoSuchQuery(f"There is no position {after} to go on from: the log ends at {head}")
    if not stored and timeout_s and await log.wait(after, timeout_s):
        stored = await log.read(after, FOLLOWED_MAX)
    events = _rows(one for one in stored if criteria.is_met_by(one))
    return Followed(events, stored[-1].position if stored else after)


async def located(place: Core | Instruments, name: str) -> int:
    """The position that a text names: one, or an event's id. Raises NotFound, Unavailable."""
    if name.isascii() and name.isdecimal():
        return min(int(name[:19]), 2**63 - 1)
    try:
        event_id = str(uuid.UUID(name))
    except ValueError:
        raise NotFound("Event") from None
    found = await _first(place, Criteria(event_id=event_id))
    if found is None:
        raise NotFound("Event")
    return found.position


async def shown(place: Core | Instruments, position: int, *, masked: bool = False) -> dict[str, Any]:
    """An event, where it came from, its cause and effects, and what it changed.

    Personal fields are in clear unless `masked`; those of an erased person are `erased`. Raises
    NotFound, Unavailable.
    """
    stored = await place.store.log.read_at([position])
    # Decoded, too: that has the keys of people at hand.
    records = await place.store.read_at([position])
    if not stored or not records:
        raise NotFound("Event")
    [event], [record] = stored, records
    personal = None if masked else opened(event, place.store.keyring)
    return {
        **row_of(event, personal),
        "request": await _request(place, event.request_id),
        "cause": await _cause(place, event),
        "effects": await _related(place, Criteria(causation_id=event.event_id)),
        "same_request": await _same_request(place, event),
        "changes": await _changes(place, record, masked=masked),
        "reaches": groups_of(record),
    }


async def _request(place: Core | Instruments, request_id: str | None) -> dict[str, Any] | None:
    """Where a request came from, as long as that is remembered."""
    row = request_id and await place.database.row("find_request", request_id=request_id)
    names = ("at", "address", "user_agent", "method", "path", "status")
    return dict(zip(names, row, strict=True)) if row else None


async def _cause(place: Core | Instruments, event: Stored) -> dict[str, Any] | None:
    if event.causation_id is None:
        return None
    found = await _first(place, Criteria(event_id=event.causation_id))
    return _brief(found) if found else {"event_id": event.causation_id, "position": None}


async def _same_request(place: Core | Instruments, event: Stored) -> list[dict[str, Any]]:
    if event.request_id is None:
        return []
    related = await _related(place, Criteria(request_id=event.request_id))
    return [each for each in related if each["position"] != event.position]


async def _related(place: Core | Instruments, criteria: Criteria) -> list[dict[str, Any]]:
    wanted = Wanted(criteria=criteria, limit=RELATED_MAX, newest_first=False)
    found = await Finder(place.store.log, place.connections).find(wanted)
    return [_brief(each) for each in found.events]


async def _first(place: Core | Instruments, criteria: Criteria) -> Stored | None:
    found = await Finder(place.store.log, place.connections).find(Wanted(criteria=criteria, limit=1))
    return found.events[0] if found.events else None


def _brief(stored: Stored) -> dict[str, Any]:
    row = row_of(stored)
    return {name: row[name] for name in ("position", "recorded_at", "type", "stream", "event_id")}


def _rows(events: Iterable[Stored]) -> list[dict[str, Any]]:
    return [row_of(each) for each in events]


async def _changes(
    place: Core | Instruments, record: Record | Poison, *, masked: bool
) -> list[dict[str, Any]]:
    """What became of the objects that the event names; `note` says why it cannot be told."""
    try:
        found = await changes_of(reader_of(place), record)
    except TooLong as error:
        return [{"object": None, "id": None, "effect": None, "note": str(error), "changes": []}]
    hidden = PERSONAL_FIELDS if masked else frozenset()
    return [
        {
            "object": each.ref.kind,
            "id": each.ref.id,
            "effect": each.effect,
            "note": each.note,
            "changes": [_masked(change, hidden) for change in each.changes],
        }
        for each in found
    ]


def _masked(change: Difference, hidden: Collection[str]) -> dict[str, Any]:
    if change.field not in hidden:
        return change._asdict()
    return {"field": change.field, **{name: getattr(change, name) and HIDDEN for name in ("old", "new")}}
