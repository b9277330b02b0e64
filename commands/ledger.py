"""Preparing a new ledger: somebody has to be there who may invite the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from commands.accounts import RegisterUser, registered
from commands.admins import Admins
from commands.claims import Claim, is_taken
from commands.context import Context
from commands.errors import Conflict
from events.claims import Claimed
from events.departments import DepartmentCreated
from events.event import Event
from events.private import PrivateRow


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareLedger:
    """Makes the first department and the first admin; changes nothing where an active admin exists."""

    username: str
    email: str
    password_hash: str
    department: str = "Management"


def prepare_ledger(command: PrepareLedger, context: Context) -> Iterator[Event | PrivateRow]:
    if context.load(Admins, "").exists:
        return
    for kind, name in (("username", command.username), ("email", command.email)):
        if is_taken(kind, name, "", context):
            raise Conflict(f"The {kind} {name} belongs to a user who is no active admin; choose another one")
    department_id = context.load(Claim, context.claim_of("department", command.department)).holder_id
    if not department_id:
        department_id = context.new_id("department")
        created = DepartmentCreated(department_id, command.department, "")
        yield created
        yield Claimed(context.claim_of("department", command.department), created.stream)
    admin = RegisterUser(
        username=command.username,
        email=command.email,
        password_hash=command.password_hash,
        role="admin",
    )
    yield from registered(admin, department_id, context)
