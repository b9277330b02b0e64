"""Accounts for people who cannot help themselves any more: done by operators, with a reason in the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from commands.accounts import RegisterUser, register_user
from commands.context import Context
from commands.operations import checked
from commands.users import ChangeUser, change_user
from events.event import Event
from events.operations import AdminMade, PasswordSet
from events.private import PrivateRow
from events.users import UserRegistered


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeAdmin:
    username: str
    email: str
    password_hash: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUserPassword:
    """Give a user another password; all that was begun with the old one ends."""

    user_id: int
    password_hash: str
    reason: str


def make_admin(command: MakeAdmin, context: Context) -> Iterator[Event | PrivateRow]:
    reason = checked(command.reason, context)
    registration = RegisterUser(
        username=command.username, email=command.email, password_hash=command.password_hash, role="admin"
    )
    for each in register_user(registration, context):
        yield each
        if isinstance(each, UserRegistered):
            yield AdminMade(each.user_id, reason)


def set_user_password(command: SetUserPassword, context: Context) -> Iterator[Event | PrivateRow]:
    reason = checked(command.reason, context)
    yield from change_user(ChangeUser(user_id=command.user_id, password_hash=command.password_hash), context)
    yield PasswordSet(command.user_id, reason)
