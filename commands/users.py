"""Registering and changing users: unique names, roles, and the last active admin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

from commands.admins import must_leave_an_admin
from commands.claims import is_taken, moved_claim
from commands.context import UNSET, Context, Unset, adopted, changed, given
from commands.departments import check_department
from commands.errors import Errors, Faults, Forbidden, NotFound
from events.claims import Claimed
from events.event import Event
from events.private import EndSessions, PrivateRow, SetPassword
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

FIELDS: Final = (
    "username",
    "email",
    "first_name",
    "last_name",
    "role",
    "department_id",
    "active",
    "hourly_rate_cents",
)

OWN_FIELDS: Final = frozenset({"email", "password", "first_name", "last_name"})

TAKEN: Final = {
    "username": "Username is already taken",
    "email": "Email address is already registered",
}


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
class ChangeUser:
    user_id: int
    username: str | Unset = UNSET
    email: str | Unset = UNSET
    password_hash: str | Unset = UNSET
    role: str | Unset = UNSET
    department_id: int | Unset | None = UNSET
    active: bool | Unset = UNSET
    first_name: str | Unset = UNSET
    last_name: str | Unset = UNSET
    hourly_rate_cents: int | Unset = UNSET
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class User:
    STREAM: ClassVar[str] = "user"

    id: int = 0
    username: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    role: str = "user"
    department_id: int | None = None
    active: bool = False
    hourly_rate_cents: int = 0

    @property
    def exists(self) -> bool:
        return self.id > 0

    @property
    def is_active_admin(self) -> bool:
        return self.active and self.role == "admin"


def evolve(user: User, event: Event) -> User:
    match event:
        case UserRegistered():
            return replace(adopted(user, event), id=event.user_id)
        case UserActivated():
            return replace(user, active=True)
        case UserDeactivated():
            return replace(user, active=False)
    return adopted(user, event)


def register_user(command: RegisterUser, context: Context) -> Iterator[Event | PrivateRow]:
    if not context.actor.is_admin:
        raise Forbidden("admin")
    faults = Faults(command.invalid)
    _check_unique(faults, "username", command.username, "", context)
    _check_unique(faults, "email", command.email, "", context)
    check_department(faults, command.department_id, context)
    faults.refuse()
    yield from registered(command, command.department_id, context)


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


def change_user(command: ChangeUser, context: Context) -> Iterator[Event | PrivateRow]:
    user = context.existing(User, command.user_id)
    _must_be_changeable(user, command, context)
    changes = changed(user, command, FIELDS)
    faults = Faults(command.invalid)
    for kind in (kind for kind in TAKEN if kind in changes):
        _check_unique(faults, kind, changes[kind], f"user-{user.id}", context)
    check_department(faults, changes.get("department_id"), context)
    faults.refuse()
    after = replace(user, **changes)
    if user.is_active_admin and not after.is_active_admin:
        must_leave_an_admin(user.id, context)
    yield from _identity_changed(user, after, context)
    yield from _standing_changed(user, after)
    if command.password_hash is not UNSET:
        yield PasswordChanged(user.id)
        yield SetPassword(user.id, command.password_hash)


def check_active(faults: Faults, name: str, user_ids: Iterable[int], context: Context) -> None:
    """Adds a fault on field `name` for each of the users that does not exist or is not active."""
    if name in faults:
        return
    wanted = list(user_ids)
    for user_id, user in zip(wanted, context.load_all(User, wanted), strict=True):
        if not user.exists:
            faults.add(name, f"User {user_id} does not exist")
        elif not user.active:
            faults.add(name, f"User {user_id} is not active")


def _check_unique(faults: Faults, kind: str, name: str, holder: str, context: Context) -> None:
    if kind not in faults and is_taken(kind, name, holder, context):
        faults.add(kind, TAKEN[kind])


def _must_be_changeable(user: User, command: ChangeUser, context: Context) -> None:
    actor = context.actor
    if actor.is_admin:
        return
    if actor.id != user.id:
        # Only admins and managers see other users at all.
        raise Forbidden("admin") if actor.role == "manager" else NotFound("user")
    if not given(command) <= OWN_FIELDS:
        raise Forbidden("admin")


def _identity_changed(before: User, after: User, context: Context) -> Iterator[Event]:
    holder = f"user-{before.id}"
    if before.username != after.username:
        yield UserRenamed(before.id, after.username)
        yield from moved_claim("username", before.username, after.username, holder, context)
    if before.email != after.email:
        yield UserEmailChanged(before.id, after.email)
        yield from moved_claim("email", before.email, after.email, holder, context)
    if (before.first_name, before.last_name) != (after.first_name, after.last_name):
        yield UserNamesChanged(before.id, after.first_name, after.last_name)


def _standing_changed(before: User, after: User) -> Iterator[Event | PrivateRow]:
    if before.role != after.role:
        yield UserRoleChanged(before.id, after.role)
    if before.department_id != after.department_id:
        yield UserDepartmentChanged(before.id, after.department_id)
    if before.hourly_rate_cents != after.hourly_rate_cents:
        yield UserRateChanged(before.id, after.hourly_rate_cents)
    if after.active and not before.active:
        yield UserActivated(before.id)
    if before.active and not after.active:
        yield UserDeactivated(before.id)
        yield EndSessions(before.id)
    if after.is_active_admin and not before.is_active_admin:
        yield AdminGained(before.id)
    if before.is_active_admin and not after.is_active_admin:
        yield AdminLost(before.id)
