"""Folds users' events into their cards."""

from __future__ import annotations

from events.event import Record
from events.users import (
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
from projections.projection import Projection, changed
from readmodels.users import User

users = Projection("user")


@users.creates(UserRegistered)
def registered(event: UserRegistered, record: Record) -> User:
    return User(
        id=event.user_id,
        version=record.version,
        created=record.position,
        updated=record.position,
        username=event.username,
        email=event.email,
        first_name=event.first_name,
        last_name=event.last_name,
        role=event.role,
        active=event.active,
        department_id=event.department_id,
        hourly_rate_cents=event.hourly_rate_cents,
        created_at=record.recorded_at,
        updated_at=record.recorded_at,
    )


@users.on(UserRenamed)
def renamed(user: User, event: UserRenamed, record: Record) -> User:
    return changed(user, record, {"username": event.username})


@users.on(UserEmailChanged)
def email_changed(user: User, event: UserEmailChanged, record: Record) -> User:
    return changed(user, record, {"email": event.email})


@users.on(UserNamesChanged)
def names_changed(user: User, event: UserNamesChanged, record: Record) -> User:
    return changed(user, record, {"first_name": event.first_name, "last_name": event.last_name})


@users.on(UserRoleChanged)
def role_changed(user: User, event: UserRoleChanged, record: Record) -> User:
    return changed(user, record, {"role": event.role})


@users.on(UserDepartmentChanged)
def department_changed(user: User, event: UserDepartmentChanged, record: Record) -> User:
    return changed(user, record, {"department_id": event.department_id})


@users.on(UserActivated)
def activated(user: User, _: UserActivated, record: Record) -> User:
    return changed(user, record, {"active": True})


@users.on(UserDeactivated)
def deactivated(user: User, _: UserDeactivated, record: Record) -> User:
    return changed(user, record, {"active": False})


@users.on(UserRateChanged)
def rate_changed(user: User, event: UserRateChanged, record: Record) -> User:
    return changed(user, record, {"hourly_rate_cents": event.hourly_rate_cents})


@users.on(PasswordChanged)
def password_changed(user: User, _: PasswordChanged, record: Record) -> User:
    """The card shows no password, but its version is the stream's."""
    return changed(user, record, {})


@users.on(SessionsEnded)
def sessions_ended(user: User, _: SessionsEnded, record: Record) -> User:
    """As with a password: the card shows no sessions."""
    return changed(user, record, {})


@users.on(UserDeleted)
def deleted(_user: User, _event: UserDeleted, _record: Record) -> None:
    return None
