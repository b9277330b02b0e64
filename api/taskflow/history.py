"""Histories over HTTP: who changed what, when, in which request, with old and new values."""

from __future__ import annotations

from typing import Final

from api.errors import BadRequest
from api.operators.audit import newest
from api.operators.history import TooLong, entries, reader_of, story
from api.operators.telling import Told
from api.taskflow import parameters
from api.taskflow.calls import Call
from api.taskflow.endpoints import Endpoint, Shows
from api.taskflow.envelope import Answer
from api.taskflow.history_forms import HistoryEntry, is_gone, is_shown, shown_entry
from api.taskflow.listing import listed
from api.visibility import must_see_user, sees, sees_task
from commands.errors import Forbidden, NotFound
from readmodels.documents import Document, Ref
from readmodels.model import Page

FILTERS: Final[parameters.Parameters] = {**parameters.PAGING, "sort": parameters.sort_by("created_at")}


async def project_history(call: Call) -> Answer:
    ref = Ref("project", str(call.number("project_id", "project")))
    told = await _story(call, ref)
    await _must_be_shown(call, ref, told, int(ref.id))
    return await _paged(call, ref, told)


async def task_history(call: Call) -> Answer:
    ref = Ref("task", str(call.number("task_id", "task")))
    told = await _story(call, ref)
    if is_gone(told[-1].after):
        _must_see_the_gone(call, ref)
    elif not await sees_task(call.core.model, call.caller, _last(ref, told)):
        raise NotFound("task")
    return await _paged(call, ref, told)


async def risk_history(call: Call) -> Answer:
    ref = Ref("risk", str(call.number("risk_id", "risk")))
    told = await _story(call, ref)
    await _must_be_shown(call, ref, told, _last(ref, told)["project_id"])
    return await _paged(call, ref, told)


async def user_history(call: Call) -> Answer:
    """Users are shown their own, admins everybody's."""
    ref = Ref("user", str(call.number("user_id", "user")))
    must_see_user(call.caller, int(ref.id))
    told = await _story(call, ref)
    if call.caller.id != int(ref.id) and not call.caller.is_admin:
        raise Forbidden("admin")
    return await _paged(call, ref, told)


async def _story(call: Call, ref: Ref) -> list[Told]:
    """Raises NotFound, BadRequest for one that is too long to be told."""
    try:
        return await story(reader_of(call.core), ref)
    except TooLong as error:
        raise BadRequest(str(error)) from None


async def _must_be_shown(call: Call, ref: Ref, told: list[Told], project_id: int) -> None:
    """Raises NotFound, unless the caller sees the project that an object is, or is in."""
    if is_gone(told[-1].after):
        _must_see_the_gone(call, ref)
    elif not await sees(call.core.model, call.caller, project_id):
        raise NotFound(ref.kind)


def _must_see_the_gone(call: Call, ref: Ref) -> None:
    """Who had to do with a deleted object is nobody's knowledge any more: those who see all see it."""
    if not call.caller.sees_all:
        raise NotFound(ref.kind)


def _last(ref: Ref, told: list[Told]) -> Document:
    """What the object was last, however it ended. Raises NotFound where it never began, as it is read."""
    document = next((each.after or each.before for each in reversed(told) if each.after or each.before), None)
    if document is None:
        raise NotFound(ref.kind)
    return document


async def _paged(call: Call, ref: Ref, told: list[Told]) -> Answer:
    shown = [each for each in told if is_shown(ref, each, call.caller)]
    _, descending = call.filters.get("sort", ("created_at", True))
    page, per_page = call.filters.get("page", 1), call.filters.get("per_page", parameters.PER_PAGE)
    wanted = newest(shown if descending else shown[::-1], (page - 1) * per_page, per_page)
    found = [shown_entry(ref, each, call.caller) for each in await entries(reader_of(call.core), wanted)]
    return listed("history", found, Page([], len(shown), told[-1].record.position), call.filters)


SHOWS: Final = Shows({"history": list[HistoryEntry]}, is_list=True)

ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/api/projects/{project_id}/history",
        project_history,
        parameters=FILTERS,
        summary="Read who changed a project, when and how",
        shows=SHOWS,
    ),
    Endpoint(
        "GET",
        "/api/tasks/{task_id}/history",
        task_history,
        parameters=FILTERS,
        summary="Read who changed a task, when and how",
        shows=SHOWS,
    ),
    Endpoint(
        "GET",
        "/api/risks/{risk_id}/history",
        risk_history,
        parameters=FILTERS,
        summary="Read who changed a risk, when and how",
        shows=SHOWS,
    ),
    Endpoint(
        "GET",
        "/api/users/{user_id}/history",
        user_history,
        parameters=FILTERS,
        summary="Read who changed a user, when and how",
        shows=SHOWS,
        is_partly_forbidden=True,
    ),
)
