"""What happens to departments."""

from __future__ import annotations

from dataclasses import dataclass

from events.event import Event


@dataclass(frozen=True, slots=True)
class DepartmentCreated(Event):
    TOPIC = "department.created"
    STREAM = "department"
    ID = "department_id"

    department_id: int
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class DepartmentRenamed(Event):
    TOPIC = "department.renamed"
    STREAM = "department"
    ID = "department_id"

    department_id: int
    name: str


@dataclass(frozen=True, slots=True)
class DepartmentDescribed(Event):
    TOPIC = "department.described"
    STREAM = "department"
    ID = "department_id"

    department_id: int
    description: str
