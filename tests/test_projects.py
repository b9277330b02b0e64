"""What may happen to projects."""

from __future__ import annotations

import pytest

from commands.context import Actor
from commands.errors import Forbidden, Hidden, Invalid, NotFound
from commands.projects import ChangeProject, CreateProject, DeleteProject
from events.projects import (
    ProjectCreated,
    ProjectDeleted,
    ProjectDetailsChanged,
    ProjectOwnerChanged,
    ProjectStatusChanged,
)
from events.users import UserDeactivated, UserRoleChanged
from tests.given import ADMIN, MANAGER, OTHER_MANAGER, OTHER_USER, PEOPLE, USER, given

JANUARY, JUNE = "2025-01-01T00:00:00.000000Z", "2025-06-30T00:00:00.000000Z"


def created(
    number: int = 1, owner_id: int = MANAGER.id, status: str = "active", end_date: str | None = JUNE
) -> ProjectCreated:
    return ProjectCreated(
        project_id=number,
        owner_id=owner_id,
        name="Website",
        description="Redesign",
        budget_cents=5_000_000,
        start_date=JANUARY,
        end_date=end_date,
        status=status,
    )


WEBSITE = CreateProject(
    name="Website", description="Redesign", budget_cents=5_000_000, start_date=JANUARY, end_date=JUNE
)


@pytest.mark.parametrize("actor", [ADMIN, MANAGER])
def test_admins_and_managers_create_projects_of_their_own(actor: Actor) -> None:
    answer = given(PEOPLE).when(WEBSITE, by=actor)
    answer.then(created(1, owner_id=actor.id))
    assert answer.guards() == {f"user-{actor.id}"}


def test_a_user_does_not_create_projects_even_with_wrong_fields() -> None:
    command = CreateProject(invalid={"name": ["Name is required"]})
    assert given(PEOPLE).when(command, by=USER).refused(Forbidden).required_role == "manager"


def test_an_admin_gives_a_project_to_any_active_user() -> None:
    command = CreateProject(name="Website", owner_id=3)
    events = given(PEOPLE).when(command).decision.events
    assert [event.owner_id for event in events if isinstance(event, ProjectCreated)] == [3]


def test_a_manager_names_nobody_else_as_owner() -> None:
    for command in (
        CreateProject(name="Website", owner_id=3),
        CreateProject(name="Website", invalid={"owner_id": ["Owner must be a number"]}),
        ChangeProject(project_id=1, owner_id=3),
    ):
        refusal = given(PEOPLE, created()).when(command, by=MANAGER).refused(Forbidden)
        assert refusal.required_role == "admin"
    assert given(PEOPLE).when(CreateProject(name="Website", owner_id=2), by=MANAGER).decision.events
    given(PEOPLE, created()).when(ChangeProject(project_id=1, owner_id=2), by=MANAGER).then()


@pytest.mark.parametrize(
    ("owner_id", "message"), [(99, "User 99 does not exist"), (5, "User 5 is not active")]
)
def test_an_owner_must_exist_and_be_active(owner_id: int, message: str) -> None:
    story = given(PEOPLE, UserDeactivated(5), created())
    for command in (
        CreateProject(name="Website", owner_id=owner_id),
        ChangeProject(project_id=1, owner_id=owner_id),
    ):
        assert story.when(command).refused(Invalid).errors == {"owner_id": [message]}


def test_all_that_is_wrong_is_named_at_once() -> None:
    command = CreateProject(
        owner_id=99,
        start_date=JUNE,
        end_date=JANUARY,
        invalid={"budget": ["Budget must be a positive number"]},
    )
    assert given(PEOPLE).when(command).refused(Invalid).errors == {
        "budget": ["Budget must be a positive number"],
        "owner_id": ["User 99 does not exist"],
        "end_date": ["End date must not be before the start date"],
    }


def test_dates_are_compared_with_those_that_stay() -> None:
    story = given(PEOPLE, created())
    late = "2025-07-01T00:00:00.000000Z"
    assert story.when(ChangeProject(project_id=1, start_date=late)).refused(Invalid).errors == {
        "start_date": ["Start date must not be after the end date"]
    }
    early = "2024-12-31T00:00:00.000000Z"
    assert story.when(ChangeProject(project_id=1, end_date=early)).refused(Invalid).errors == {
        "end_date": ["End date must not be before the start date"]
    }
    story.when(ChangeProject(project_id=1, start_date=late, end_date=None)).then(
        ProjectDetailsChanged(1, {"start_date": late, "end_date": None})
    )
    story.when(ChangeProject(project_id=1, start_date=JUNE)).then(
        ProjectDetailsChanged(1, {"start_date": JUNE})
    )


def test_a_wrong_date_is_not_compared() -> None:
    command = ChangeProject(project_id=1, start_date=JUNE, invalid={"end_date": ["Not a date"]})
    assert given(PEOPLE, created()).when(command).refused(Invalid).errors == {"end_date": ["Not a date"]}


def test_only_what_differs_becomes_an_event() -> None:
    story = given(PEOPLE, created())
    command = ChangeProject(project_id=1, name="Website", budget_cents=1, status="on_hold", owner_id=4)
    story.when(command).then(
        ProjectDetailsChanged(1, {"budget_cents": 1}),
        ProjectOwnerChanged(1, 4),
        ProjectStatusChanged(1, "on_hold"),
    )
    story.when(ChangeProject(project_id=1, name="Website", status="active")).then()
    story.when(ChangeProject(project_id=1)).then()


def test_an_owner_who_left_may_stay_named_while_other_things_change() -> None:
    story = given(PEOPLE, created(), UserDeactivated(2))
    story.when(ChangeProject(project_id=1, owner_id=2, status="on_hold")).then(
        ProjectStatusChanged(1, "on_hold")
    )


@pytest.mark.parametrize("command", [ChangeProject(project_id=1, name="New"), DeleteProject(project_id=1)])
def test_who_may_not_change_or_delete_a_project_learns_why(
    command: ChangeProject | DeleteProject,
) -> None:
    story = given(PEOPLE, created())
    assert story.when(command, by=OTHER_MANAGER).refused(Forbidden).required_role == "admin"
    hidden = story.when(command, by=OTHER_USER).refused(Hidden)
    assert (hidden.what, hidden.project_id, hidden.required_role) == ("project", 1, "manager")


@pytest.mark.parametrize("command", [ChangeProject(project_id=1, name="New"), DeleteProject(project_id=1)])
def test_an_owner_who_is_no_manager_any_more_only_looks_on(
    command: ChangeProject | DeleteProject,
) -> None:
    story = given(PEOPLE, created(), UserRoleChanged(2, "user"))
    demoted = Actor(MANAGER.id, "user")
    assert story.when(command, by=demoted).refused(Forbidden).required_role == "manager"


@pytest.mark.parametrize("actor", [ADMIN, MANAGER])
def test_a_project_is_deleted_once(actor: Actor) -> None:
    given(PEOPLE, created()).when(DeleteProject(project_id=1), by=actor).then(ProjectDeleted(1))
    gone = given(PEOPLE, created(), ProjectDeleted(1))
    for command in (DeleteProject(project_id=1), ChangeProject(project_id=1, name="x")):
        assert gone.when(command, by=actor).refused(NotFound).what == "project"


def test_a_closed_project_can_be_changed_reopened_and_deleted() -> None:
    closed = given(PEOPLE, created(status="completed"))
    closed.when(ChangeProject(project_id=1, status="active"), by=MANAGER).then(
        ProjectStatusChanged(1, "active")
    )
    closed.when(ChangeProject(project_id=1, name="Site"), by=MANAGER).then(
        ProjectDetailsChanged(1, {"name": "Site"})
    )
    closed.when(DeleteProject(project_id=1), by=MANAGER).then(ProjectDeleted(1))


def test_an_unknown_project_is_not_found_before_permission_is_asked() -> None:
    command = ChangeProject(project_id=9, invalid={"name": ["Name is required"]})
    assert given(PEOPLE).when(command, by=USER).refused(NotFound).what == "project"
