"""User cards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict, cast

from readmodels.documents import Contribution, Document, Entry, Kind, Ref


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


def entries(document: Document) -> Iterable[Entry]:
    user = cast(User, document)
    yield Entry("user:sort:created", user["created"])
    yield Entry("user:sort:id", user["id"])
    yield Entry("user:sort:username", 0, user["username"].casefold())
    yield Entry("user:sort:email", 0, user["email"].casefold())
    yield Entry("user:sort:updated_at", user["updated"])
    yield Entry(f"user:role:{user['role']}", user["id"])
    yield Entry(f"user:active:{'true' if user['active'] else 'false'}", user["id"])
    if user["department_id"] is not None:
        yield Entry(f"user:department:{user['department_id']}", user["id"])


def contributions(document: Document) -> Iterable[Contribution]:
    user = cast(User, document)
    if user["department_id"] is not None:
        yield Contribution(Ref("department_figures", str(user["department_id"])), {"members": 1})


def text(document: Document) -> str:
    user = cast(User, document)
    return "\n".join((user["username"], user["email"], user["first_name"], user["last_name"]))


USER = Kind("user", entries, contributions, text=text)
