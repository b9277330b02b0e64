"""What happens to tasks. Hours are integer hundredths (centihours), money is integer cents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from events.event import Event
from events.instants import Instant


@dataclass(frozen=True, slots=True)
class TaskCreated(Event):
    """A task without a project is its creator's own."""

    TOPIC = "task.created"
    STREAM = "task"
    ID = "task_id"

    task_id: int
    project_id: int | None
    creator_id: int
    title: str
    description: str
    priority: str
    status: str
    due_date: Instant | None
    estimated_centihours: int | None
    assignee_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TaskDetailsChanged(Event):
    """`changes`: new values of title, description, priority, due_date, estimated_centihours and
    completion_notes, those that changed."""

    TOPIC = "task.details_changed"
    STREAM = "task"
    ID = "task_id"

    task_id: int
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TaskStatusChanged(Event):
    TOPIC = "task.status_changed"
    STREAM = "task"
    ID = "task_id"

    task_id: int
    status: str


@dataclass(frozen=True, slots=True)
class TaskAssigned(Event):
    """The assignees, in their order, as they are from now on; none is allowed."""

    TOPIC = "task.assigned"
    STREAM = "task"
    ID = "task_id"

    task_id: int
    assignee_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TaskTagged(Event):
    """The tags, in ascending order of their ids, as they are from now on; none is allowed."""

    TOPIC = "task.tagged"
    STREAM = "task"
    ID = "task_id"

    task_id: int
    tag_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TaskHoursBooked(Event):
    """`actual_centihours` is the new total; `credits` share the difference out.

    Each credit is a mapping of user_id, centihours, hourly_rate_cents and cost_cents: the rate as
    it was then, and hours and cost that are negative when the total went down.
    """

    TOPIC = "task.hours_booked"
    STREAM = "task"
    ID = "task_id"

    task_id: int
    actual_centihours: int
    credits: tuple[Mapping[str, int], ...]


@dataclass(frozen=True, slots=True)
class TaskDeleted(Event):
    """The task is gone from every list; the hours booked on it stay spent."""

    TOPIC = "task.deleted"
    STREAM = "task"
    ID = "task_id"

    task_id: int
