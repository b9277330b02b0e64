"""What happens to projects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from events.event import Event
from events.instants import Instant


@dataclass(frozen=True, slots=True)
class ProjectCreated(Event):
    TOPIC = "project.created"
    STREAM = "project"
    ID = "project_id"

    project_id: int
    owner_id: int
    name: str
    description: str
    budget_cents: int
    start_date: Instant | None
    end_date: Instant | None
    status: str


@dataclass(frozen=True, slots=True)
class ProjectDetailsChanged(Event):
    """`changes` holds the new values of name, description, budget_cents, start_date, end_date."""

    TOPIC = "project.details_changed"
    STREAM = "project"
    ID = "project_id"

    project_id: int
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ProjectStatusChanged(Event):
    TOPIC = "project.status_changed"
    STREAM = "project"
    ID = "project_id"

    project_id: int
    status: str


@dataclass(frozen=True, slots=True)
class ProjectOwnerChanged(Event):
    TOPIC = "project.owner_changed"
    STREAM = "project"
    ID = "project_id"

    project_id: int
    owner_id: int


@dataclass(frozen=True, slots=True)
class ProjectDeleted(Event):
    """The project is gone, and with it its tasks: folds carry that to them."""

    TOPIC = "project.deleted"
    STREAM = "project"
    ID = "project_id"

    project_id: int
