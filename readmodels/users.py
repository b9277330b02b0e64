"""User cards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict, cast

from readmodels.documents import FIELD_END, Contribution, Document, Kind, Place, Places, ref_to


class User(TypedDict):
    """A user's card; `version` is its stream's, `created` and `updated` are positions."""

    id: int
    version: int
    created: int
    updated: int
    username: str
    email: str
    first_name: str
    last_name: str
    role: str
    active: bool
    department_id: int | None
    hourly_rate_cents: int
    created_at: str
    updated_at: str


def places(document: Document) -> Places:
    user = cast(User, document)
    number = user["id"]
    found: dict[str, Place] = {
        "user:sort:created": user["created"],
        "user:sort:id": number,
        "user:sort:username": user["username"].casefold(),
        "user:sort:email": user["email"].casefold(),
        "user:sort:updated_at": user["updated"],
        f"user:role:{user['role']}": number,
        f"user:active:{'true' if user['active'] else 'false'}": number,
    }
    if user["department_id"] is not None:
        found[f"user:department:{user['department_id']}"] = number
    return found


def contributions(document: Document) -> Iterable[Contribution]:
    user = cast(User, document)
    figures = {"members": 1, "active_members": int(user["active"])}
    if user["department_id"] is not None:
        yield ref_to("department_figures", user["department_id"]), figures


def text(document: Document) -> str:
    user = cast(User, document)
    return FIELD_END.join((user["username"], user["email"], user["first_name"], user["last_name"]))


USER = Kind("user", places, contributions, text=text)
