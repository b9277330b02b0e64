"""Making admins and setting passwords without anybody who is signed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.bootstrap import is_weak
from api.operators.instruments import Instruments
from api.passwords import hash_password
from api.taskflow.user_forms import NewUser, UserChange
from api.taskflow.validation import checked
from commands.admins import Admins
from commands.claims import Claim
from commands.errors import Invalid, Unseen
from commands.rescue import MakeAdmin, SetUserPassword
from commands.users import User
from events.operations import AdminMade


async def make_admin(
    tools: Instruments, username: str, email: str, password: str, reason: str
) -> dict[str, Any]:
    """The new admin. Raises Invalid, also for a password that is easy to guess."""
    fields = checked(NewUser, {"username": username, "email": email, "password": password})
    _refuse({**_weakness(password), **fields.faults})
    command = MakeAdmin(
        username=fields.fields["username"],
        email=fields.fields["email"],
        password_hash=hash_password(password),
        reason=reason,
    )
    decided = await tools.record(command)
    (made,) = (event for event in decided.events if isinstance(event, AdminMade))
    return {"id": made.user_id, "username": command.username, "position": decided.position}


async def set_password(tools: Instruments, who: str, password: str, reason: str) -> dict[str, Any]:
    """The user, known by number or username, whose password it is now. Raises NotFound, Invalid."""
    user = await _known(tools, who)
    fields = checked(UserChange, {"password": password})
    _refuse({**_weakness(password), **fields.faults})
    command = SetUserPassword(user_id=user.id, password_hash=hash_password(password), reason=reason)
    decided = await tools.record(command)
    return {"id": user.id, "username": user.username, "position": decided.position}


async def admins(tools: Instruments) -> list[dict[str, Any]]:
    """The active admins, by their numbers."""
    ids = sorted((await tools.dispatcher.load(Admins, "")).ids)
    found = await tools.dispatcher.load_all(User, ids)
    return [{"id": each.id, "username": each.username, "email": each.email} for each in found]


async def _known(tools: Instruments, who: str) -> User:
    """Whose username is a number is found by it only where no such user is: numbers come first."""
    if who.isdecimal() and len(who) < 19:
        user = await tools.dispatcher.load(User, int(who))
        if user.exists:
            return user
    claim = await tools.dispatcher.load(Claim, tools.dispatcher.claim_of("username", who))
    user = await tools.dispatcher.load(User, claim.holder_id)
    if not user.exists:
        raise Unseen("user")
    return user


def _weakness(password: str) -> Mapping[str, list[str]]:
    if not is_weak(password):
        return {}
    return {"password": ["The password is too easy to guess: openssl rand -base64 18 makes a good one"]}


def _refuse(faults: Mapping[str, list[str]]) -> None:
    if faults:
        raise Invalid(dict(faults))
