"""Folds departments' events into their documents."""

from __future__ import annotations

from events.departments import DepartmentCreated, DepartmentDescribed, DepartmentRenamed
from events.event import Record
from projections.projection import Projection, changed
from readmodels.departments import Department

departments = Projection("department")


@departments.creates(DepartmentCreated)
def created(event: DepartmentCreated, record: Record) -> Department:
    return Department(
        id=event.department_id,
        version=record.version,
        created=record.position,
        updated=record.position,
        name=event.name,
        description=event.description,
        created_at=record.recorded_at,
        updated_at=record.recorded_at,
    )


@departments.on(DepartmentRenamed)
def renamed(department: Department, event: DepartmentRenamed, record: Record) -> Department:
    return changed(department, record, {"name": event.name})


@departments.on(DepartmentDescribed)
def described(department: Department, event: DepartmentDescribed, record: Record) -> Department:
    return changed(department, record, {"description": event.description})
