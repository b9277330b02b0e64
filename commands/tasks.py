"""Creating, changing, assigning and deleting tasks, and booking hours on them."""

from __future__ import annotations

from dataclasses import dataclass, field

from commands.context import UNSET, Unset
from commands.errors import Errors
from events.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTask:
    """Hours are integer hundredths. `project_id` None makes the task its creator's own."""

    project_id: int | None
    title: str = ""
    description: str = ""
    priority: str = "medium"
    status: str = "pending"
    due_date: Instant | None = None
    estimated_hours: int | None = None
    actual_hours: int | None = None
    assigned_to: tuple[int, ...] = ()
    completion_notes: str = ""
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTask:
    task_id: int
    title: str | Unset = UNSET
    description: str | Unset = UNSET
    priority: str | Unset = UNSET
    status: str | Unset = UNSET
    due_date: Instant | None | Unset = UNSET
    estimated_hours: int | None | Unset = UNSET
    actual_hours: int | None | Unset = UNSET
    assigned_to: tuple[int, ...] | Unset = UNSET
    completion_notes: str | Unset = UNSET
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignTask:
    """Replaces the assignees; sets the estimate too when one is given."""

    task_id: int
    user_ids: tuple[int, ...] = ()
    estimated_hours: int | None | Unset = UNSET
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteTask:
    task_id: int
