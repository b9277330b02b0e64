"""What may happen to departments."""

from __future__ import annotations

import pytest

from commands.context import Actor
from commands.departments import ChangeDepartment, CreateDepartment
from commands.errors import Forbidden, Invalid, NotFound
from events.claims import Claimed, Released
from events.departments import DepartmentCreated, DepartmentDescribed, DepartmentRenamed
from tests.given import MANAGER, USER, department, given

QUALITY = department(1, "Quality")


def test_an_admin_creates_a_department_and_its_name_is_claimed() -> None:
    given().when(CreateDepartment(name="Quality", description="Testing")).then(
        DepartmentCreated(1, "Quality", "Testing"),
        Claimed("department:quality", "department-1"),
    )


@pytest.mark.parametrize("actor", [MANAGER, USER])
def test_nobody_else_creates_or_changes_departments(actor: Actor) -> None:
    for command in (CreateDepartment(name="Sales"), ChangeDepartment(department_id=1, name="Sales")):
        assert given(QUALITY).when(command, by=actor).refused(Forbidden).required_role == "admin"


def test_a_taken_name_is_refused_whatever_its_case() -> None:
    refusal = given(QUALITY).when(CreateDepartment(name="QUALITY")).refused(Invalid)
    assert refusal.errors == {"name": ["Department name is already taken"]}


def test_all_that_is_wrong_is_named_at_once() -> None:
    command = CreateDepartment(name="quality", invalid={"description": ["Description is too long"]})
    assert given(QUALITY).when(command).refused(Invalid).errors == {
        "description": ["Description is too long"],
        "name": ["Department name is already taken"],
    }


def test_a_name_that_is_wrong_already_is_not_looked_up() -> None:
    command = ChangeDepartment(department_id=1, invalid={"name": ["Name is required"]})
    assert given(QUALITY).when(command).refused(Invalid).errors == {"name": ["Name is required"]}


def test_renaming_claims_the_new_name_and_releases_the_old_one() -> None:
    given(QUALITY).when(ChangeDepartment(department_id=1, name="Sales")).then(
        DepartmentRenamed(1, "Sales"),
        Claimed("department:sales", "department-1"),
        Released("department:quality", "department-1"),
    )


def test_a_change_of_case_alone_leaves_the_claim() -> None:
    given(QUALITY).when(ChangeDepartment(department_id=1, name="QUALITY")).then(
        DepartmentRenamed(1, "QUALITY")
    )


def test_another_departments_name_cannot_be_taken_over() -> None:
    story = given(QUALITY, department(2, "Sales"))
    refusal = story.when(ChangeDepartment(department_id=2, name="quality")).refused(Invalid)
    assert refusal.errors == {"name": ["Department name is already taken"]}


def test_a_released_name_is_free_again() -> None:
    story = given(
        QUALITY,
        DepartmentRenamed(1, "Sales"),
        Claimed("department:sales", "department-1"),
        Released("department:quality", "department-1"),
    )
    story.when(CreateDepartment(name="quality")).then(
        DepartmentCreated(2, "quality", ""),
        Claimed("department:quality", "department-2"),
    )


def test_only_what_differs_becomes_an_event() -> None:
    story = given(QUALITY)
    story.when(ChangeDepartment(department_id=1, name="Quality", description="")).then()
    story.when(ChangeDepartment(department_id=1, name="Quality", description="Testing")).then(
        DepartmentDescribed(1, "Testing")
    )


@pytest.mark.parametrize("actor", [MANAGER, USER])
def test_an_unknown_department_is_not_found_before_permission_is_asked(actor: Actor) -> None:
    assert given().when(ChangeDepartment(department_id=9), by=actor).refused(NotFound).what == "department"
