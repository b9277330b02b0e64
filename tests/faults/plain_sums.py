"""What documents add up to, counted from what there is at the end: the checker's own sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

Thing = dict[str, Any]
Named = dict[str, Thing]
"""Documents by name, as `task:12`."""

Addends = Iterator[tuple[str, str, int]]
"""The sum that is added to, the field of it, and how much."""

DepartmentOf = Mapping[int, int | None]


def sums_of(found: Named) -> Named:
    """Everything that is added up, from what there is at the end: fields by the name of their sum."""
    totals: dict[str, Counter[str]] = {}
    for into, field, amount in _addends(found):
        totals.setdefault(into, Counter())[field] += amount
    return {
        name: {"id": name.partition(":")[2], **{field: total for field, total in fields.items() if total}}
        for name, fields in totals.items()
        if any(fields.values())
    }


def _addends(found: Named) -> Addends:
    department_of = {
        thing["id"]: thing["department_id"] for name, thing in found.items() if name.startswith("user:")
    }
    for name, thing in found.items():
        kind = name.partition(":")[0]
        if kind in _ADDENDS:
            yield from _ADDENDS[kind](thing)
        if kind in _OF_DEPARTMENTS:
            yield from _OF_DEPARTMENTS[kind](thing, department_of)


def _of_project(project: Thing) -> Addends:
    yield f"access:{project['owner_id']}:{project['id']}", "reasons", 1
    yield "portfolio:all", "projects", 1
    yield "portfolio:all", "allocated_cents", project["budget_cents"]


def _of_expense(expense: Thing) -> Addends:
    figures, cents = f"project_figures:{expense['project_id']}", expense["amount_cents"]
    yield figures, "expenses", 1
    yield figures, "expenses_cents", cents
    yield "portfolio:all", "expenses_cents", cents
    yield "portfolio:all", f"spent.{expense['incurred_on'][:7]}", 1


def _of_risk(risk: Thing) -> Addends:
    yield f"project_figures:{risk['project_id']}", "risks", 1
    yield f"project_figures:{risk['project_id']}", "open_risks", int(risk["status"] == "active")


def _of_task(task: Thing) -> Addends:
    for user in {task["creator_id"], *task["assignee_ids"]}:
        for field in ("tasks", task["status"], task["priority"]):
            yield f"own_tasks:{user}", field, 1
    for tag in task["tag_ids"]:
        yield f"tag_figures:{tag}", "tasks", 1
    yield from _of_task_in_project(task)
    yield from _of_team(task)
    for user, days in task["credits"].items():
        for day, hundredths in days.items():
            yield f"user_figures:{user}", "centihours", hundredths
            yield f"user_figures:{user}", f"hours.{day[:7]}", hundredths
            yield f"work:{user}:{day[:7]}", f"hours.{day[8:]}", hundredths


def _of_task_in_project(task: Thing) -> Addends:
    if task["project_id"] is None:
        return
    figures = f"project_figures:{task['project_id']}"
    for user in task["assignee_ids"]:
        yield f"access:{user}:{task['project_id']}", "reasons", 1
    yield figures, "labour_cents", task["cost_cents"]
    yield "portfolio:all", "labour_cents", task["cost_cents"]
    for month, times in task["bookings"].items():
        yield "portfolio:all", f"spent.{month}", times
    if task["status"] != "cancelled":
        estimate, is_done = task["estimated_centihours"] or 0, task["status"] == "completed"
        yield figures, "tasks", 1
        yield figures, "completed", int(is_done)
        yield figures, "estimated", int(estimate > 0)
        yield figures, "estimated_centihours", estimate
        yield figures, "completed_estimated_centihours", estimate * is_done


def _of_team(task: Thing) -> Addends:
    """What a task means to those who are assigned to it, and what is left of it for each."""
    if task["status"] == "cancelled":
        return
    for user, left in _left_for(task).items():
        for field, amount in _work(task, left):
            yield f"user_figures:{user}", field, amount
        since = task["assigned_at"][str(user)]
        yield f"work:{user}:{since[:7]}", f"assigned.{since[8:10]}", 1
        if task["status"] == "completed":
            yield from _of_completion(task, user)


def _left_for(task: Thing) -> dict[int, int]:
    """What an open task still takes, shared out: who comes first has the odd hundredths."""
    left = max((task["estimated_centihours"] or 0) - (task["actual_centihours"] or 0), 0)
    if task["status"] in ("completed", "cancelled"):
        left = 0
    team = sorted(task["assignee_ids"])
    return {user: left // len(team) + int(place < left % len(team)) for place, user in enumerate(team)}


def _work(task: Thing, left: int) -> Iterator[tuple[str, int]]:
    is_done = task["status"] == "completed"
    yield "tasks", 1
    yield "completed", int(is_done)
    yield "open_tasks", int(not is_done)
    yield "remaining_centihours", left


def _of_completion(task: Thing, user: int) -> Addends:
    work, end = f"work:{user}:{task['completed_at'][:7]}", _moment(task["completed_at"])
    name = f"done.{task['id']}"
    yield work, f"{name}.at", int(end.timestamp())
    began = _moment(task["started_at"] or task["created_at"])
    yield work, f"{name}.cycle", int(end.timestamp() - began.timestamp())
    if task["promised_date"]:
        promised = _moment(task["promised_date"])
        whole_day = promised.time() == promised.time().min
        is_late = end > promised + timedelta(days=int(whole_day))
        yield work, f"{name}.{'late' if is_late else 'timely'}", 1
    if task["estimated_centihours"] and task["actual_centihours"] is not None:
        yield work, f"{name}.estimate", task["estimated_centihours"]
        yield work, f"{name}.actual", task["actual_centihours"]


def _moment(instant: str) -> datetime:
    return datetime.fromisoformat(instant).astimezone(UTC)


def _member(user: Thing, department_of: DepartmentOf) -> Addends:
    if (department := department_of[user["id"]]) is not None:
        yield f"department_figures:{department}", "members", 1
        yield f"department_figures:{department}", "active_members", int(user["active"])


def _owned(project: Thing, department_of: DepartmentOf) -> Addends:
    if (department := department_of[project["owner_id"]]) is not None:
        yield f"department_access:{department}:{project['id']}", "reasons", 1


def _worked_on(task: Thing, department_of: DepartmentOf) -> Addends:
    """A task counts once for a department, however many of its members have it."""
    left: Counter[int] = Counter()
    for user, share in _left_for(task).items():
        if (department := department_of[user]) is not None:
            left[department] += share
    for department, share in left.items():
        if task["project_id"] is not None:
            yield f"department_access:{department}:{task['project_id']}", "reasons", 1
        if task["status"] != "cancelled":
            for field, amount in _work(task, share):
                yield f"department_figures:{department}", field, amount
    for name, days in task["credits"].items():
        if (department := department_of[int(name)]) is not None:
            for day, hundredths in days.items():
                yield f"department_figures:{department}", "centihours", hundredths
                yield f"department_figures:{department}", f"hours.{day[:7]}", hundredths


_ADDENDS: Final = {"project": _of_project, "expense": _of_expense, "risk": _of_risk, "task": _of_task}
_OF_DEPARTMENTS: Final = {"user": _member, "project": _owned, "task": _worked_on}
