"""What may happen to users, and to the set of active admins."""

from __future__ import annotations

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as some

from commands.admins import Admins
from commands.claims import Claim
from commands.context import SYSTEM, Actor
from commands.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from commands.ledger import PrepareLedger
from commands.users import ChangeUser, RegisterUser, User
from events.claims import Claimed, Released
from events.departments import DepartmentCreated
from events.private import EndSessions, SetPassword
from events.users import (
    AdminGained,
    AdminLost,
    PasswordChanged,
    UserActivated,
    UserDeactivated,
    UserDepartmentChanged,
    UserEmailChanged,
    UserNamesChanged,
    UserRateChanged,
    UserRegistered,
    UserRenamed,
    UserRoleChanged,
)
from tests.given import ADMIN, MANAGER, OTHER_USER, PEOPLE, USER, claim_of, department, given, user

ANA = RegisterUser(username="Ana", email="ana@example.com", password_hash="$hash", department_id=1)


def registered(number: int, role: str = "user", *, active: bool = True) -> UserRegistered:
    return UserRegistered(
        user_id=number,
        username="Ana",
        email="ana@example.com",
        first_name="",
        last_name="",
        role=role,
        department_id=1,
        active=active,
        hourly_rate_cents=0,
    )


def test_registering_claims_both_names_and_keeps_the_password_out_of_the_events() -> None:
    answer = given(PEOPLE, department(1, "Quality")).when(ANA)
    answer.then(
        registered(6),
        Claimed("username:ana", "user-6"),
        Claimed("email:ana@example.com", "user-6"),
        SetPassword(6, "$hash"),
    )
    assert "$hash" not in repr(answer.decision.events)
    assert answer.guards() == {"department-1"}


@pytest.mark.parametrize("actor", [MANAGER, USER])
def test_only_admins_register_users_and_that_comes_before_validation(actor: Actor) -> None:
    command = RegisterUser(invalid={"username": ["Username is required"]})
    assert given(PEOPLE).when(command, by=actor).refused(Forbidden).required_role == "admin"


def test_taken_names_and_an_unknown_department_are_named_at_once() -> None:
    command = RegisterUser(
        username="USER2",
        email="User3@example.com",
        department_id=9,
        invalid={"password": ["Password must be at least 8 characters"]},
    )
    assert given(PEOPLE).when(command).refused(Invalid).errors == {
        "password": ["Password must be at least 8 characters"],
        "username": ["Username is already taken"],
        "email": ["Email address is already registered"],
        "department_id": ["Department 9 does not exist"],
    }


@pytest.mark.parametrize(("role", "active", "gains"), [("admin", True, True), ("admin", False, False)])
def test_a_new_admin_counts_when_active(role: str, active: bool, gains: bool) -> None:
    command = RegisterUser(
        username="Ana", email="ana@example.com", password_hash="$", role=role, active=active
    )
    events = given(PEOPLE).when(command).decision.events
    assert (AdminGained(6) in events) is gains


def test_an_admin_changes_everything_and_only_what_differs_becomes_an_event() -> None:
    command = ChangeUser(
        user_id=3,
        username="cleo",
        email="user3@example.com",
        first_name="Cleo",
        role="manager",
        department_id=1,
        active=True,
        hourly_rate_cents=5000,
    )
    given(PEOPLE, department(1, "Quality")).when(command).then(
        UserRenamed(3, "cleo"),
        Claimed("username:cleo", "user-3"),
        Released("username:user3", "user-3"),
        UserNamesChanged(3, "Cleo", ""),
        UserRoleChanged(3, "manager"),
        UserDepartmentChanged(3, 1),
        UserRateChanged(3, 5000),
    )


def test_a_user_changes_their_own_email_password_and_names() -> None:
    command = ChangeUser(
        user_id=3, email="cleo@example.com", first_name="Cleo", last_name="Lee", password_hash="$new"
    )
    given(PEOPLE).when(command, by=USER).then(
        UserEmailChanged(3, "cleo@example.com"),
        Claimed("email:cleo@example.com", "user-3"),
        Released("email:user3@example.com", "user-3"),
        UserNamesChanged(3, "Cleo", "Lee"),
        PasswordChanged(3),
        SetPassword(3, "$new"),
    )


@pytest.mark.parametrize(
    "command",
    [
        ChangeUser(user_id=3, role="admin"),
        ChangeUser(user_id=3, username="cleo"),
        ChangeUser(user_id=3, hourly_rate_cents=1),
        ChangeUser(user_id=3, active=True),
        ChangeUser(user_id=3, department_id=None),
        ChangeUser(user_id=3, email="cleo@example.com", invalid={"role": ["Role must be one of …"]}),
        ChangeUser(user_id=3, invalid={"hourly_rate": ["Hourly rate must be a number"]}),
    ],
)
def test_anything_else_of_their_own_takes_an_admin_even_when_the_value_is_wrong(command: ChangeUser) -> None:
    assert given(PEOPLE).when(command, by=USER).refused(Forbidden).required_role == "admin"


def test_a_wrong_value_in_an_own_field_is_a_matter_of_validation() -> None:
    command = ChangeUser(user_id=3, invalid={"password": ["Too short"], "shoe_size": ["Unknown field"]})
    refusal = given(PEOPLE).when(command, by=USER).refused(Invalid)
    assert refusal.errors == {"password": ["Too short"], "shoe_size": ["Unknown field"]}


def test_a_user_does_not_even_learn_that_others_exist() -> None:
    for number in (4, 99):
        command = ChangeUser(user_id=number, first_name="x")
        assert given(PEOPLE).when(command, by=USER).refused(NotFound).what == "user"


def test_a_manager_sees_others_but_may_not_change_them() -> None:
    refusal = given(PEOPLE).when(ChangeUser(user_id=3, first_name="x"), by=MANAGER).refused(Forbidden)
    assert refusal.required_role == "admin"
    given(PEOPLE).when(ChangeUser(user_id=99, first_name="x"), by=MANAGER).refused(NotFound)


def test_taken_names_are_refused_on_change_too() -> None:
    command = ChangeUser(user_id=3, username="User2", email="USER5@example.com", department_id=7)
    assert given(PEOPLE).when(command).refused(Invalid).errors == {
        "username": ["Username is already taken"],
        "email": ["Email address is already registered"],
        "department_id": ["Department 7 does not exist"],
    }


def test_a_change_of_case_alone_leaves_the_claims() -> None:
    command = ChangeUser(user_id=3, username="USER3", email="User3@Example.com")
    given(PEOPLE).when(command).then(UserRenamed(3, "USER3"), UserEmailChanged(3, "User3@Example.com"))


def test_leaving_a_department_and_naming_the_present_one_need_no_department() -> None:
    member = user(6, department_id=8)
    given(PEOPLE, member).when(ChangeUser(user_id=6, department_id=None)).then(UserDepartmentChanged(6, None))
    given(PEOPLE, member).when(ChangeUser(user_id=6, department_id=8)).then()


def test_disabling_ends_the_sessions_and_enabling_does_not_bring_them_back() -> None:
    given(PEOPLE).when(ChangeUser(user_id=3, active=False)).then(UserDeactivated(3), EndSessions(3))
    given(PEOPLE, UserDeactivated(3)).when(ChangeUser(user_id=3, active=True)).then(UserActivated(3))


@pytest.mark.parametrize(
    "command",
    [
        ChangeUser(user_id=1, role="manager"),
        ChangeUser(user_id=1, active=False),
        ChangeUser(user_id=1, role="user", active=False),
    ],
)
def test_the_last_active_admin_stays(command: ChangeUser) -> None:
    assert "last active admin" in str(given(PEOPLE).when(command).refused(Conflict))


def test_one_of_two_admins_may_go_and_the_set_is_written() -> None:
    answer = given(PEOPLE, user(6, "admin")).when(ChangeUser(user_id=1, role="user"))
    answer.then(UserRoleChanged(1, "user"), AdminLost(1))
    assert "admins" in answer.decision.written


def test_a_disabled_admin_does_not_count_until_enabled() -> None:
    story = given(PEOPLE, user(6, "admin", active=False))
    story.when(ChangeUser(user_id=1, active=False)).refused(Conflict)
    story.when(ChangeUser(user_id=6, active=True)).then(UserActivated(6), AdminGained(6))
    story.when(ChangeUser(user_id=6, role="user")).then(UserRoleChanged(6, "user"))


def test_promotion_and_activation_at_once_is_one_gain() -> None:
    story = given(PEOPLE, user(6, active=False))
    story.when(ChangeUser(user_id=6, role="admin", active=True)).then(
        UserRoleChanged(6, "admin"), UserActivated(6), AdminGained(6)
    )


def test_an_outdated_version_is_told_after_validation_and_before_conflicts() -> None:
    story = given(PEOPLE)
    story.when(ChangeUser(user_id=3, first_name="x"), expected_version=2).refused(PreconditionFailed)
    story.when(ChangeUser(user_id=3, first_name="x"), expected_version=1).then(UserNamesChanged(3, "x", ""))
    story.when(ChangeUser(user_id=3), expected_version=2).refused(PreconditionFailed)
    story.when(ChangeUser(user_id=1, role="user"), expected_version=2).refused(PreconditionFailed)
    story.when(ChangeUser(user_id=1, role="user"), expected_version=1).refused(Conflict)
    story.when(ChangeUser(user_id=3, invalid={"a": ["b"]}), expected_version=2).refused(Invalid)
    story.when(ChangeUser(user_id=3, role="admin"), OTHER_USER, expected_version=2).refused(NotFound)


PREPARE = PrepareLedger(username="admin", email="admin@taskflow.com", password_hash="$hash")


def test_a_new_ledger_gets_its_first_department_and_admin() -> None:
    admin = UserRegistered(
        user_id=1,
        username="admin",
        email="admin@taskflow.com",
        first_name="",
        last_name="",
        role="admin",
        department_id=1,
        active=True,
        hourly_rate_cents=0,
    )
    given().when(PREPARE, by=SYSTEM).then(
        DepartmentCreated(1, "Management", ""),
        Claimed("department:management", "department-1"),
        admin,
        Claimed("username:admin", "user-1"),
        Claimed("email:admin@taskflow.com", "user-1"),
        AdminGained(1),
        SetPassword(1, "$hash"),
    )


def test_a_ledger_with_an_admin_stays_as_it_is() -> None:
    given(user(1, "admin")).when(PREPARE, by=SYSTEM).then()


def test_a_department_that_is_there_is_used() -> None:
    decision = given(department(4, "management")).when(PREPARE, by=SYSTEM).decision
    registrations = [event for event in decision.events if isinstance(event, UserRegistered)]
    assert [event.department_id for event in registrations] == [4]
    assert not any(isinstance(event, DepartmentCreated) for event in decision.events)


def test_a_name_that_somebody_else_has_is_told() -> None:
    command = PrepareLedger(username="user3", email="a@example.com", password_hash="$")
    assert "user3" in str(given(user(3)).when(command, by=SYSTEM).refused(Conflict))


def test_an_admin_is_an_actor_like_any_other_for_their_own_data() -> None:
    given(PEOPLE).when(ChangeUser(user_id=1, hourly_rate_cents=100), by=ADMIN).then(UserRateChanged(1, 100))


NAMES = some.sampled_from(["ana", "Ana", "ben", "user2", "USER3"])

CHANGES = some.builds(
    ChangeUser,
    user_id=some.integers(1, 5),
    username=NAMES,
    role=some.sampled_from(["admin", "manager", "user"]),
    active=some.booleans(),
)

REGISTRATIONS = some.builds(
    RegisterUser,
    username=NAMES,
    email=NAMES,
    role=some.sampled_from(["admin", "user"]),
    active=some.booleans(),
)


@for_all(some.lists(CHANGES | REGISTRATIONS, max_size=25))
def test_whatever_is_asked_an_active_admin_stays_and_names_are_held_by_those_who_bear_them(
    commands: list[ChangeUser | RegisterUser],
) -> None:
    story = given(PEOPLE)
    for command in commands:
        story = given(story.events, story.when(command).decision.events)
    users = [held.state for held in story.held().values() if isinstance(held.state, User)]
    admins = story.held()["admins"].state
    assert isinstance(admins, Admins)
    assert admins.ids == {user.id for user in users if user.is_active_admin} != frozenset()
    expected = {claim_of("username", user.username): f"user-{user.id}" for user in users}
    expected |= {claim_of("email", user.email): f"user-{user.id}" for user in users}
    assert len(expected) == 2 * len(users)
    claims = {stream: held.state for stream, held in story.held().items() if isinstance(held.state, Claim)}
    assert expected == {
        stream.removeprefix("claim-"): claim.holder for stream, claim in claims.items() if claim.exists
    }
