"""Users over HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from api.behind import Readable
from api.taskflow import parameters
from api.taskflow.calls import Call
from api.taskflow.endpoints import Endpoint, Shows
from api.taskflow.envelope import Answer
from api.taskflow.listing import indexes, listed, paged
from api.taskflow.user_forms import NewUser, ShownUser, UserChange, departments_of, shown_user, user_answer
from api.visibility import must_see_user
from commands.accounts import RegisterUser
from commands.users import ChangeUser
from events.users import UserRegistered
from readmodels.model import Query, Range

FILTERS: Final[parameters.Parameters] = {
    **parameters.PAGING,
    "role": parameters.one_of("admin", "manager", "user"),
    "department_id": parameters.ID,
    "active": parameters.BOOLEAN,
    "q": parameters.TEXT,
    "sort": parameters.sort_by("created_at", "id", "username", "email", "updated_at"),
}
INDEXES: Final = {"role": "user:role", "department_id": "user:department", "active": "user:active"}


async def list_users(call: Call) -> Answer:
    """Users see themselves, managers and admins everybody."""
    query = paged(Query("user", where=indexes(call.filters, INDEXES)), call.filters)
    if not call.caller.sees_all:
        query = replace(query, ranges=(Range("user:sort:id", call.caller.id, call.caller.id),))
    page = await call.core.model.page(query)
    departments = await departments_of(call.core.model, page.documents)
    users = [shown_user(card, departments, call.caller) for card in page.documents]
    return listed("users", users, page, call.filters)


async def get_user(call: Call) -> Answer:
    user_id = call.number("user_id", "user")
    must_see_user(call.caller, user_id)
    return await user_answer(call.core.model, user_id, call.caller)


async def create_user(call: Call) -> Answer:
    fields = await _with_hash(call, may=call.caller.is_admin)
    written = await call.write(RegisterUser(**fields, invalid=call.invalid))
    user_id = written.the(UserRegistered).user_id

    async def show(model: Readable) -> Answer:
        return await user_answer(model, user_id, call.caller, "User created successfully", 201)

    return await call.shown(written, show, is_new=True)


async def change_user(call: Call) -> Answer:
    user_id = call.number("user_id", "user")
    fields = await _with_hash(call, may=call.caller.is_admin or call.caller.id == user_id)
    written = await call.write(ChangeUser(user_id=user_id, **fields, invalid=call.invalid))

    async def show(model: Readable) -> Answer:
        return await user_answer(model, user_id, call.caller, "User updated successfully")

    return await call.shown(written, show)


async def _with_hash(call: Call, *, may: bool) -> dict[str, Any]:
    """The fields with the password's hash in the password's place.

    Hashing costs time and memory: it is not done for a request that will be refused anyway, where
    no hash stands in for it.
    """
    fields = dict(call.fields)
    if "password" in fields:
        password = fields.pop("password")
        is_needed = may and not call.invalid and call.done_at is None
        fields["password_hash"] = await call.core.passwords.hash(password) if is_needed else ""
    return fields


ONE: Final = Shows({"user": ShownUser}, is_object=True)

ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/api/users",
        list_users,
        is_kept=True,
        parameters=FILTERS,
        summary="List users: all of them, or for users themselves",
        shows=Shows({"users": list[ShownUser]}, is_list=True),
    ),
    Endpoint(
        "POST",
        "/api/users",
        create_user,
        body=NewUser,
        takes_key=True,
        summary="Create a user",
        asks_role="admin",
        shows=replace(ONE, status=201),
        example={
            "username": "newuser",
            "email": "newuser@taskflow.com",
            "password": "securepassword123",
            "role": "user",
            "department_id": 2,
        },
    ),
    Endpoint("GET", "/api/users/{user_id}", get_user, is_kept=True, summary="Read a user", shows=ONE),
    Endpoint(
        "PUT",
        "/api/users/{user_id}",
        change_user,
        body=UserChange,
        summary="Change a user",
        shows=ONE,
        example={"role": "manager", "department_id": 3, "active": True},
    ),
)
