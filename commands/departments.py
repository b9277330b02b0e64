"""Creating and changing departments, whose names are unique."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

from commands.claims import is_taken, moved_claim
from commands.context import UNSET, Context, Unset, changed
from commands.errors import Errors, Faults, Forbidden
from events.claims import Claimed
from events.departments import DepartmentCreated, DepartmentDescribed, DepartmentRenamed
from events.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateDepartment:
    name: str = ""
    description: str = ""
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeDepartment:
    department_id: int
    name: str | Unset = UNSET
    description: str | Unset = UNSET
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Department:
    STREAM: ClassVar[str] = "department"

    id: int = 0
    name: str = ""
    description: str = ""

    @property
    def exists(self) -> bool:
        return self.id > 0


def evolve(department: Department, event: Event) -> Department:
    match event:
        case DepartmentCreated():
            return Department(event.department_id, event.name, event.description)
        case DepartmentRenamed():
            return replace(department, name=event.name)
        case DepartmentDescribed():
            return replace(department, description=event.description)
    return department


def create_department(command: CreateDepartment, context: Context) -> Iterator[Event]:
    if not context.actor.is_admin:
        raise Forbidden("admin")
    faults = Faults(command.invalid)
    _check_name(faults, command.name, context)
    faults.refuse()
    number = context.new_id("department")
    created = DepartmentCreated(number, command.name, command.description)
    yield created
    yield Claimed(context.claim_of("department", command.name), created.stream)


def change_department(command: ChangeDepartment, context: Context) -> Iterator[Event]:
    department = context.existing(Department, command.department_id)
    if not context.actor.is_admin:
        raise Forbidden("admin")
    changes = changed(department, command, ("name", "description"))
    faults = Faults(command.invalid)
    if "name" in changes:
        _check_name(faults, changes["name"], context, f"department-{department.id}")
    faults.refuse()
    if "name" in changes:
        yield from _rename(department, changes["name"], context)
    if "description" in changes:
        yield DepartmentDescribed(department.id, changes["description"])


def check_department(faults: Faults, department_id: int | Unset | None, context: Context) -> None:
    """Adds a fault on `department_id` when no such department exists."""
    if department_id is UNSET or department_id is None or "department_id" in faults:
        return
    if not context.load(Department, department_id).exists:
        faults.add("department_id", f"Department {department_id} does not exist")


def _check_name(faults: Faults, name: str, context: Context, holder: str = "") -> None:
    if "name" not in faults and is_taken("department", name, holder, context):
        faults.add_taken("name", "Department name is already taken")


def _rename(department: Department, name: str, context: Context) -> Iterator[Event]:
    renamed = DepartmentRenamed(department.id, name)
    yield renamed
    yield from moved_claim("department", department.name, name, renamed.stream, context)
