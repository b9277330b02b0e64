"""Audit over HTTP: histories, how things were, and what was refused."""

from __future__ import annotations

from typing import Any, Final

from api.dialects import PATH_MAX
from api.errors import BadRequest
from api.operators import attempts, audit
from api.operators.asked import Asked, asked, plainly
from api.operators.attempts import ATTEMPTS_MAX, ATTEMPTS_SHOWN, Wanted
from api.operators.history import TooLong, reader_of
from api.ops.calls import OpsCall
from api.ops.endpoints import OpsEndpoint
from api.ops.parameters import whole_number
from api.taskflow import parameters
from api.taskflow.endpoints import Shows
from api.taskflow.envelope import Answer
from api.taskflow.listing import listed
from readmodels.documents import Ref
from readmodels.model import Page

MOMENT: Final = parameters.text_of(40)
POSITION: Final = parameters.AS_OF["as_of_position"]


LIMIT: Final = whole_number(1, ATTEMPTS_MAX, ATTEMPTS_SHOWN)


async def show_history(call: OpsCall) -> Answer:
    """A page of all entries, newest first."""
    page, per_page = call.filters.get("page", 1), call.filters.get("per_page", parameters.PER_PAGE)
    with plainly(BadRequest, TooLong):
        found = await audit.history_page(reader_of(call.core), ref_of(call), (page - 1) * per_page, per_page)
    shown = [entry.as_json() for entry in found.entries]
    return listed("history", shown, Page([], found.total, 0), call.filters)


async def show_state(call: OpsCall) -> Answer:
    with plainly(BadRequest, TooLong):
        end = await asked_of(call, "at")
        return Answer({"object": await audit.state_of(reader_of(call.core), ref_of(call), end)})


async def show_difference(call: OpsCall) -> Answer:
    if not {"from", "from_position"} & call.filters.keys():
        raise BadRequest("From when on? Give from or from_position")
    with plainly(BadRequest, TooLong):
        first, second = await asked_of(call, "from"), await asked_of(call, "to")
        found = await audit.difference(reader_of(call.core), ref_of(call), first, second)
    return Answer({"difference": found})


async def list_attempts(call: OpsCall) -> Answer:
    with plainly(BadRequest, TooLong):
        found = await attempts.attempts(call.core, Wanted(**call.filters))
    return Answer(found._asdict())


def ref_of(call: OpsCall) -> Ref:
    kind = call.request.match_info["kind"]
    return Ref(kind, str(call.number("id", kind)))


async def asked_of(call: OpsCall, name: str) -> Asked:
    """The moment that the parameters `name` and `name_position` ask about. Raises NoSuchMoment."""
    return await asked(call.core, call.filters.get(name), call.filters.get(f"{name}_position"))


def moments(*names: str) -> parameters.Parameters:
    return dict.fromkeys(names, MOMENT) | {f"{name}_position": POSITION for name in names}


ENDPOINTS: Final = (
    OpsEndpoint(
        "GET",
        "/ops/api/audit/history/{kind}/{id}",
        show_history,
        parameters=parameters.PAGING,
        summary="Read who changed an object, when, from where and how",
        shows=Shows({"history": list[dict[str, Any]]}, is_list=True),
    ),
    OpsEndpoint(
        "GET",
        "/ops/api/audit/state/{kind}/{id}",
        show_state,
        parameters=moments("at"),
        summary="Read an object as it was",
        shows=Shows({"object": dict[str, Any]}),
    ),
    OpsEndpoint(
        "GET",
        "/ops/api/audit/diff/{kind}/{id}",
        show_difference,
        parameters=moments("from", "to"),
        summary="Compare an object at two moments",
        shows=Shows({"difference": dict[str, Any]}),
    ),
    OpsEndpoint(
        "GET",
        "/ops/api/audit/attempts",
        list_attempts,
        parameters={
            "status": parameters.text_of(3),
            "actor_id": parameters.ID,
            "address": parameters.TEXT,
            "path": parameters.text_of(PATH_MAX + 1),
            "since": MOMENT,
            "until": MOMENT,
            "limit": LIMIT,
            "before": parameters.TEXT,
        },
        summary="List attempts to change something that were refused or failed",
        shows=Shows({"attempts": list[dict[str, Any]], "next": str | None}),
    ),
)
