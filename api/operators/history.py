"""Who changed an object, when, in which request, and what: read from the log, which needs no read model."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, NamedTuple

from api.core import Core
from api.database import Database
from api.operators.instruments import Instruments
from api.operators.telling import OBJECTS, Difference, Told, differences, folded, streams_of, told
from commands.errors import NotFound
from events.event import Poison, Record
from events.store import EventStore
from projections.catalogue import STEPS
from projections.discards import discarded
from projections.reach import own_stream
from readmodels.documents import Document, Ref

WHOLE_LOG: Final = 2**63 - 1
TURN_EVENTS: Final = 200


class TooLong(Exception):
    """A history has more events than may be read at once."""

    def __init__(self, events: int, events_max: int) -> None:
        super().__init__(
            f"This history takes {events:,} events to tell, and {events_max:,} are read at most;"
            " TASKLEDGER_HISTORY_EVENTS_MAX can be raised"
        )


@dataclass(frozen=True, slots=True)
class Reader:
    """What histories are read from; `events_max` bounds how many events one may take."""

    store: EventStore
    database: Database
    events_max: int


def reader_of(place: Core | Instruments) -> Reader:
    return Reader(place.store, place.database, place.settings.history_events_max)


class Origin(NamedTuple):
    """Where a request came from, as long as that is remembered."""

    address: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in an object's history. `actor_name` is today's username.

    `actor_name` is None for nobody and for those who are gone, and `erased` for those whose name was
    erased; `origin` is None where nobody remembers it.
    """

    told: Told
    changes: Sequence[Difference]
    actor_name: str | None
    origin: Origin | None

    def as_json(self) -> dict[str, Any]:
        """The entry as tools print it; what is not known of an event that cannot be read is null."""
        record = self.told.record
        known = record if isinstance(record, Record) else None
        return {
            "position": record.position,
            "at": record.recorded_at,
            "type": type_of(record),
            "stream": record.stream,
            "version": record.version,
            "actor": known and actor_of(known, self.actor_name),
            "dialect": known and known.dialect,
            "command": known and known.command,
            "request_id": known and known.request_id,
            "address": self.origin and self.origin.address,
            "user_agent": self.origin and self.origin.user_agent,
            "effect": self.told.effect,
            "note": self.told.note,
            "changes": [difference._asdict() for difference in self.changes],
        }


def type_of(record: Record | Poison) -> str:
    return record.topic if isinstance(record, Poison) else record.event.TOPIC


def actor_of(record: Record, name: str | None) -> dict[str, Any] | None:
    """Who did it, in the role that they had then; None for TaskLedger itself."""
    if record.actor_id is None:
        return None
    return {"id": record.actor_id, "name": name, "role": record.actor_role}


async def story(reader: Reader, ref: Ref, end: int = WHOLE_LOG) -> list[Told]:
    """What happened to an object up to position `end`, in order.

    Raises NotFound for what never was by then, TooLong, Unavailable.
    """
    if ref.kind not in OBJECTS:
        raise NotFound(ref.kind)
    left_out = await discarded(reader.store, end)
    found: list[Told] = []
    for number, each in enumerate(told(ref, await _records(reader, ref, end, left_out), left_out)):
        found.append(each)
        if number % TURN_EVENTS == 0:
            # Others have their turn while a long story is told.
            await asyncio.sleep(0)
    if not found:
        raise NotFound(ref.kind)
    return found


async def _records(reader: Reader, ref: Ref, end: int, left_out: Collection[int]) -> list[Record | Poison]:
    """All events that reached an object up to position `end`, and some that did not. Raises TooLong."""
    records: list[Record | Poison] = []
    streams: frozenset[str] = frozenset()
    needed = frozenset({own_stream(ref)})
    # A stream that moves the object into another group brings one more into its story.
    while needed - streams:
        await _must_not_be_too_long(reader, streams | needed)
        records += [each for each in await reader.store.histories(needed - streams) if each.position <= end]
        records.sort(key=attrgetter("position"))
        streams |= needed
        needed = streams_of(ref, told(ref, records, left_out, take=folded))
        await asyncio.sleep(0)
    return records


async def entries(reader: Reader, some: Sequence[Told]) -> list[Entry]:
    """Events of a story with what they changed, who did it and from where. Raises Unavailable."""
    records = [each.record for each in some if isinstance(each.record, Record)]
    names = await names_of(reader.store, {each.actor_id for each in records if each.actor_id is not None})
    origins = await origins_of(reader.database, {each.request_id for each in records if each.request_id})
    return [_entry(each, names, origins) for each in some]


def _entry(each: Told, names: Mapping[int, str], origins: Mapping[str, Origin]) -> Entry:
    known = each.record if isinstance(each.record, Record) else None
    return Entry(
        each,
        differences(each.before, each.after) if each.effect else (),
        names.get(known.actor_id) if known and known.actor_id is not None else None,
        origins.get(known.request_id) if known and known.request_id else None,
    )


async def names_of(store: EventStore, user_ids: set[int]) -> dict[int, str]:
    """The usernames of those who have an account, as they are today. Raises Unavailable."""
    refs = {own_stream(ref): ref for ref in (Ref("user", str(user_id)) for user_id in user_ids)}
    cards: dict[str, Document | None] = {}
    for record in await store.histories(refs) if refs else ():
        if isinstance(record, Record):
            cards[record.stream] = folded(refs[record.stream], cards.get(record.stream), record)
    return {card["id"]: card["username"] for card in cards.values() if card}


async def origins_of(database: Database, request_ids: set[str]) -> dict[str, Origin]:
    """Where requests came from, by their ids; forgotten ones are missing. Raises Unavailable."""
    if not request_ids:
        return {}
    rows = await database.rows("find_origins", request_ids=list(request_ids))
    return {request_id: Origin(address, user_agent) for request_id, address, user_agent in rows}


async def state(reader: Reader, ref: Ref, end: int = WHOLE_LOG) -> Document:
    """An object as it was at position `end`. Raises NotFound where there was none, TooLong, Unavailable."""
    document = (await story(reader, ref, end))[-1].after
    if document is None:
        raise NotFound(ref.kind)
    return document


class Changed(NamedTuple):
    """What one event did to one object; `effect` and `note` are those of `Told`."""

    ref: Ref
    effect: str | None
    note: str | None
    changes: Sequence[Difference]


async def changes_of(reader: Reader, record: Record | Poison) -> list[Changed]:
    """What an event changed of the objects that it is itself about, which it names.

    What it did to others by way of a group that they stood in (`groups_of`) is in their histories.
    Raises TooLong, Unavailable.
    """
    found = []
    for ref in refs_of(record):
        for each in await story(reader, ref, record.position):
            if each.record.position == record.position:
                changes = differences(each.before, each.after) if each.effect else ()
                found.append(Changed(ref, each.effect, each.note, changes))
    return found


def refs_of(record: Record | Poison) -> list[Ref]:
    """The objects that an event names."""
    if isinstance(record, Poison):
        kind, _, number = record.stream.partition("-")
        return [Ref(kind, number)] if kind in OBJECTS else []
    steps = [step for step in STEPS.get(type(record.event), ()) if step.group is None]
    return list(dict.fromkeys(Ref(step.kind, key) for step in steps for key in step.touches(record.event)))


def groups_of(record: Record | Poison) -> list[str]:
    """The groups whose members an event reached besides, as `task:of:12`: the tasks of project 12."""
    if isinstance(record, Poison):
        return []
    groups = (step.group for step in STEPS.get(type(record.event), ()))
    return sorted({group(record.event) for group in groups if group is not None})


async def _must_not_be_too_long(reader: Reader, streams: frozenset[str]) -> None:
    row = await reader.database.row("count_events", streams=list(streams))
    if row is not None and row[0] > reader.events_max:
        raise TooLong(row[0], reader.events_max)
