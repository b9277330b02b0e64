"""Folds tasks' events, and how their projects end or go on, into tasks' documents."""

from __future__ import annotations

from collections.abc import Mapping

from events.event import Record
from events.projects import ProjectDeleted, ProjectStatusChanged
from events.tasks import (
    TaskAssigned,
    TaskCreated,
    TaskDeleted,
    TaskDetailsChanged,
    TaskHoursBooked,
    TaskStatusChanged,
    TaskTagged,
)
from events.users import UserDeleted
from projections.projection import Projection, changed
from readmodels.changes import AMOUNT_MAX
from readmodels.documents import day_of, month_of
from readmodels.tasks import CLOSED, Task

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
        tag_ids=[],
        assigned_at={str(user_id): record.recorded_at for user_id in event.assignee_ids},
        started_at=record.recorded_at if event.status == "in_progress" else None,
        promised_date=event.due_date,
        credits={},
        bookings={},
        completion_notes="",
        cost_cents=0,
        deleted=False,
        # Only a project that takes work takes new tasks.
        in_closed_project=False,
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
    changes = {"status": event.status, "completed_at": completed_at(event.status, record)}
    if event.status == "in_progress" and task["started_at"] is None:
        changes |= {"started_at": record.recorded_at, "promised_date": task["due_date"]}
    return changed(task, record, changes)


@tasks.on(TaskAssigned)
def assigned(task: Task, event: TaskAssigned, record: Record) -> Task:
    """Who stays assigned is assigned since the same moment as before."""
    since = {
        str(user_id): task["assigned_at"].get(str(user_id), record.recorded_at)
        for user_id in event.assignee_ids
    }
    return changed(task, record, {"assignee_ids": list(event.assignee_ids), "assigned_at": since})


@tasks.on(TaskTagged)
def tagged(task: Task, event: TaskTagged, record: Record) -> Task:
    return changed(task, record, {"tag_ids": list(event.tag_ids)})


@tasks.on(TaskHoursBooked)
def hours_booked(task: Task, event: TaskHoursBooked, record: Record) -> Task:
    month = month_of(record.recorded_at)
    # Saying that nothing was worked is no booking.
    is_booking = event.actual_centihours != (task["actual_centihours"] or 0)
    cost = task["cost_cents"] + sum(credit["cost_cents"] for credit in event.credits)
    if abs(cost) > AMOUNT_MAX:
        raise OverflowError("more than any amount of money can be")
    booked = {
        "actual_centihours": event.actual_centihours,
        "cost_cents": cost,
        "bookings": {**task["bookings"], month: task["bookings"].get(month, 0) + is_booking},
        "credits": credited(task["credits"], event, day_of(record.recorded_at)),
    }
    return changed(task, record, booked)


def credited(
    before: Mapping[str, Mapping[str, int]], event: TaskHoursBooked, day: str
) -> Mapping[str, Mapping[str, int]]:
    after = dict(before)
    for credit in event.credits:
        days = after.get(user := str(credit["user_id"]), {})
        after[user] = {**days, day: days.get(day, 0) + credit["centihours"]}
    return after


@tasks.on(TaskDeleted)
def deleted(task: Task, _: TaskDeleted, record: Record) -> Task:
    """It leaves every list, but its project has paid for it."""
    return changed(task, record, {"deleted": True})


@tasks.on(ProjectStatusChanged, group=lambda event: f"task:of:{event.project_id}")
def project_status_changed(task: Task, event: ProjectStatusChanged, _record: Record) -> Task:
    """The task itself does not change: its version and its moments stay, so known answers stay good."""
    closed = event.status in CLOSED
    # The same document where nothing changes, so that it is not written again.
    return task if task["in_closed_project"] == closed else {**task, "in_closed_project": closed}


@tasks.on(ProjectDeleted, group=lambda event: f"task:of:{event.project_id}")
def project_deleted(_task: Task, _event: ProjectDeleted, _record: Record) -> None:
    return None


@tasks.on(UserDeleted, group=lambda event: f"task:own:{event.user_id}")
def user_deleted(task: Task, event: UserDeleted, _record: Record) -> Task:
    """Their tasks in no project go with them; of others they are no assignee any more."""
    if task["project_id"] is None and task["creator_id"] == event.user_id:
        return {**task, "deleted": True}
    if event.user_id not in task["assignee_ids"]:
        return task
    return {
        **task,
        "assignee_ids": [user_id for user_id in task["assignee_ids"] if user_id != event.user_id],
        "assigned_at": {key: at for key, at in task["assigned_at"].items() if key != str(event.user_id)},
    }
