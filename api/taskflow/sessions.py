"""By what people are signed in, in both applications, and how they or an admin end it."""

from __future__ import annotations

from typing import Final

from api.errors import Unauthenticated
from api.sessions import Session
from api.taskflow.calls import Call
from api.taskflow.endpoints import Endpoint, Shows
from api.taskflow.envelope import Answer
from api.taskflow.listing import listed, place
from api.taskflow.parameters import PAGING, Parameters, sort_by
from api.taskflow.session_forms import ShownSession, shown_session
from api.ways_in import must_be_way_in, ways_in
from commands.accounts import EndUserSessions
from readmodels.model import Page

LISTED: Final[Parameters] = {**PAGING, "sort": sort_by("created_at")}


async def list_sessions(call: Call) -> Answer:
    current, (number, per_page) = _current(call), place(call.filters)
    _, newest_first = call.filters.get("sort", ("created_at", True))
    found, total = await ways_in(
        call.core,
        call.caller.id,
        newest_first=newest_first,
        offset=(number - 1) * per_page,
        limit=per_page,
    )
    shown = [shown_session(each, current) for each in found]
    return listed("sessions", shown, Page([], total, 0), call.filters)


async def end_session(call: Call) -> Answer:
    number = call.number("session_id", "session")
    await must_be_way_in(call.core, call.caller.id, number)
    return await _ended(call, EndUserSessions(user_id=call.caller.id, only=number), "Session ended")


async def end_other_sessions(call: Call) -> Answer:
    command = EndUserSessions(user_id=call.caller.id, but=_current(call).id)
    return await _ended(call, command, "All other sessions ended")


async def end_user_sessions(call: Call) -> Answer:
    user_id = call.number("user_id", "user")
    return await _ended(call, EndUserSessions(user_id=user_id), "All sessions of the user ended")


def _current(call: Call) -> Session:
    if call.session is None:
        raise Unauthenticated
    return call.session


async def _ended(call: Call, command: EndUserSessions, message: str) -> Answer:
    written = await call.write(command)
    call.core.sessions.forget(command.user_id)
    return await call.done(written, message)


ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/api/auth/sessions",
        list_sessions,
        parameters=LISTED,
        summary="List by what one is signed in, in both applications",
        shows=Shows({"sessions": list[ShownSession]}, is_list=True),
    ),
    Endpoint(
        "DELETE",
        "/api/auth/sessions",
        end_other_sessions,
        summary="End all sessions of one's own but this one",
    ),
    Endpoint(
        "DELETE",
        "/api/auth/sessions/{session_id}",
        end_session,
        summary="End a session of one's own",
    ),
    Endpoint(
        "DELETE",
        "/api/users/{user_id}/sessions",
        end_user_sessions,
        summary="End all sessions of a user: for users themselves, for admins anybody's",
    ),
)
