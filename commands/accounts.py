"""How accounts begin and end, and what people prove themselves with in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from commands.context import Context
from commands.departments import check_department
from commands.errors import (
    AdminProtected,
    Errors,
    Faults,
    Forbidden,
    PasswordReplaced,
    StillOwnsProjects,
)
from commands.users import User, check_unique, must_be_own
from events.claims import Claimed, Released
from events.event import Event
from events.private import EndSessions, ForgetUser, PrivateRow, SetPassword
from events.users import (
    AdminGained,
    PasswordChanged,
    SessionsEnded,
    UserDeactivated,
    UserDeleted,
    UserRegistered,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterUser:
    """`invalid` holds what the dialect found wrong with the fields; it is refused with the rest."""

    username: str = ""
    email: str = ""
    password_hash: str = ""
    role: str = "user"
    department_id: int | None = None
    active: bool = True
    first_name: str = ""
    last_name: str = ""
    hourly_rate_cents: int = 0
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp:
    """Somebody makes an account of their own; it is active, and its role is user."""

    username: str
    email: str
    password_hash: str
    first_name: str = ""
    last_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePassword:
    """People change their own, having proved the old one.

    `replaces` is `User.passwords` as it was before the old one was compared.
    """

    user_id: int
    password_hash: str
    replaces: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeactivateUser:
    """Lock somebody out who is no admin."""

    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndUserSessions:
    """End all ways in of a user, or only the one numbered `only`, or all but the one numbered `but`."""

    user_id: int
    only: int | None = None
    but: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteUser:
    """`owns_projects`: whether any project is the user's, which only the read model can tell."""

    user_id: int
    owns_projects: bool


def register_user(command: RegisterUser, context: Context) -> Iterator[Event | PrivateRow]:
    if not context.actor.is_admin:
        raise Forbidden("admin")
    faults = Faults(command.invalid)
    check_unique(faults, "username", command.username, "", context)
    check_unique(faults, "email", command.email, "", context)
    check_department(faults, command.department_id, context)
    faults.refuse()
    yield from registered(command, command.department_id, context)


def sign_up(command: SignUp, context: Context) -> Iterator[Event | PrivateRow]:
    faults = Faults({})
    check_unique(faults, "username", command.username, "", context)
    check_unique(faults, "email", command.email, "", context)
    faults.refuse()
    registration = RegisterUser(
        username=command.username,
        email=command.email,
        password_hash=command.password_hash,
        first_name=command.first_name,
        last_name=command.last_name,
    )
    yield from registered(registration, None, context)


def registered(
    command: RegisterUser, department_id: int | None, context: Context
) -> Iterator[Event | PrivateRow]:
    """What a registration that nothing speaks against leads to."""
    registration = UserRegistered(
        user_id=context.new_id("user"),
        username=command.username,
        email=command.email,
        first_name=command.first_name,
        last_name=command.last_name,
        role=command.role,
        department_id=department_id,
        active=command.active,
        hourly_rate_cents=command.hourly_rate_cents,
    )
    yield registration
    yield Claimed(context.claim_of("username", command.username), registration.stream)
    yield Claimed(context.claim_of("email", command.email), registration.stream)
    yield SetPassword(registration.user_id, command.password_hash)
    if command.active and command.role == "admin":
        yield AdminGained(registration.user_id)


def deactivate_user(command: DeactivateUser, context: Context) -> Iterator[Event | PrivateRow]:
    user = _for_admins(command.user_id, context)
    if user.role == "admin":
        raise AdminProtected
    if user.active:
        yield UserDeactivated(user.id)
        yield EndSessions(user.id)


def change_password(command: ChangePassword, context: Context) -> Iterator[Event | PrivateRow]:
    if context.actor.id != command.user_id:
        raise Forbidden("admin")
    user = context.existing(User, command.user_id)
    if user.passwords != command.replaces:
        raise PasswordReplaced
    yield PasswordChanged(user.id)
    yield SetPassword(user.id, command.password_hash)


def end_user_sessions(command: EndUserSessions, context: Context) -> Iterator[Event | PrivateRow]:
    user = context.existing(User, command.user_id)
    must_be_own(user, context.actor)
    which = "one" if command.only else "others" if command.but else "all"
    yield SessionsEnded(user.id, which)
    yield EndSessions(user.id, command.only, command.but)


def delete_user(command: DeleteUser, context: Context) -> Iterator[Event | PrivateRow]:
    user = _for_admins(command.user_id, context)
    if user.role == "admin":
        raise AdminProtected
    if command.owns_projects:
        raise StillOwnsProjects
    deleted = UserDeleted(user.id)
    yield deleted
    yield Released(context.claim_of("username", user.username), deleted.stream)
    yield Released(context.claim_of("email", user.email), deleted.stream)
    yield ForgetUser(user.id)


def _for_admins(user_id: int, context: Context) -> User:
    if not context.actor.is_admin:
        raise Forbidden("admin")
    return context.existing(User, user_id)
