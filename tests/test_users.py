"""What may happen to users, and to the set of active admins."""

from __future__ import annotations

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as some

from commands.accounts import (
    ChangePassword,
    DeactivateUser,
    DeleteUser,
    EndUserSessions,
    RegisterUser,
    SignUp,
)
from commands.admins import Admins
from commands.claims import Claim
from commands.context import SYSTEM, VISITOR, Actor
from commands.errors import (
    AdminProtected,
    Conflict,
    Forbidden,
    Invalid,
    LastAdmin,
    NotFound,
    PasswordReplaced,
    PreconditionFailed,
    StillOwnsProjects,
    Unseen,
)
from commands.ledger import PrepareLedger
from commands.users import ChangeProfile, ChangeUser, User
from events.claims import Claimed, Released
from events.departments import DepartmentCreated
from events.private import EndSessions, ForgetUser, SetPassword
from events.users import (
    AdminGained,
    AdminLost,
    PasswordChanged,
    SessionsEnded,
    UserActivated,
    UserDeactivated,
    UserDeleted,
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
    for number, word in ((4, Unseen), (99, NotFound)):
        command = ChangeUser(user_id=number, first_name="x")
        assert given(PEOPLE).when(command, by=USER).refused(word).what == "user"


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
    assert "last active admin" in str(given(PEOPLE).when(command).refused(LastAdmin))


def test_one_of_two_admins_may_go_and_the_set_is_written() -> None:
    answer = given(PEOPLE, user(6, "admin")).when(ChangeUser(user_id=1, role="user"))
    answer.then(UserRoleChanged(1, "user"), AdminLost(1))
    assert "admins" in answer.decision.written


def test_a_disabled_admin_does_not_count_until_enabled() -> None:
    story = given(PEOPLE, user(6, "admin", active=False))
    story.when(ChangeUser(user_id=1, active=False)).refused(LastAdmin)
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
    story.when(ChangeUser(user_id=1, role="user"), expected_version=1).refused(LastAdmin)
    story.when(ChangeUser(user_id=3, invalid={"a": ["b"]}), expected_version=2).refused(Invalid)
    story.when(ChangeUser(user_id=3, role="admin"), OTHER_USER, expected_version=2).refused(Unseen)


SIGN_UP = SignUp(username="Ana", email="ana@example.com", password_hash="$hash", first_name="Ana")


def test_whoever_signs_up_is_an_active_user_in_no_department() -> None:
    answer = given(PEOPLE).when(SIGN_UP, by=VISITOR)
    answer.then(
        UserRegistered(6, "Ana", "ana@example.com", "Ana", "", "user", None, True, 0),
        Claimed("username:ana", "user-6"),
        Claimed("email:ana@example.com", "user-6"),
        SetPassword(6, "$hash"),
    )
    assert answer.guards() == set()


def test_taken_names_are_told_to_whoever_signs_up_the_username_first() -> None:
    command = SignUp(username="USER2", email="User3@example.com", password_hash="$")
    refusal = given(PEOPLE).when(command, by=VISITOR).refused(Invalid)
    assert list(refusal.errors) == ["username", "email"]
    assert refusal.taken == {"username", "email"}
    email = SignUp(username="ana", email="user3@example.com", password_hash="$")
    assert given(PEOPLE).when(email, by=VISITOR).refused(Invalid).taken == {"email"}


def test_a_name_is_taken_only_where_somebody_else_has_it() -> None:
    command = ChangeUser(user_id=3, username="user2", email="user3@example.com", invalid={"role": ["Wrong"]})
    refusal = given(PEOPLE).when(command).refused(Invalid)
    assert (set(refusal.errors), refusal.taken) == ({"role", "username"}, frozenset({"username"}))


def test_people_change_their_username_in_their_profile() -> None:
    command = ChangeProfile(user_id=3, username="cleo", email="cleo@example.com", first_name="Cleo")
    given(PEOPLE).when(command, by=USER).then(
        UserRenamed(3, "cleo"),
        Claimed("username:cleo", "user-3"),
        Released("username:user3", "user-3"),
        UserEmailChanged(3, "cleo@example.com"),
        Claimed("email:cleo@example.com", "user-3"),
        Released("email:user3@example.com", "user-3"),
        UserNamesChanged(3, "Cleo", ""),
    )
    given(PEOPLE).when(ChangeProfile(user_id=3, username="USER3"), by=USER).then(UserRenamed(3, "USER3"))
    given(PEOPLE).when(ChangeProfile(user_id=3, username="user3"), by=USER).then()


def test_a_profile_is_nobody_elses_and_that_comes_before_all_else() -> None:
    for actor in (ADMIN, MANAGER, OTHER_USER):
        for number in (3, 99):
            command = ChangeProfile(user_id=number, invalid={"email": ["Wrong"]})
            assert given(PEOPLE).when(command, by=actor).refused(Forbidden).required_role == "admin"


def test_names_in_a_profile_must_be_right_and_free() -> None:
    command = ChangeProfile(user_id=3, username="User2", invalid={"email": ["Invalid email format"]})
    refusal = given(PEOPLE).when(command, by=USER).refused(Invalid)
    assert refusal.errors == {"email": ["Invalid email format"], "username": ["Username is already taken"]}
    assert refusal.taken == {"username"}


def test_who_is_gone_has_no_profile_and_cannot_be_changed() -> None:
    story = given(PEOPLE, UserDeleted(3))
    story.when(ChangeProfile(user_id=3, first_name="x"), by=USER).refused(NotFound)
    for command in (ChangeUser(user_id=3, active=True), DeactivateUser(user_id=3), DELETE):
        assert story.when(command).refused(NotFound).what == "user"


def test_making_an_admin_and_taking_it_back() -> None:
    given(PEOPLE).when(ChangeUser(user_id=3, admin=True)).then(UserRoleChanged(3, "admin"), AdminGained(3))
    given(PEOPLE).when(ChangeUser(user_id=2, admin=True)).then(UserRoleChanged(2, "admin"), AdminGained(2))
    two = given(PEOPLE, user(6, "admin"))
    two.when(ChangeUser(user_id=6, admin=False)).then(UserRoleChanged(6, "user"), AdminLost(6))
    two.when(ChangeUser(user_id=6, admin=True)).then()
    given(PEOPLE).when(ChangeUser(user_id=1, admin=False)).refused(LastAdmin)


def test_who_is_no_admin_stays_what_they_are() -> None:
    for number in (2, 3):
        given(PEOPLE).when(ChangeUser(user_id=number, admin=False)).then()
    given(PEOPLE).when(ChangeUser(user_id=2, admin=False, first_name="Max")).then(
        UserNamesChanged(2, "Max", "")
    )


def test_a_role_says_more_than_being_an_admin_or_not() -> None:
    given(PEOPLE).when(ChangeUser(user_id=3, role="manager", admin=True)).then(UserRoleChanged(3, "manager"))


def test_nobody_makes_themselves_an_admin() -> None:
    for command in (ChangeUser(user_id=3, admin=True), ChangeUser(user_id=3, admin=False)):
        assert given(PEOPLE).when(command, by=USER).refused(Forbidden).required_role == "admin"


def test_deactivating_ends_the_sessions_and_is_done_once() -> None:
    given(PEOPLE).when(DeactivateUser(user_id=3)).then(UserDeactivated(3), EndSessions(3))
    given(PEOPLE, UserDeactivated(3)).when(DeactivateUser(user_id=3)).then()


DELETE = DeleteUser(user_id=3, owns_projects=False)


def test_who_is_deleted_leaves_no_password_and_gives_both_names_back() -> None:
    answer = given(PEOPLE).when(DELETE)
    answer.then(
        UserDeleted(3),
        Released("username:user3", "user-3"),
        Released("email:user3@example.com", "user-3"),
        ForgetUser(3),
    )
    after = given(PEOPLE, answer.decision.events)
    command = SignUp(username="User3", email="user3@example.com", password_hash="$")
    registration = after.when(command, by=VISITOR).decision.events[0]
    assert isinstance(registration, UserRegistered)
    assert registration.user_id == 6


def test_the_names_given_back_are_the_present_ones() -> None:
    story = given(PEOPLE)
    renamed = story.when(ChangeUser(user_id=3, username="cleo")).decision.events
    events = given(story.events, renamed).when(DELETE).decision.events
    assert [event.claim for event in events if isinstance(event, Released)] == [
        "username:cleo",
        "email:user3@example.com",
    ]


def test_a_disabled_user_can_be_deleted_and_a_manager_too() -> None:
    assert given(PEOPLE, UserDeactivated(3)).when(DELETE).decision.events
    assert given(PEOPLE).when(DeleteUser(user_id=2, owns_projects=False)).decision.events


@pytest.mark.parametrize("active", [True, False])
def test_admins_are_neither_deactivated_directly_nor_deleted(active: bool) -> None:
    story = given(PEOPLE, user(6, "admin", active=active))
    for number in (1, 6):
        for command in (DeactivateUser(user_id=number), DeleteUser(user_id=number, owns_projects=True)):
            assert story.when(command).refused(AdminProtected).required_role == "admin"


def test_who_owns_projects_is_not_deleted() -> None:
    refusal = given(PEOPLE).when(DeleteUser(user_id=2, owns_projects=True)).refused(StillOwnsProjects)
    assert "projects" in str(refusal)


@pytest.mark.parametrize("actor", [MANAGER, USER, OTHER_USER])
def test_only_admins_deactivate_and_delete_whether_there_is_anybody_or_not(actor: Actor) -> None:
    for number in (1, 3, 99):
        for command in (DeactivateUser(user_id=number), DeleteUser(user_id=number, owns_projects=True)):
            assert given(PEOPLE).when(command, by=actor).refused(Forbidden).required_role == "admin"


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


DELETIONS = some.builds(DeleteUser, user_id=some.integers(1, 7), owns_projects=some.just(False))


@for_all(some.lists(CHANGES | REGISTRATIONS | DELETIONS, max_size=25))
def test_whatever_is_asked_an_active_admin_stays_and_names_are_held_by_those_who_bear_them(
    commands: list[ChangeUser | RegisterUser | DeleteUser],
) -> None:
    story = given(PEOPLE)
    for command in commands:
        story = given(story.events, story.when(command).decision.events)
    everybody = [held.state for held in story.held().values() if isinstance(held.state, User)]
    users = [user for user in everybody if user.exists]
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


def test_people_replace_the_password_that_they_proved_and_no_other() -> None:
    command = ChangePassword(user_id=3, password_hash="$new", replaces=1)
    once = given(PEOPLE, PasswordChanged(3))
    once.when(command, by=USER).then(PasswordChanged(3), SetPassword(3, "$new"))
    assert once.when(command, by=USER).guards() == set()
    for others in (given(PEOPLE), given(once.events, PasswordChanged(3))):
        others.when(command, by=USER).refused(PasswordReplaced)
    for actor in (ADMIN, OTHER_USER):
        assert once.when(command, by=actor).refused(Forbidden).required_role == "admin"
    assert given(once.events, UserDeleted(3)).when(command, by=USER).refused(NotFound).what == "user"


@pytest.mark.parametrize("actor", [USER, ADMIN])
def test_people_end_their_own_sessions_and_admins_anybody_s(actor: Actor) -> None:
    for only, but, which in ((None, None, "all"), (7, None, "one"), (None, 7, "others")):
        command = EndUserSessions(user_id=3, only=only, but=but)
        given(PEOPLE).when(command, by=actor).then(SessionsEnded(3, which), EndSessions(3, only, but))


def test_nobody_else_ends_sessions() -> None:
    command = EndUserSessions(user_id=3)
    assert given(PEOPLE).when(command, by=MANAGER).refused(Forbidden).required_role == "admin"
    assert given(PEOPLE).when(command, by=OTHER_USER).refused(Unseen).what == "user"
    assert given(PEOPLE, UserDeleted(3)).when(command, by=ADMIN).refused(NotFound).what == "user"
