"""What a log comes to, told a second time: plain and slow, with nothing of what projects it otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from events.event import Poison, Record
from tests.faults.plain_sums import Named, Thing, sums_of

WITHOUT_EFFECT: Final = frozenset({"claim.claimed", "claim.released", "admins.gained", "admins.lost"})
BEGINNINGS: Final = frozenset(
    {
        "user.registered",
        "department.created",
        "project.created",
        "task.created",
        "tag.created",
        "risk.raised",
        "expense.recorded",
    }
)
TASK_AT_FIRST: Final[Thing] = {
    "actual_centihours": None,
    "tag_ids": [],
    "credits": {},
    "bookings": {},
    "completion_notes": "",
    "cost_cents": 0,
    "deleted": False,
    "in_closed_project": False,
}
RISK_AT_FIRST: Final[Thing] = {"actual_impact": "", "resolution_notes": ""}


class Unfamiliar(Exception):
    """An event that clients of the lab never cause: this fold would have to learn it first."""


def documents_of(log: Iterable[Record | Poison]) -> Named:
    """Every document that a read model of this log holds, sums included. Raises Unfamiliar."""
    found: Named = {}
    for record in log:
        if isinstance(record, Poison):
            raise Unfamiliar(f"the event at {record.position} cannot be read")
        _take(found, record)
    return found | sums_of(found)


def _take(found: Named, record: Record) -> None:
    topic, told = record.event.TOPIC, asdict(record.event)
    kind, what = topic.split(".", 1)
    name = record.stream.replace("-", ":", 1)
    if topic in BEGINNINGS:
        found[name] = _begun(kind, told, record)
    elif topic in WITHOUT_EFFECT or name not in found:
        return
    elif what in ("details_changed", "changed") and kind in ("project", "task", "tag", "risk"):
        _change(found[name], record, told["changes"])
    elif topic == "task.status_changed":
        _change(found[name], record, _status(found[name], told["status"], record))
    elif topic == "task.assigned":
        _change(found[name], record, _team(found[name], told["assignee_ids"], record))
    elif topic == "task.tagged":
        _change(found[name], record, {"tag_ids": list(told["tag_ids"])})
    elif topic == "task.hours_booked":
        _change(found[name], record, _hours(found[name], told, record))
    elif topic == "user.sessions_ended":
        _change(found[name], record, {})
    else:
        raise Unfamiliar(f"nobody expected {topic} at {record.position}")


def _begun(kind: str, told: Thing, record: Record) -> Thing:
    """A document as its first event makes it: what that tells, and when and where it stands."""
    thing = {name: value for name, value in told.items() if name != f"{kind}_id"}
    thing |= {"id": told[f"{kind}_id"], "created": record.position, "created_at": record.recorded_at}
    if kind == "task":
        team = list(told["assignee_ids"])
        is_begun = told["status"] == "in_progress"
        thing |= TASK_AT_FIRST | {"credits": {}, "bookings": {}, "tag_ids": []}
        thing |= {
            "assignee_ids": team,
            "assigned_at": {str(user): record.recorded_at for user in team},
            "started_at": record.recorded_at if is_begun else None,
            "promised_date": told["due_date"],
            "completed_at": record.recorded_at if told["status"] == "completed" else None,
        }
    if kind == "risk":
        thing |= RISK_AT_FIRST
    _change(thing, record, {})
    return thing


def _change(thing: Thing, record: Record, changes: Mapping[str, Any]) -> None:
    thing.update(changes)
    thing.update(version=record.version, updated=record.position, updated_at=record.recorded_at)


def _status(task: Thing, status: str, record: Record) -> Thing:
    changes: Thing = {"status": status}
    changes["completed_at"] = record.recorded_at if status == "completed" else None
    if status == "in_progress" and not task["started_at"]:
        changes["started_at"] = record.recorded_at
        changes["promised_date"] = task["due_date"]
    return changes


def _team(task: Thing, team: Sequence[int], record: Record) -> Thing:
    since = {}
    for user in team:
        since[str(user)] = task["assigned_at"].get(str(user)) or record.recorded_at
    return {"assignee_ids": list(team), "assigned_at": since}


def _hours(task: Thing, told: Thing, record: Record) -> Thing:
    day, month = record.recorded_at[:10], record.recorded_at[:7]
    bookings, credited = dict(task["bookings"]), {user: dict(days) for user, days in task["credits"].items()}
    bookings.setdefault(month, 0)
    if told["actual_centihours"] != (task["actual_centihours"] or 0):
        bookings[month] += 1
    cost = task["cost_cents"]
    for credit in told["credits"]:
        days = credited.setdefault(str(credit["user_id"]), {})
        days[day] = days.get(day, 0) + credit["centihours"]
        cost += credit["cost_cents"]
    return {
        "actual_centihours": told["actual_centihours"],
        "cost_cents": cost,
        "bookings": bookings,
        "credits": credited,
    }
