"""Which appends go together, and what a group looks like as parameters of one SQL call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from events.arrays import byteas, int4s, int8s, texts, timestamps, uuids
from events.log import RawAppend
from events.private import EndSessions, ForgetUser, KeepUserKey, PrivateRow, SetPassword


def pick(waiting: Iterable[RawAppend], events_max: int, under_way: Iterable[RawAppend] = ()) -> list[int]:
    """Which of the waiting appends, in their order, may share one group of about `events_max` events.

    Within a group no append writes what another writes or guards, and no command id comes twice; the
    same holds towards appends that are under way. An append that has to stay behind keeps back all
    later ones that meet it, so order is kept.
    """
    picked: list[int] = []
    written: set[str] = set()
    looked_at: set[str] = set()
    for append in under_way:
        written |= written_by(append)
        looked_at |= {guard.stream for guard in append.guards}
    events = 0
    for place, append in enumerate(waiting):
        writes = written_by(append)
        guards = {guard.stream for guard in append.guards}
        if picked and events + len(append.events) > events_max:
            break
        if writes.isdisjoint(written | looked_at) and guards.isdisjoint(written):
            picked.append(place)
            events += len(append.events)
        written |= writes
        looked_at |= guards
    return picked


def written_by(append: RawAppend) -> set[str]:
    """What no other append of a group may write or guard: its streams, and its command id."""
    return {event.stream for event in append.events} | {f"command {append.command_id}"}


def parameters(appends: Sequence[RawAppend]) -> dict[str, Any]:
    """The parameters of append_group.sql.

    Raises UnicodeError, ValueError and struct.error for what the database could not hold.
    """
    metadata = [append.metadata for append in appends]
    events = [(no, event) for no, append in enumerate(appends, 1) for event in append.events]
    guards = [(no, guard) for no, append in enumerate(appends, 1) for guard in append.guards]
    return {
        "command_ids": texts(append.command_id for append in appends),
        "fingerprints": texts(append.fingerprint for append in appends),
        "actor_ids": int8s(one.actor_id for one in metadata),
        "actor_roles": texts(one.actor_role for one in metadata),
        "dialects": texts(one.dialect for one in metadata),
        "request_ids": texts(one.request_id for one in metadata),
        "causation_ids": texts(one.causation_id for one in metadata),
        "command_names": texts(one.command for one in metadata),
        "addresses": texts(one.address for one in metadata),
        "user_agents": texts(one.user_agent for one in metadata),
        "event_appends": int4s(no for no, _ in events),
        "streams": texts(event.stream for _, event in events),
        "versions": int8s(event.version for _, event in events),
        "topics": texts(event.topic for _, event in events),
        "states": byteas(event.state for _, event in events),
        "event_ids": uuids(event.event_id for _, event in events),
        "guard_appends": int4s(no for no, _ in guards),
        "guard_streams": texts(guard.stream for _, guard in guards),
        "guard_versions": int8s(guard.version for _, guard in guards),
        "private_rows": private_rows(appends),
        "asked_moments": timestamps(append.recorded_at for append in appends),
    }


def private_rows(appends: Sequence[RawAppend]) -> str:
    """The private rows of all appends as one JSON text."""
    rows = [
        {"append": no, "user_id": row.user_id, **private_row(row)}
        for no, append in enumerate(appends, 1)
        for row in append.private
    ]
    return orjson.dumps(rows).decode()


def private_row(row: PrivateRow) -> dict[str, str | int | None]:
    match row:
        case SetPassword():
            return {"kind": "password", "password_hash": row.password_hash}
        case EndSessions():
            return {"kind": "end_sessions", "only": row.only, "but": row.but}
        case ForgetUser():
            return {"kind": "forget_user"}
        case KeepUserKey():
            return {"kind": "user_key", "wrapped_key": row.wrapped_key.hex()}
