"""Users: who they are, and for admins who may come in and as what."""

from __future__ import annotations

from typing import Final

from typing_extensions import TypedDict

from api.behind import Readable
from api.taskforge.calls import Call
from api.taskforge.departures import departed
from api.taskforge.endpoints import Endpoint, Shows
from api.taskforge.envelope import ADMIN_STAYS, Answer, Failure, Words
from api.taskforge.listing import Pagination, Sorting, paged, place
from api.taskforge.reading import read
from api.taskforge.user_forms import (
    CHANGE_FAULTS,
    INVALID_ROLE,
    PROFILE,
    STANDING,
    ShownUser,
    UserChange,
    shown_user,
    user_answer,
)
from api.writing import Written
from commands.accounts import DeactivateUser
from commands.errors import LastAdmin
from commands.users import ChangeProfile, ChangeUser
from readmodels.model import Query

SORTING: Final = Sorting(
    {
        "id": "id",
        "username": "username",
        "email": "email",
        "created_at": "created",
        "updated_at": "updated_at",
    }
)
FORBIDDEN: Final = "Forbidden"
TAKEN: Final = {"email": "Email already in use", "username": "Username already in use"}


class Users(TypedDict):
    users: list[ShownUser]
    pagination: Pagination


async def list_users(call: Call) -> Answer:
    page = await call.core.model.page(paged(Query("user"), call.query, SORTING))
    users = [shown_user(card) for card in page.documents]
    return Answer(Users(users=users, pagination=place(call.query).of(page)))


async def get_user(call: Call) -> Answer:
    user_id = _themselves_or_anybody(call)
    return await user_answer(call.core.model, user_id)


async def change_user(call: Call) -> Answer:
    user_id = _themselves_or_anybody(call)
    written = await (_changed if call.caller.is_admin else _changed_themselves)(call, user_id)
    return await _shown(call, written, user_id, "User updated successfully")


async def delete_user(call: Call) -> Answer:
    user_id = call.number("user_id", "user")
    written = await departed(call, user_id)
    return await call.done(written, "User deleted successfully")


async def activate_user(call: Call) -> Answer:
    user_id = call.number("user_id", "user")
    written = await call.write(ChangeUser(user_id=user_id, active=True))
    return await _shown(call, written, user_id, "User activated successfully")


async def deactivate_user(call: Call) -> Answer:
    user_id = call.number("user_id", "user")
    written = await call.write(DeactivateUser(user_id=user_id))
    return await _shown(call, written, user_id, "User deactivated successfully")


def _themselves_or_anybody(call: Call) -> int:
    """The user in the path: for admins anybody. Raises Failure, NotFound."""
    user_id = call.number("user_id", "user")
    if not call.caller.is_admin and call.caller.id != user_id:
        raise Failure(403, FORBIDDEN)
    return user_id


async def _changed(call: Call, user_id: int) -> Written:
    fields = read(call.body, (*PROFILE, *STANDING))
    command = ChangeUser(user_id=user_id, **fields.values, invalid=fields.invalid)
    try:
        return await call.write(command)
    except LastAdmin:
        # Whether somebody is active is looked at before their role is.
        if command.active is False:
            raise
        raise Failure(400, INVALID_ROLE) from None


async def _changed_themselves(call: Call, user_id: int) -> Written:
    fields = read(call.body, PROFILE)
    return await call.write(ChangeProfile(user_id=user_id, **fields.values, invalid=fields.invalid))


async def _shown(call: Call, written: Written, user_id: int, message: str) -> Answer:
    async def show(model: Readable) -> Answer:
        return await user_answer(model, user_id, message)

    return await call.shown(written, show)


ONE: Final = "/api/users/{user_id:[0-9]+}"
NOT_FOUND: Final = "User not found"
SHOWN: Final = Shows(ShownUser)

ENDPOINTS: Final = (
    Endpoint(
        methods=("GET",),
        path="/api/users",
        handle=list_users,
        is_kept=True,
        is_for_admins=True,
        parameters=SORTING.parameters(),
        summary="List all users",
        shows=Shows(Users),
    ),
    Endpoint(
        methods=("GET",),
        path=ONE,
        handle=get_user,
        is_kept=True,
        summary="Read a user: for users themselves, for admins anybody",
        shows=SHOWN,
        fails={403: (FORBIDDEN,), 404: (NOT_FOUND,)},
    ),
    Endpoint(
        methods=("PUT", "PATCH"),
        path=ONE,
        handle=change_user,
        body=UserChange,
        words=Words(forbidden=FORBIDDEN, taken=TAKEN),
        summary="Change a user: for users themselves, for admins anybody",
        shows=SHOWN,
        example={"first_name": "Ada", "last_name": "Lovelace"},
        fails={
            400: CHANGE_FAULTS,
            403: (FORBIDDEN, ADMIN_STAYS),
            404: (NOT_FOUND,),
            409: tuple(TAKEN.values()),
        },
    ),
    Endpoint(
        methods=("DELETE",),
        path=ONE,
        handle=delete_user,
        is_for_admins=True,
        words=Words(protected="Cannot delete admin users"),
        summary="Delete a user, with the tasks that are in no project and theirs",
        fails={403: ("Cannot delete admin users",), 404: (NOT_FOUND,), 409: ("User still owns projects",)},
    ),
    Endpoint(
        methods=("POST",),
        path=f"{ONE}/deactivate",
        handle=deactivate_user,
        is_for_admins=True,
        summary="Lock a user out",
        shows=SHOWN,
        fails={403: (ADMIN_STAYS,), 404: (NOT_FOUND,)},
    ),
    Endpoint(
        methods=("POST",),
        path=f"{ONE}/activate",
        handle=activate_user,
        is_for_admins=True,
        summary="Let a user in again",
        shows=SHOWN,
        fails={404: (NOT_FOUND,)},
    ),
)
