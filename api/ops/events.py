"""Looking into the log over HTTP."""

from __future__ import annotations

from typing import Any, Final

import orjson

from api.errors import BadRequest
from api.operators import event_stats, events
from api.operators.asked import beginning_of, moment_of, plainly
from api.operators.event_queries import (
    LIMIT_MAX,
    TEXT_MAX,
    NoSuchQuery,
    Query,
    criteria_of,
    texts,
)
from api.ops.calls import OpsCall
from api.ops.endpoints import OpsEndpoint
from api.ops.parameters import POSITION, whole_number
from api.taskflow import parameters
from api.taskflow.endpoints import Shows
from api.taskflow.envelope import Answer
from api.taskflow.parameters import text_of
from events.criteria import Criteria

LIMIT: Final = 50
WAIT_MAX_S: Final = 10
"""Less than a request may take."""

FILTERS: Final[parameters.Parameters] = {
    "type": text_of(TEXT_MAX),
    "stream": text_of(parameters.TEXT_MAX),
    "actor": parameters.ID,
    "request": text_of(parameters.TEXT_MAX),
    "where": text_of(TEXT_MAX),
}
PAGE: Final[parameters.Parameters] = {
    **FILTERS,
    "since": text_of(40),
    "until": text_of(40),
    "after": POSITION,
    "before": POSITION,
    "limit": whole_number(1, LIMIT_MAX, LIMIT),
    "order": parameters.one_of("newest", "oldest", default="newest"),
}
FOLLOWING: Final[parameters.Parameters] = {
    **FILTERS,
    "after": POSITION,
    "wait_s": whole_number(0, WAIT_MAX_S, 0),
}


async def list_events(call: OpsCall) -> Answer:
    given = call.filters
    with plainly(BadRequest):
        query = Query(
            criteria=criteria(call),
            since=beginning_of(given["since"]) if "since" in given else None,
            until=moment_of(given["until"]) if "until" in given else None,
            after=given.get("after", 0),
            before=given.get("before"),
            limit=given.get("limit", LIMIT),
            newest_first=given.get("order", "newest") == "newest",
        )
    return Answer((await events.page(call.core, query)).as_json())


async def follow(call: OpsCall) -> Answer:
    """What comes after a position, as soon as there is something: who goes on from there misses nothing."""
    with plainly(BadRequest):
        wanted = criteria(call)
    after = call.filters.get("after")
    if after is None:
        after = await call.core.store.head()
    with plainly(BadRequest):
        found = await events.followed(call.core, wanted, after, float(call.filters.get("wait_s", 0)))
    return Answer({"events": found.events, "position": found.position})


async def show_event(call: OpsCall) -> Answer:
    position = await events.located(call.core, call.request.match_info["position"])
    masked = call.filters.get("masked", False)
    return Answer({"event": await events.shown(call.core, position, masked=masked)})


async def show_stats(call: OpsCall) -> Answer:
    return Answer({"stats": await event_stats.stats(call.core)})


def criteria(call: OpsCall) -> Criteria:
    """Raises NoSuchQuery."""
    given = call.filters
    return criteria_of(
        types=texts([given["type"]] if "type" in given else []),
        stream=given.get("stream"),
        actor_id=given.get("actor"),
        request_id=given.get("request"),
        where=conditions(given.get("where")),
    )


def conditions(text: str | None) -> list[str]:
    """`data.status=completed`, or several conditions as a JSON list of such texts. Raises NoSuchQuery."""
    if text is None or not text.startswith("["):
        return [] if text is None else [text]
    try:
        several = orjson.loads(text)
    except orjson.JSONDecodeError:
        several = None
    if not isinstance(several, list) or not all(isinstance(each, str) for each in several):
        raise NoSuchQuery('where takes a condition, as data.status=completed, or ["several","of them"]')
    return several


EVENTS: Final = list[dict[str, Any]]

ENDPOINTS: Final = (
    OpsEndpoint(
        "GET",
        "/ops/api/events",
        list_events,
        parameters=PAGE,
        summary="Look for events in the log",
        shows=Shows(
            {"events": EVENTS, "next": int | None, "complete_to": int, "indexed_to": int, "head": int}
        ),
    ),
    OpsEndpoint(
        "GET",
        "/ops/api/events/tail",
        follow,
        parameters=FOLLOWING,
        summary="Follow the log: what comes after a position",
        shows=Shows({"events": EVENTS, "position": int}),
    ),
    OpsEndpoint(
        "GET",
        "/ops/api/events/stats",
        show_stats,
        summary="Count events by type, actor and day",
        shows=Shows({"stats": dict[str, Any]}),
    ),
    OpsEndpoint(
        "GET",
        "/ops/api/events/{position}",
        show_event,
        parameters={"masked": parameters.BOOLEAN},
        summary="Read an event, its cause, its effects and what it changed",
        shows=Shows({"event": dict[str, Any]}),
    ),
)
