"""The forms of users: as requests send them, and as answers show them to admins and to others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from api.behind import Readable
from api.callers import Caller
from api.cards import card_of, cards
from api.taskflow.envelope import Answer
from api.taskflow.fields import Body, Email, Id, Money, Password, Prose, Username
from api.taskflow.formats import ShownMoment, moment, money
from readmodels.documents import Document

Role = Literal["admin", "manager", "user"]
PersonName = Annotated[Prose, Field(max_length=50)]


class UserChange(Body):
    username: Username = ""
    email: Email = ""
    password: Password = ""
    role: Role = "user"
    department_id: Id | None = None
    active: bool = True
    first_name: PersonName = ""
    last_name: PersonName = ""
    hourly_rate: Money = Field(default=0, serialization_alias="hourly_rate_cents")


class NewUser(UserChange):
    username: Username
    email: Email
    password: Password


class Named(TypedDict):
    id: int
    name: str


class ShownUser(TypedDict):
    """A user in full; what an hour of theirs costs is for admins."""

    id: int
    username: str
    email: str
    first_name: str
    last_name: str
    role: Role
    active: bool
    department: Named | None
    created_at: ShownMoment
    updated_at: ShownMoment
    hourly_rate: NotRequired[float]


def shown_user(card: Document, departments: Mapping[int, Document], caller: Caller) -> ShownUser:
    department = departments.get(card["department_id"])
    user: ShownUser = {
        "id": card["id"],
        "username": card["username"],
        "email": card["email"],
        "first_name": card["first_name"],
        "last_name": card["last_name"],
        "role": card["role"],
        "active": card["active"],
        "department": Named(id=department["id"], name=department["name"]) if department else None,
        "created_at": moment(card["created_at"]),
        "updated_at": moment(card["updated_at"]),
    }
    if caller.is_admin:
        user["hourly_rate"] = money(card["hourly_rate_cents"])
    return user


async def user_answer(
    model: Readable, user_id: int, caller: Caller, message: str | None = None, status: int = 200
) -> Answer:
    card = await card_of(model, "user", user_id)
    user = shown_user(card, await departments_of(model, [card]), caller)
    return Answer({"user": user}, message, status, version=card["version"])


async def departments_of(model: Readable, users: list[Document]) -> Mapping[int, Document]:
    """The departments of the users, by their ids."""
    return await cards(model, "department", {user["department_id"] for user in users} - {None})
