"""Creating, changing and deleting projects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

from commands.context import UNSET, Actor, Context, Unset, adopted, changed, given
from commands.errors import Errors, Faults, Forbidden, Hidden, ProjectClosed
from commands.users import check_active
from events.event import Event
from events.instants import Instant
from events.projects import (
    ProjectCreated,
    ProjectDeleted,
    ProjectDetailsChanged,
    ProjectOwnerChanged,
    ProjectStatusChanged,
)

DETAILS: Final = ("name", "description", "budget_cents", "start_date", "end_date")


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateProject:
    """`owner_id` unset: the caller."""

    name: str = ""
    description: str = ""
    budget_cents: int = 0
    start_date: Instant | None = None
    end_date: Instant | None = None
    status: str = "active"
    owner_id: int | Unset = UNSET
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeProject:
    project_id: int
    name: str | Unset = UNSET
    description: str | Unset = UNSET
    budget_cents: int | Unset = UNSET
    start_date: Instant | Unset | None = UNSET
    end_date: Instant | Unset | None = UNSET
    status: str | Unset = UNSET
    owner_id: int | Unset = UNSET
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteProject:
    project_id: int


@dataclass(frozen=True, slots=True)
class Project:
    STREAM: ClassVar[str] = "project"

    id: int = 0
    owner_id: int = 0
    name: str = ""
    description: str = ""
    budget_cents: int = 0
    start_date: Instant | None = None
    end_date: Instant | None = None
    status: str = "active"
    deleted: bool = False

    @property
    def exists(self) -> bool:
        return self.id > 0 and not self.deleted

    def is_managed_by(self, actor: Actor) -> bool:
        """Owning is not enough: an owner who is no manager any more only looks on."""
        return actor.is_admin or (actor.role == "manager" and actor.id == self.owner_id)

    def must_be_managed_by(self, actor: Actor, what: str = "project", *, is_seen: bool = False) -> None:
        """Raises Forbidden, or Hidden when the actor may not even know of `what` (unless `is_seen`)."""
        if self.is_managed_by(actor):
            return
        if actor.role == "manager":
            raise Forbidden("admin")
        if is_seen or actor.id == self.owner_id:
            raise Forbidden("manager")
        raise Hidden(what, self.id)

    def must_take(self, what: str) -> None:
        """Raises ProjectClosed when it is; `what` it then refuses, as in "new risks"."""
        if self.status in ("completed", "cancelled"):
            raise ProjectClosed(
                f"The project is {self.status} and takes no {what}; set its status to active to reopen it"
            )

    def must_take_work(self) -> None:
        self.must_take("new or changed tasks")


def evolve(project: Project, event: Event) -> Project:
    match event:
        case ProjectCreated():
            return adopted(project, event, id=event.project_id)
        case ProjectDetailsChanged():
            return replace(project, **event.changes)
        case ProjectStatusChanged() | ProjectOwnerChanged():
            return adopted(project, event)
        case ProjectDeleted():
            return replace(project, deleted=True)
    return project


def create_project(command: CreateProject, context: Context) -> Iterator[Event]:
    actor = context.actor
    if actor.role == "user":
        raise Forbidden("manager")
    _owner_must_be_allowed(command, actor.id, actor)
    owner_id = actor.id if command.owner_id is UNSET else command.owner_id
    faults = Faults(command.invalid)
    check_active(faults, "owner_id", [owner_id], context)
    _check_dates(faults, command.start_date, command.end_date, "end_date")
    faults.refuse()
    yield ProjectCreated(
        project_id=context.new_id("project"),
        owner_id=owner_id,
        name=command.name,
        description=command.description,
        budget_cents=command.budget_cents,
        start_date=command.start_date,
        end_date=command.end_date,
        status=command.status,
    )


def change_project(command: ChangeProject, context: Context) -> Iterator[Event]:
    project = context.existing(Project, command.project_id)
    project.must_be_managed_by(context.actor)
    _owner_must_be_allowed(command, project.owner_id, context.actor)
    changes = changed(project, command, (*DETAILS, "status", "owner_id"))
    after = replace(project, **changes)
    _check_changes(project, after, command, context)
    details = {name: value for name, value in changes.items() if name in DETAILS}
    if details:
        yield ProjectDetailsChanged(project.id, details)
    if project.owner_id != after.owner_id:
        yield ProjectOwnerChanged(project.id, after.owner_id)
    if project.status != after.status:
        yield ProjectStatusChanged(project.id, after.status)


def delete_project(command: DeleteProject, context: Context) -> Iterator[Event]:
    project = context.existing(Project, command.project_id)
    project.must_be_managed_by(context.actor)
    yield ProjectDeleted(project.id)


def _owner_must_be_allowed(command: CreateProject | ChangeProject, usual_id: int, actor: Actor) -> None:
    if not actor.is_admin and "owner_id" in given(command) and command.owner_id != usual_id:
        raise Forbidden("admin")


def _check_changes(project: Project, after: Project, command: ChangeProject, context: Context) -> None:
    faults = Faults(command.invalid)
    if after.owner_id != project.owner_id:
        check_active(faults, "owner_id", [after.owner_id], context)
    if (after.start_date, after.end_date) != (project.start_date, project.end_date):
        wrong = "start_date" if command.end_date is UNSET else "end_date"
        _check_dates(faults, after.start_date, after.end_date, wrong)
    faults.refuse()


def _check_dates(faults: Faults, start: Instant | None, end: Instant | None, wrong: str) -> None:
    if start is None or end is None or start <= end or "start_date" in faults or "end_date" in faults:
        return
    if wrong == "end_date":
        faults.add(wrong, "End date must not be before the start date")
    else:
        faults.add(wrong, "Start date must not be after the end date")
