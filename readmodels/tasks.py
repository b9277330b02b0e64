"""Tasks: their documents, where they are listed, and what they add to their project."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypedDict, cast

from readmodels.documents import FIELD_END, Contribution, Document, Place, Places, Ref, ref_to, score
from readmodels.portfolio import PORTFOLIO_REF

PRIORITIES: Final = {"low": 0, "medium": 1, "high": 2, "urgent": 3}
STATUSES: Final = ("pending", "in_progress", "completed", "cancelled")
CLOSED: Final = frozenset({"completed", "cancelled"})
"""The statuses of tasks, and of projects, in which nothing is left to do."""
PRIORITY_ORDER: Final = {word: place for place, word in enumerate(sorted(PRIORITIES))}
STATUS_ORDER: Final = {word: place for place, word in enumerate(sorted(STATUSES))}
"""The order of the alphabet."""

MIDNIGHT: Final = "T00:00:00.000000Z"
DAY_S: Final = 86_400


class Task(TypedDict):
    """Hours are integer hundredths, cost is integer cents. A deleted task keeps what was spent.

    `due_date`, `completed_at` and the like are instants; `assignee_ids` keep their order. Some of
    `tag_ids` may name tags that are gone.
    `assigned_at` says since when, by assignee. Work began when the task was in progress for the
    first time (`started_at`), else when it was made; `promised_date` is its due date as of then.
    `credits` are hours by user and day, `bookings` how many there were by month.
    `in_closed_project` follows the project's own events; one who folds the task's stream alone does
    not learn of it, so only figures and indexes may rest on it.
    """

    id: int
    version: int
    created: int
    updated: int
    project_id: int | None
    creator_id: int
    title: str
    description: str
    priority: str
    status: str
    due_date: str | None
    estimated_centihours: int | None
    actual_centihours: int | None
    assignee_ids: list[int]
    tag_ids: list[int]
    assigned_at: dict[str, str]
    started_at: str | None
    promised_date: str | None
    credits: dict[str, dict[str, int]]
    bookings: dict[str, int]
    completion_notes: str
    cost_cents: int
    deleted: bool
    in_closed_project: bool
    created_at: str
    updated_at: str
    completed_at: str | None


def places(document: Document) -> Places:
    task = cast(Task, document)
    if task["deleted"]:
        return {}
    number = task["id"]
    found: dict[str, Place] = {
        "task:sort:created": task["created"],
        "task:sort:id": number,
        "task:sort:title": task["title"].casefold(),
        "task:sort:updated_at": task["updated"],
        "task:sort:priority": PRIORITIES[task["priority"]],
        "task:sort:priority_word": PRIORITY_ORDER[task["priority"]],
        "task:sort:status": STATUS_ORDER[task["status"]],
        f"task:status:{task['status']}": number,
        f"task:priority:{task['priority']}": number,
        f"task:creator:{task['creator_id']}": number,
    }
    for user_id in task["assignee_ids"]:
        found[f"task:assignee:{user_id}"] = number
    for tag_id in task["tag_ids"]:
        found[f"task:tag:{tag_id}"] = number
    if task["project_id"] is None:
        found[f"task:personal:{task['creator_id']}"] = number
    else:
        found[f"task:project:{task['project_id']}"] = number
    if task["due_date"] is None:
        found["task:unsorted:due_date"] = number
    else:
        found["task:sort:due_date"] = score(task["due_date"])
        found |= due(task, "task:open:due")
        if task["project_id"] is not None:
            found |= due(task, f"task:open:due:project:{task['project_id']}")
    return found


def counts(task: Task) -> bool:
    """Whether the task is part of any sum but that of money and hours."""
    return not task["deleted"] and task["status"] != "cancelled"


def is_open(task: Task) -> bool:
    """Whether somebody has still to work on the task; nobody does while its project is closed."""
    return counts(task) and task["status"] not in CLOSED and not task["in_closed_project"]


def due(task: Task, index: str) -> Places:
    """Open tasks by deadline: those that stand before the present moment are overdue."""
    if task["due_date"] is None or not is_open(task):
        return {}
    return {index: deadline(task["due_date"])}


def deadline(due_date: str) -> float:
    """The last moment that is in time, as a score: a due date at midnight stands for its whole day."""
    at = score(due_date)
    return at + DAY_S if due_date.endswith(MIDNIGHT) else at


def groups(document: Document) -> Sequence[str]:
    """Where a project finds its tasks, deleted ones too."""
    task = cast(Task, document)
    return () if task["project_id"] is None else (f"task:of:{task['project_id']}",)


def contributions(document: Document) -> Iterable[Contribution]:
    task = cast(Task, document)
    if task["project_id"] is None:
        return
    yield ref_to("project_figures", task["project_id"]), figures(task)
    yield PORTFOLIO_REF, labour(task)
    if not task["deleted"]:
        for user_id in task["assignee_ids"]:
            yield Ref("access", f"{user_id}:{task['project_id']}"), {"reasons": 1}


def figures(task: Task) -> dict[str, int]:
    """What a task adds to its project: its labour always, its weight while it counts."""
    labour = {"labour_cents": task["cost_cents"]}
    if not counts(task):
        return labour
    estimate = task["estimated_centihours"] or 0
    done = task["status"] == "completed"
    return labour | {
        "tasks": 1,
        "completed": int(done),
        "estimated": int(estimate > 0),
        "estimated_centihours": estimate,
        "completed_estimated_centihours": estimate if done else 0,
    }


def labour(task: Task) -> dict[str, int]:
    """What a task adds to the portfolio: its cost, and in which months something was booked."""
    spent = {f"spent.{month}": times for month, times in task["bookings"].items()}
    return {"labour_cents": task["cost_cents"], **spent}


def text(document: Document) -> str | None:
    task = cast(Task, document)
    return None if task["deleted"] else FIELD_END.join((task["title"], task["description"]))
