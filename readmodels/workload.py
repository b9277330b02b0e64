"""What tasks add up to for the people who work on them, and for their departments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypedDict, cast

from readmodels.documents import (
    ByDepartment,
    Contribution,
    DepartmentOf,
    Document,
    Kind,
    Places,
    Ref,
    Standing,
    month_of,
    ref_to,
)
from readmodels.tasks import Task, counts, due, is_open

HOURS: Final = "hours."


class UserFigures(TypedDict, total=False):
    """A summary over the tasks assigned to a user, and over the hours credited to one.

    Hours are hundredths; `hours.2025-07` are those booked in a month. What is left of a task is
    shared out evenly.
    """

    id: str
    tasks: int
    completed: int
    open_tasks: int
    remaining_centihours: int
    centihours: int


def contributions(document: Document) -> Iterable[Contribution]:
    task = cast(Task, document)
    if counts(task):
        same = work(task)
        for user_id, left in shares(task).items():
            yield ref_to("user_figures", user_id), {**same, "remaining_centihours": left}
    for user, days in task["credits"].items():
        yield Ref("user_figures", user), hours(days)


def work(task: Task) -> dict[str, int]:
    return {"tasks": 1, "completed": int(task["status"] == "completed"), "open_tasks": int(is_open(task))}


def remaining(task: Task) -> int:
    """The hours (hundredths) that an open task is still expected to take."""
    if not is_open(task):
        return 0
    return max((task["estimated_centihours"] or 0) - (task["actual_centihours"] or 0), 0)


def shares(task: Task) -> dict[int, int]:
    """What is left of a task by assignee; the lowest ids get the odd hundredths."""
    people = sorted(task["assignee_ids"])
    if not people:
        return {}
    share, odd = divmod(remaining(task), len(people))
    return {user_id: share + (place < odd) for place, user_id in enumerate(people)}


def hours(days: dict[str, int]) -> dict[str, int]:
    """Hours by day as their total and the totals of months."""
    amounts = {"centihours": sum(days.values())}
    for day, booked in days.items():
        month = HOURS + month_of(day)
        amounts[month] = amounts.get(month, 0) + booked
    return amounts


def people(document: Document) -> Iterable[int]:
    """Assigned now, or credited with hours at some time."""
    return {*document["assignee_ids"], *map(int, document["credits"])}


def of_departments(document: Document, department_of: DepartmentOf) -> Standing:
    """A task counts once in each department that an assignee is in.

    A cancelled one is still a reason for them to have to do with its project, as it is for the user.
    """
    task = cast(Task, document)
    places: Places = {}
    found = credited(task, department_of)
    if task["deleted"]:
        return Standing(places, found)
    for department_id, left in remaining_by(task, department_of).items():
        found += access(task, department_id)
        if counts(task):
            left_over = {**work(task), "remaining_centihours": left}
            found.append((ref_to("department_figures", department_id), left_over))
            places |= due(task, f"task:open:due:department:{department_id}")
    return Standing(places, found)


def remaining_by(task: Task, department_of: DepartmentOf) -> dict[int, int]:
    """What is left of a task by department of its assignees; each of them is there, with 0 at least."""
    found: dict[int, int] = {}
    for user_id, left in shares(task).items():
        department_id = department_of(user_id)
        if department_id is not None:
            found[department_id] = found.get(department_id, 0) + left
    return found


def access(task: Task, department_id: int) -> list[Contribution]:
    if task["project_id"] is None:
        return []
    return [(Ref("department_access", f"{department_id}:{task['project_id']}"), {"reasons": 1})]


def credited(task: Task, department_of: DepartmentOf) -> list[Contribution]:
    found: list[Contribution] = []
    for user, days in task["credits"].items():
        department_id = department_of(int(user))
        if department_id is not None:
            found.append((ref_to("department_figures", department_id), hours(days)))
    return found


BY_DEPARTMENT: Final = ByDepartment(
    (
        "status", "deleted", "assignee_ids", "project_id", "due_date", "estimated_centihours",
        "actual_centihours", "credits", "in_closed_project",
    ),
    people,
    of_departments,
)  # fmt: skip

USER_FIGURES = Kind("user_figures", is_summary=True)
