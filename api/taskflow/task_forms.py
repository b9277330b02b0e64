"""How tasks are shown: in full, and in brief beside their project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from typing_extensions import TypedDict

from api.taskflow.formats import ShownMoment, hours, moment
from api.taskflow.listing import Person, person
from readmodels.documents import Document

Priority = Literal["low", "medium", "high", "urgent"]
Status = Literal["pending", "in_progress", "completed", "cancelled"]


class Tag(TypedDict):
    """Tags are made through the other API."""

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


def shown_task(task: Document, people: Mapping[int, Document]) -> ShownTask:
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
        "tags": [],
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
