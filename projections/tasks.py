"""Folds tasks' events, and the end of their projects, into tasks' documents."""

from __future__ import annotations

from events.event import Record
from events.projects import ProjectDeleted
from events.tasks import (
    TaskAssigned,
    TaskCreated,
    TaskDeleted,
    TaskDetailsChanged,
    TaskHoursBooked,
    TaskStatusChanged,
)
from projections.projection import Projection, changed
from readmodels.tasks import Task

tasks = Projection("task")


@tasks.creates(TaskCreated)
def created(event: TaskCreated, record: Record) -> Task:
    return Task(
        id=event.task_id,
        version=record.version,
        created=record.position,
        updated=record.position,
        project_id=event.project_id,
        creator_id=event.creator_id,
        title=event.title,
        description=event.description,
        priority=event.priority,
        status=event.status,
        due_date=event.due_date,
        estimated_centihours=event.estimated_centihours,
        actual_centihours=None,
        assignee_ids=list(event.assignee_ids),
        completion_notes="",
        cost_cents=0,
        deleted=False,
        created_at=record.recorded_at,
        updated_at=record.recorded_at,
        completed_at=completed_at(event.status, record),
    )


def completed_at(status: str, record: Record) -> str | None:
    return record.recorded_at if status == "completed" else None


@tasks.on(TaskDetailsChanged)
def details_changed(task: Task, event: TaskDetailsChanged, record: Record) -> Task:
    return changed(task, record, event.changes)


@tasks.on(TaskStatusChanged)
def status_changed(task: Task, event: TaskStatusChanged, record: Record) -> Task:
    return changed(task, record, {"status": event.status, "completed_at": completed_at(event.status, record)})


@tasks.on(TaskAssigned)
def assigned(task: Task, event: TaskAssigned, record: Record) -> Task:
    return changed(task, record, {"assignee_ids": list(event.assignee_ids)})


@tasks.on(TaskHoursBooked)
def hours_booked(task: Task, event: TaskHoursBooked, record: Record) -> Task:
    cost = sum(credit["cost_cents"] for credit in event.credits)
    booked = {"actual_centihours": event.actual_centihours, "cost_cents": task["cost_cents"] + cost}
    return changed(task, record, booked)


@tasks.on(TaskDeleted)
def deleted(task: Task, _: TaskDeleted, record: Record) -> Task:
    """It leaves every list, but its project has paid for it."""
    return changed(task, record, {"deleted": True})


@tasks.on(ProjectDeleted, group=lambda event: f"task:of:{event.project_id}")
def project_deleted(_task: Task, _event: ProjectDeleted, _record: Record) -> None:
    return None
