"""The forms of histories: what changed, under the names and with the values of this API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Literal, NotRequired

from typing_extensions import TypedDict

from api.callers import Caller
from api.operators.history import Entry, type_of
from api.operators.readable import BOOKKEEPING
from api.operators.telling import Difference, Told, differences
from api.taskflow.formats import ShownMoment, moment, money
from events.event import Poison, Record
from projections.reach import own_stream
from readmodels.documents import Document, Ref

Value = str | float | bool | list[int] | None


class Change(TypedDict):
    """A field as requests send it; null where there was, or is, no value."""

    field: str
    old: Value
    new: Value


class HistoryActor(TypedDict):
    """Who did it, in the role of that time; the username is today's, null once the account is gone."""

    id: int
    username: str | None
    role: str | None


class HistoryEntry(TypedDict):
    """What one event did to an object; where the request came from is for admins.

    `actor` is null for the system itself. `address` and `user_agent` are null once they are forgotten.
    """

    position: int
    created_at: ShownMoment
    action: Literal["created", "changed", "deleted", "none"]
    event: str
    actor: HistoryActor | None
    application: str | None
    command: str | None
    request_id: str | None
    changes: list[Change]
    address: NotRequired[str | None]
    user_agent: NotRequired[str | None]


class Shown(TypedDict):
    name: str
    value: NotRequired[Callable[[Any], Value]]


def _number(text: str | None) -> float | None:
    """`1234.50` as this API writes money and hours."""
    return None if text is None else money(int(text.replace(".", "")))


def _same(*names: str) -> dict[str, Shown]:
    return {name: {"name": name} for name in names}


def _moments(*names: str) -> dict[str, Shown]:
    return {name: {"name": name, "value": moment} for name in names}


def _numbers(*names: str) -> dict[str, Shown]:
    return {name: {"name": name, "value": _number} for name in names}


FIELDS: Final[Mapping[str, Mapping[str, Shown]]] = {
    "project": {
        **_same("owner_id", "name", "description", "status"),
        **_numbers("budget"),
        **_moments("start_date", "end_date"),
    },
    "task": {
        **_same("project_id", "title", "description", "status", "priority", "completion_notes"),
        **_numbers("estimated_hours", "actual_hours"),
        **_moments("due_date", "completed_at"),
        "assignee_ids": {"name": "assigned_to"},
        "tag_ids": {"name": "tags"},
    },
    "risk": _same(
        "project_id", "title", "description", "severity", "probability", "impact", "mitigation_plan",
        "status", "actual_impact", "resolution_notes",
    ),
    "user": {
        **_same("username", "email", "first_name", "last_name", "role", "active", "department_id"),
        **_numbers("hourly_rate"),
    },
}  # fmt: skip
"""By kind and by name in `api.operators.readable`. The rest is for folding, or shown by no other answer."""

FOR_ADMINS: Final = frozenset({"hourly_rate"})


def is_shown(ref: Ref, told: Told, caller: Caller) -> bool:
    """Whether an event belongs into the history that a caller is shown.

    One that changed only what the caller is not shown does not; one that changed nothing, as a new
    password, does.
    """
    if told.effect != "changed" or _is_certain(ref, told):
        return True
    changed = [each for each in differences(told.before, told.after) if each.field not in BOOKKEEPING]
    return not changed or is_deletion(told) or bool(list(_changes(ref.kind, changed, caller)))


def _is_certain(ref: Ref, told: Told) -> bool:
    """Nearly all events need no look at their differences: an object's own ones, of kinds without secrets."""
    return told.record.stream == own_stream(ref) and not FOR_ADMINS & FIELDS[ref.kind].keys()


def is_deletion(told: Told) -> bool:
    """Whether the object is gone with this event; a deleted task stays, for what it has cost."""
    return told.after is None or (is_gone(told.after) and not is_gone(told.before))


def is_gone(document: Document | None) -> bool:
    return document is None or bool(document.get("deleted"))


def shown_entry(ref: Ref, entry: Entry, caller: Caller) -> HistoryEntry:
    record = entry.told.record
    known = record if isinstance(record, Record) else None
    shown: HistoryEntry = {
        "position": record.position,
        "created_at": moment(record.recorded_at),
        "action": _action(entry.told),
        "event": type_of(record),
        "actor": _actor(record, entry.actor_name),
        "application": known and known.dialect,
        "command": known and known.command,
        "request_id": known and known.request_id,
        "changes": _shown_changes(ref, entry, caller),
    }
    if caller.is_admin:
        shown["address"] = entry.origin and entry.origin.address
        shown["user_agent"] = entry.origin and entry.origin.user_agent
    return shown


def _action(told: Told) -> Literal["created", "changed", "deleted", "none"]:
    match told.effect:
        case None:
            return "none"
        case "created":
            return "created"
    return "deleted" if is_deletion(told) else "changed"


def _actor(record: Record | Poison, name: str | None) -> HistoryActor | None:
    if isinstance(record, Poison) or record.actor_id is None:
        return None
    return {"id": record.actor_id, "username": name, "role": record.actor_role}


def _shown_changes(ref: Ref, entry: Entry, caller: Caller) -> list[Change]:
    """None for a deletion: what the object was last is what the entries before it say."""
    return [] if is_deletion(entry.told) else list(_changes(ref.kind, entry.changes, caller))


def _changes(kind: str, changes: Iterable[Difference], caller: Caller) -> Iterator[Change]:
    for each in changes:
        shown = FIELDS[kind].get(each.field)
        if shown is None or (each.field in FOR_ADMINS and not caller.is_admin):
            continue
        value = shown.get("value", _as_it_is)
        old, new = value(each.old), value(each.new)
        if old != new:
            yield {"field": shown["name"], "old": old, "new": new}


def _as_it_is(value: Any) -> Value:
    kept: Value = value
    return kept
