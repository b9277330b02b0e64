"""Folds projects' events into their documents."""

from __future__ import annotations

from events.event import Record
from events.projects import (
    ProjectCreated,
    ProjectDeleted,
    ProjectDetailsChanged,
    ProjectOwnerChanged,
    ProjectStatusChanged,
)
from projections.projection import Projection, changed
from readmodels.projects import Project

projects = Projection("project")


@projects.creates(ProjectCreated)
def created(event: ProjectCreated, record: Record) -> Project:
    return Project(
        id=event.project_id,
        version=record.version,
        created=record.position,
        updated=record.position,
        owner_id=event.owner_id,
        name=event.name,
        description=event.description,
        budget_cents=event.budget_cents,
        start_date=event.start_date,
        end_date=event.end_date,
        status=event.status,
        created_at=record.recorded_at,
        updated_at=record.recorded_at,
    )


@projects.on(ProjectDetailsChanged)
def details_changed(project: Project, event: ProjectDetailsChanged, record: Record) -> Project:
    return changed(project, record, event.changes)


@projects.on(ProjectStatusChanged)
def status_changed(project: Project, event: ProjectStatusChanged, record: Record) -> Project:
    return changed(project, record, {"status": event.status})


@projects.on(ProjectOwnerChanged)
def owner_changed(project: Project, event: ProjectOwnerChanged, record: Record) -> Project:
    return changed(project, record, {"owner_id": event.owner_id})


@projects.on(ProjectDeleted)
def deleted(_project: Project, _event: ProjectDeleted, _record: Record) -> None:
    return None
