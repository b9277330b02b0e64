"""The forms of tasks: as requests send them, in full, and in brief beside their project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field
from typing_extensions import TypedDict

from api.behind import Readable
from api.callers import Caller
from api.cards import cards_of
from api.taskflow.envelope import Answer
from api.taskflow.fields import Body, Hours, Ids, Line, Moment, Prose
from api.taskflow.formats import ShownMoment, hours, moment
from api.taskflow.listing import Person, listed, person
from api.visibility import sees_past_task, sees_task
from commands.errors import NotFound
from readmodels.documents import Document, Ref
from readmodels.model import Query

Priority = Literal["low", "medium", "high", "urgent"]
Status = Literal["pending", "in_progress", "completed", "cancelled"]


class TaskChange(Body):
    title: Annotated[Line, Field(max_length=200)] = ""
    description: Annotated[Prose, Field(max_length=5000)] = ""
    priority: Priority = "medium"
    status: Status = "pending"
    due_date: Moment | None = None
    estimated_hours: Hours | None = Field(default=None, serialization_alias="estimated_centihours")
    actual_hours: Hours | None = Field(default=None, serialization_alias="actual_centihours")
    assigned_to: Ids = Field(default=[])
    completion_notes: Annotated[Prose, Field(max_length=5000)] = ""


class NewTask(TaskChange):
    title: Annotated[Line, Field(max_length=200)]


class Assignment(Body):
    user_ids: Ids
    estimated_hours: Hours | None = Field(default=None, serialization_alias="estimated_centihours")


class Tag(TypedDict):
    """A tag as its tasks show it; tags are made through TaskForge. One without a color has an empty one."""

    id: int
    name: str
    color: str


class ShownTask(TypedDict):
    """A task in full; `assigned_to` is the first of the `assignees`."""

    id: int
    project_id: int | None
    title: str
    description: str
    status: Status
    priority: Priority
    assigned_to: Person | None
    assignees: list[Person]
    due_date: ShownMoment | None
    estimated_hours: float | None
    actual_hours: float | None
    completion_notes: str
    tags: list[Tag]
    created_at: ShownMoment
    updated_at: ShownMoment
    completed_at: ShownMoment | None


class BriefTask(TypedDict):
    """A task as its project's detail form shows it."""

    id: int
    title: str
    status: Status
    priority: Priority
    assigned_to: Person | None


class Beside(NamedTuple):
    """The cards that tasks are shown with, by their ids."""

    people: Mapping[int, Document]
    tags: Mapping[int, Document]


def shown_task(task: Document, beside: Beside) -> ShownTask:
    people, tags = beside
    assignees = [person(people[user_id]) for user_id in task["assignee_ids"] if user_id in people]
    return {
        "id": task["id"],
        "project_id": task["project_id"],
        "title": task["title"],
        "description": task["description"],
        "status": task["status"],
        "priority": task["priority"],
        "assigned_to": assignees[0] if assignees else None,
        "assignees": assignees,
        "due_date": moment(task["due_date"]),
        "estimated_hours": hours(task["estimated_centihours"]),
        "actual_hours": hours(task["actual_centihours"]),
        "completion_notes": task["completion_notes"],
        "tags": [_tag(tags[tag_id]) for tag_id in task["tag_ids"] if tag_id in tags],
        "created_at": moment(task["created_at"]),
        "updated_at": moment(task["updated_at"]),
        "completed_at": moment(task["completed_at"]),
    }


def brief_task(task: Document, people: Mapping[int, Document]) -> BriefTask:
    first = [people[user_id] for user_id in task["assignee_ids"][:1] if user_id in people]
    return {
        "id": task["id"],
        "title": task["title"],
        "status": task["status"],
        "priority": task["priority"],
        "assigned_to": person(first[0]) if first else None,
    }


async def task_answer(
    model: Readable,
    task_id: int,
    message: str | None = None,
    status: int = 200,
    *,
    caller: Caller | None = None,
    rights: Readable | None = None,
) -> Answer:
    """Raises NotFound; also where `caller`, if given, may not know of the task.

    `rights` is the model that says so, where `model` is one of the past.
    """
    ref = Ref("task", str(task_id))
    task = (await model.fetch([ref])).get(ref)
    if task is None or task["deleted"] or (caller and not await _is_seen(model, rights, caller, task)):
        raise NotFound("task")
    shown = shown_task(task, await _beside(model, [task]))
    return Answer({"task": shown}, message, status, version=task["version"])


async def _is_seen(model: Readable, rights: Readable | None, caller: Caller, task: Document) -> bool:
    return await (sees_past_task(rights, caller, task) if rights else sees_task(model, caller, task))


async def tasks_answer(model: Readable, query: Query, filters: Mapping[str, Any]) -> Answer:
    """The page of tasks that `query` asks for; `filters` place it in its list."""
    page = await model.page(query)
    beside = await _beside(model, page.documents)
    return listed("tasks", [shown_task(task, beside) for task in page.documents], page, filters)


async def _beside(model: Readable, tasks: Sequence[Document]) -> Beside:
    found = await cards_of(
        model,
        {
            "user": (user_id for task in tasks for user_id in task["assignee_ids"]),
            "tag": (tag_id for task in tasks for tag_id in task["tag_ids"]),
        },
    )
    return Beside(found["user"], found["tag"])


def _tag(card: Document) -> Tag:
    return {"id": card["id"], "name": card["name"], "color": card["color"]}
