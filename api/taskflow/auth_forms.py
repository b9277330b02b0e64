"""The forms of signing in: what is sent, and who one is then."""

from __future__ import annotations

from typing_extensions import TypedDict

from api.behind import Readable, StreamModel
from api.cards import card_of
from api.core import Core
from api.taskflow.fields import Body, Text
from api.taskflow.user_forms import Role
from commands.errors import NotFound
from readmodels.documents import Ref
from readmodels.model import NotReady


class Credentials(Body):
    """Either name will do: `username` takes the email address as well."""

    username: Text
    password: Text


class ShownSelf(TypedDict):
    """Who is signed in; `department` is its name."""

    id: int
    username: str
    email: str
    role: Role
    department: str | None


async def own_card(core: Core, user_id: int) -> ShownSelf:
    """The user as signing in shows one; from the log where the read model cannot tell yet."""
    try:
        return await _card(core.model, user_id)
    except (NotReady, NotFound):
        return await _card(StreamModel(core.store, core.model), user_id)


async def _card(model: Readable, user_id: int) -> ShownSelf:
    card = await card_of(model, "user", user_id)
    department_ref = Ref("department", str(card["department_id"]))
    found = await model.fetch([department_ref]) if card["department_id"] is not None else {}
    return {
        "id": card["id"],
        "username": card["username"],
        "email": card["email"],
        "role": card["role"],
        "department": found[department_ref]["name"] if department_ref in found else None,
    }
