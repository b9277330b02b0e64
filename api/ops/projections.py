"""The read models over HTTP: how far they are, rebuilding, verifying, pausing, going back."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from api.operators import projections, rebuilding
from api.operators.projections import SAMPLE_DOCUMENTS, SAMPLE_DOCUMENTS_MAX, shown
from api.ops.calls import OpsCall, Reason
from api.ops.endpoints import OpsEndpoint
from api.taskflow.endpoints import Shows
from api.taskflow.envelope import Answer
from api.taskflow.fields import Body
from projections.rebuilds import Wish


class Operation(Body):
    reason: Reason


class NewRebuild(Operation):
    switch_if: Literal["equal", "always", "never"] = "equal"
    fresh: bool = False
    dry_run: bool = False


class Verification(Operation):
    """All of the read model, in the projector, or so many documents at once."""

    all: bool = False
    documents: Annotated[int, Field(ge=1, le=SAMPLE_DOCUMENTS_MAX)] = SAMPLE_DOCUMENTS


async def status(call: OpsCall) -> Answer:
    return Answer({"projections": await projections.status(call.instruments)})


async def rebuild(call: OpsCall) -> Answer:
    """202 for a rebuild, 200 for the plan of one."""
    fields = call.valid()
    if fields.get("dry_run"):
        return Answer({"plan": await rebuilding.plan(call.instruments)})
    wish = Wish(purpose="rebuild", runs_in="projector", switch_if=fields.get("switch_if", "equal"))
    return await _asked(call, wish, fields)


async def verify(call: OpsCall) -> Answer:
    fields = call.valid()
    if fields.get("all"):
        return await _asked(
            call, Wish(purpose="verification", runs_in="projector", switch_if="never"), fields
        )
    documents = fields.get("documents", SAMPLE_DOCUMENTS)
    found = await projections.verify_sample(call.instruments, documents, fields["reason"])
    return Answer({"verification": found.as_json()})


async def _asked(call: OpsCall, wish: Wish, fields: dict[str, Any]) -> Answer:
    asked = await rebuilding.ask(
        call.instruments, wish, fields["reason"], is_fresh=fields.get("fresh", False)
    )
    return Answer({"rebuild": shown(asked)}, "The projector works on it", 202)


async def cancel(call: OpsCall) -> Answer:
    done = await rebuilding.cancel(call.instruments, call.valid()["reason"])
    return Answer({"rebuild": shown(done)})


async def rollback(call: OpsCall) -> Answer:
    return Answer({"rollback": await projections.roll_back(call.instruments, call.valid()["reason"])})


async def pause(call: OpsCall) -> Answer:
    is_still = await projections.pause(call.instruments, call.valid()["reason"])
    return Answer({"paused": await projections.paused(call.instruments), "standing_still": is_still})


async def resume(call: OpsCall) -> Answer:
    await projections.resume(call.instruments, call.valid()["reason"])
    return Answer({"paused": await projections.paused(call.instruments)})


REBUILD: Final = {"rebuild": dict[str, Any]}
WHY: Final = {"reason": "figures looked wrong"}

ENDPOINTS: Final = (
    OpsEndpoint(
        "GET",
        "/ops/api/projections",
        status,
        summary="Show all generations of read models, and the last rebuild",
        shows=Shows({"projections": dict[str, Any]}),
    ),
    OpsEndpoint(
        "POST",
        "/ops/api/projections/rebuild",
        rebuild,
        body=NewRebuild,
        summary="Have the projector fold the log into a new generation",
        example={"switch_if": "always", **WHY},
        shows=Shows(REBUILD, 202),
        also=Shows({"plan": dict[str, Any]}),
    ),
    OpsEndpoint(
        "POST",
        "/ops/api/projections/verify",
        verify,
        body=Verification,
        summary="Compare the read model with the log",
        example={"documents": 100, **WHY},
        shows=Shows({"verification": dict[str, Any]}),
    ),
    OpsEndpoint(
        "POST",
        "/ops/api/projections/cancel",
        cancel,
        body=Operation,
        may_miss=True,
        summary="Stop a rebuild and leave nothing of it",
        example=WHY,
        shows=Shows(REBUILD),
    ),
    OpsEndpoint(
        "POST",
        "/ops/api/projections/rollback",
        rollback,
        body=Operation,
        summary="Send readers back to the generation before",
        example=WHY,
        shows=Shows({"rollback": dict[str, int]}),
    ),
    OpsEndpoint(
        "POST",
        "/ops/api/projections/pause",
        pause,
        body=Operation,
        summary="Have projectors stand still",
        example=WHY,
        shows=Shows({"paused": dict[str, Any], "standing_still": bool}),
    ),
    OpsEndpoint(
        "POST",
        "/ops/api/projections/resume",
        resume,
        body=Operation,
        summary="Have projectors go on",
        example=WHY,
        shows=Shows({"paused": dict[str, Any]}),
    ),
)
