"""Changing users: unique names, roles, and the last active admin."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

from commands.admins import must_leave_an_admin
from commands.claims import is_taken, moved_claim
from commands.context import UNSET, Actor, Context, Unset, adopted, changed, given
from commands.departments import check_department
from commands.errors import Errors, Faults, Forbidden, Unseen
from events.event import Event
from events.private import EndSessions, PrivateRow, SetPassword
from events.users import (
    AdminGained,
    AdminLost,
    PasswordChanged,
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
class ChangeUser:
    """`admin` makes the user an admin, or an admin a user; who is neither stays what they are.

    Given together with `role` it counts for nothing.
    """

    user_id: int
    username: str | Unset = UNSET
    email: str | Unset = UNSET
    password_hash: str | Unset = UNSET
    role: str | Unset = UNSET
    admin: bool | Unset = UNSET
    department_id: int | Unset | None = UNSET
    active: bool | Unset = UNSET
    first_name: str | Unset = UNSET
    last_name: str | Unset = UNSET
    hourly_rate_cents: int | Unset = UNSET
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeProfile:
    """What people may change about themselves where the name to sign in with is theirs, too."""

    user_id: int
    username: str | Unset = UNSET
    email: str | Unset = UNSET
    first_name: str | Unset = UNSET
    last_name: str | Unset = UNSET
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class User:
    """`passwords` is how often the password was changed."""

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
    passwords: int = 0
    deleted: bool = False

    @property
    def exists(self) -> bool:
        return self.id > 0 and not self.deleted

    @property
    def is_active_admin(self) -> bool:
        return self.active and self.role == "admin"


def evolve(user: User, event: Event) -> User:
    match event:
        case UserRegistered():
            return adopted(user, event, id=event.user_id)
        case UserActivated():
            return replace(user, active=True)
        case UserDeactivated():
            return replace(user, active=False)
        case PasswordChanged():
            return replace(user, passwords=user.passwords + 1)
        case UserDeleted():
            return replace(user, active=False, deleted=True)
    return adopted(user, event)


def change_user(command: ChangeUser, context: Context) -> Iterator[Event | PrivateRow]:
    user = context.existing(User, command.user_id)
    _must_be_changeable(user, command, context)
    yield from _changed(user, _with_role(user, command), context)
    if command.password_hash is not UNSET:
        yield PasswordChanged(user.id)
        yield SetPassword(user.id, command.password_hash)


def change_profile(command: ChangeProfile, context: Context) -> Iterator[Event | PrivateRow]:
    if context.actor.id != command.user_id:
        raise Forbidden("admin")
    user = context.existing(User, command.user_id)
    wanted = {name: getattr(command, name) for name in ("username", "email", "first_name", "last_name")}
    yield from _changed(user, ChangeUser(user_id=user.id, **wanted, invalid=command.invalid), context)


def check_active(
    faults: Faults, name: str, user_ids: Iterable[int], context: Context, *, also: Collection[int] = ()
) -> None:
    """Adds a fault on field `name` for each of the users that does not exist or is not active.

    Those in `also` need not be active.
    """
    if name in faults:
        return
    wanted = list(user_ids)
    for user_id, user in zip(wanted, context.load_all(User, wanted), strict=True):
        if not user.exists:
            faults.add(name, f"User {user_id} does not exist")
        elif not user.active and user_id not in also:
            faults.add(name, f"User {user_id} is not active")


def check_unique(faults: Faults, kind: str, name: str, holder: str, context: Context) -> None:
    if kind not in faults and is_taken(kind, name, holder, context):
        faults.add_taken(kind, TAKEN[kind])


def must_be_own(user: User, actor: Actor) -> None:
    """Raises Forbidden, and Unseen for those who see no other users, unless an admin asks."""
    if not actor.is_admin and actor.id != user.id:
        # Only admins and managers see other users at all.
        raise Forbidden("admin") if actor.role == "manager" else Unseen("user")


def _must_be_changeable(user: User, command: ChangeUser, context: Context) -> None:
    must_be_own(user, context.actor)
    if not context.actor.is_admin and not given(command) <= OWN_FIELDS:
        raise Forbidden("admin")


def _with_role(user: User, command: ChangeUser) -> ChangeUser:
    """The command with the role that `admin` comes to."""
    if command.role is not UNSET or command.admin is UNSET or command.admin == (user.role == "admin"):
        return command
    return replace(command, role="admin" if command.admin else "user")


def _changed(user: User, command: ChangeUser, context: Context) -> Iterator[Event | PrivateRow]:
    changes = changed(user, command, FIELDS)
    faults = Faults(command.invalid)
    for kind in (kind for kind in TAKEN if kind in changes):
        check_unique(faults, kind, changes[kind], f"user-{user.id}", context)
    check_department(faults, changes.get("department_id"), context)
    faults.refuse()
    after = replace(user, **changes)
    if user.is_active_admin and not after.is_active_admin:
        must_leave_an_admin(user.id, context)
    yield from _identity_changed(user, after, context)
    yield from _standing_changed(user, after)


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
