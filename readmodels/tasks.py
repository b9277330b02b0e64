"""Tasks: their documents, where they are listed, and what they add to their project."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypedDict, cast

from readmodels.documents import Contribution, Document, Kind, Place, Places, Ref, score

PRIORITIES: Final = {"low": 0, "medium": 1, "high": 2, "urgent": 3}
CLOSED: Final = frozenset({"completed", "cancelled"})


class Task(TypedDict):
    """Hours are integer hundredths, cost is integer cents. A deleted task keeps what was spent.

    `due_date`, `completed_at` and the like are instants; `assignee_ids` keep their order.
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
    completion_notes: str
    cost_cents: int
    deleted: bool
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
        f"task:status:{task['status']}": number,
        f"task:priority:{task['priority']}": number,
    }
    for user_id in task["assignee_ids"]:
        found[f"task:assignee:{user_id}"] = number
    if task["project_id"] is None:
        found[f"task:personal:{task['creator_id']}"] = number
    else:
        found[f"task:project:{task['project_id']}"] = number
    if task["due_date"] is not None:
        found |= due(task, score(task["due_date"]))
    return found


def due(task: Task, at: float) -> Places:
    """Open tasks by due date: those that stand before the present moment are overdue."""
    closed = task["status"] in CLOSED
    return {"task:sort:due_date": at} if closed else {"task:sort:due_date": at, "task:open:due": at}


def group(document: Document) -> str | None:
    """Where a project finds its tasks, deleted ones too."""
    task = cast(Task, document)
    return None if task["project_id"] is None else f"task:of:{task['project_id']}"


def contributions(document: Document) -> Iterable[Contribution]:
    task = cast(Task, document)
    if task["project_id"] is None:
        return
    yield Contribution(Ref("project_figures", str(task["project_id"])), figures(task))
    if not task["deleted"]:
        for user_id in task["assignee_ids"]:
            yield Contribution(Ref("access", f"{user_id}:{task['project_id']}"), {"reasons": 1})


def figures(task: Task) -> dict[str, int]:
    """What a task adds to its project: its labour always, its weight while it counts."""
    labour = {"labour_cents": task["cost_cents"]}
    if task["deleted"] or task["status"] == "cancelled":
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


def text(document: Document) -> str | None:
    task = cast(Task, document)
    return None if task["deleted"] else f"{task['title']}\n{task['description']}"


TASK = Kind("task", places, contributions, group=group, text=text)
