"""Users' own tasks, those that they created and those assigned to them: where they are, and how many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict, cast

from readmodels.documents import Contribution, Document, Kind, Places, ref_to, score
from readmodels.tasks import CLOSED, Task


class OwnTasks(TypedDict, total=False):
    """A summary of a user's own tasks: all of them, and how many by status and by priority."""

    id: str
    tasks: int
    pending: int
    in_progress: int
    completed: int
    cancelled: int
    low: int
    medium: int
    high: int
    urgent: int


def owners(task: Task) -> set[int]:
    """Whose own task it is; nobody's when it was deleted."""
    return set() if task["deleted"] else {task["creator_id"], *task["assignee_ids"]}


def groups(document: Document) -> Sequence[str]:
    """Where somebody's own tasks are found."""
    return [f"task:own:{user_id}" for user_id in owners(cast(Task, document))]


def places(document: Document) -> Places:
    """Unfinished tasks by the moment when they are due: those before the present one are late.

    Each for itself: neither the day's end nor the state of the project counts, as it does in
    `task:open:due`.
    """
    task = cast(Task, document)
    if task["due_date"] is None or task["deleted"] or task["status"] in CLOSED:
        return {}
    due = score(task["due_date"])
    found: Places = {"task:due:unfinished": due}
    for user_id in owners(task):
        found[f"task:due:own:{user_id}"] = due
    return found


def is_late(task: Document, now: str) -> bool:
    """Whether the task is unfinished, and was due before the instant `now`."""
    return task["due_date"] is not None and task["due_date"] < now and task["status"] not in CLOSED


def contributions(document: Document) -> Iterable[Contribution]:
    task = cast(Task, document)
    for user_id in owners(task):
        yield ref_to("own_tasks", user_id), {"tasks": 1, task["status"]: 1, task["priority"]: 1}


OWN_TASKS = Kind("own_tasks", is_summary=True)
