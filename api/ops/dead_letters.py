"""Dead letters over HTTP: events that could not be folded, and what admins do about them."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field

from api.openapi.schemas import NO_NUL
from api.operators import dead_letters
from api.operators.bounds import NUMBER_MAX
from api.operators.dead_letters import Choice
from api.ops.calls import OpsCall, Reason
from api.ops.endpoints import OpsEndpoint
from api.taskflow.endpoints import Shows
from api.taskflow.envelope import Answer
from api.taskflow.fields import Body
from commands.errors import Invalid
from commands.operations import RETRIED_AT_ONCE_MAX

GROUP_MAX: Final = 100

Position = Annotated[int, Field(ge=1, le=NUMBER_MAX)]


class Retry(Body):
    """One of `positions`, `group` and `all` says which events."""

    positions: Annotated[list[Position], Field(min_length=1, max_length=RETRIED_AT_ONCE_MAX)] | None = None
    group: Annotated[str, Field(min_length=1, max_length=GROUP_MAX, pattern=NO_NUL)] | None = None
    all: bool = False
    reason: Reason


class Discard(Body):
    position: Position
    reason: Reason


async def list_groups(call: OpsCall) -> Answer:
    return Answer({"groups": await dead_letters.groups(call.instruments)})


async def show(call: OpsCall) -> Answer:
    position = call.number("position", "dead letter")
    return Answer({"event": await dead_letters.letter(call.instruments, position)})


async def retry(call: OpsCall) -> Answer:
    fields = call.valid()
    given = [name for name in ("positions", "group", "all") if fields.get(name)]
    if len(given) != 1:
        raise Invalid({"positions": ["Say which events: give positions, group or all, one of them"]})
    choice = Choice(tuple(fields.get("positions") or ()), fields.get("group"))
    operated = await dead_letters.retry(call.instruments, choice, fields["reason"])
    return Answer({"operation": operated.as_json()})


async def discard(call: OpsCall) -> Answer:
    fields = call.valid()
    operated = await dead_letters.discard(call.instruments, fields["position"], fields["reason"])
    return Answer({"operation": operated.as_json()})


ENDPOINTS: Final = (
    OpsEndpoint(
        "GET",
        "/ops/api/dead-letters",
        list_groups,
        summary="List events that stop documents, by what went wrong",
        shows=Shows({"groups": list[dict[str, Any]]}),
    ),
    OpsEndpoint(
        "GET",
        "/ops/api/dead-letters/{position}",
        show,
        summary="Show an event that was not folded",
        shows=Shows({"event": dict[str, Any]}),
    ),
    OpsEndpoint(
        "POST",
        "/ops/api/dead-letters/retry",
        retry,
        body=Retry,
        may_miss=True,
        summary="Fold what events stopped again from the log",
        example={"group": "1f0c9a5be2d4", "reason": "release 2.1 knows task.paused"},
        shows=Shows({"operation": dict[str, Any]}),
    ),
    OpsEndpoint(
        "POST",
        "/ops/api/dead-letters/discard",
        discard,
        body=Discard,
        may_miss=True,
        summary="Leave an event out of every fold, for good",
        example={"position": 4711, "reason": "written by a faulty import"},
        shows=Shows({"operation": dict[str, Any]}),
    ),
)
