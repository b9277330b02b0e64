"""Rebuilds as operators ask for them: begun or gone on with, followed, cancelled."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from api.operators.instruments import Instruments
from api.operators.projections import redis_needed
from api.projecting import runner_settings, switching_by
from commands.errors import Conflict, NotFound
from commands.operations import CancelRebuild, StartRebuild, StartVerification, permitted
from projections import rebuilds
from projections.generations import current_generation
from projections.holding import Held, turn_of
from projections.lease import LeaseLost
from projections.queries import query, rows
from projections.rebuild import Rebuilding, Tools
from projections.rebuilds import Rebuild, Wish
from readmodels.connecting import call

LOG_SIZE: Final = query("log_size")
CANCEL_TIMEOUT_S: Final = 10.0
CANCEL_INTERVAL_S: Final = 0.2
FINISHED: Final = frozenset({"done", "cancelled", "failed"})


async def plan(tools: Instruments) -> dict[str, Any]:
    """What a rebuild would take: events, sizes, and seconds as the last one went (None before the first).

    Nothing is changed. Raises Unavailable, NotReady.
    """
    events = await tools.store.head()
    events_per_s = await rebuilds.last_rate(tools.connections)
    with redis_needed():
        memory = await call(tools.redis, "INFO", "memory")
    return {
        "generation": await current_generation(tools.connections),
        "events": events,
        "log_bytes": (await rows(tools.connections, LOG_SIZE))[0][0],
        "redis_bytes": memory["used_memory"],
        "redis_max_bytes": memory["maxmemory"] or None,
        "events_per_s": events_per_s,
        "expected_s": round(events / events_per_s, 1) if events_per_s else None,
    }


async def ask(tools: Instruments, wish: Wish, reason: str, *, is_fresh: bool = False) -> Rebuild:
    """A rebuild to be worked on: the one that is not finished, unless `is_fresh`, else a new one.

    Raises Conflict while one is worked on, the other refusals, what the store raises, NotReady.
    """
    why = permitted(reason, tools.actor)
    before = await rebuilds.unfinished(tools.connections)
    if before is not None:
        await _must_be_free(tools, before, wish)
        if is_fresh or before.is_cancelled:
            await _discarded(tools, before)
            before = None
    generation = before.generation if before else await rebuilds.new_generation(tools.connections)
    await tools.record(_operation(wish, generation, why))
    by = tools.actor.id or None
    if before is not None:
        asked = await rebuilds.resume(tools.connections, before, wish, by, why)
    else:
        asked = await rebuilds.begin(tools.connections, wish, generation, by, why)
    if asked is None:
        raise Conflict("Another rebuild was asked for in the same moment")
    return asked


def _operation(wish: Wish, generation: int, reason: str) -> object:
    if wish.purpose == "verification":
        return StartVerification(documents=None, reason=reason)
    return StartRebuild(generation=generation, reason=reason)


async def _must_be_free(tools: Instruments, before: Rebuild, wish: Wish) -> None:
    if await turn_of(tools.connections).is_kept():
        raise Conflict(f"A {before.purpose} is under way already, of generation {before.generation}")
    if before.purpose == "rebuild" and wish.purpose == "verification":
        raise Conflict(
            f"The rebuild of generation {before.generation} is not finished: go on with it, or cancel it"
        )


def rebuild_tools(tools: Instruments) -> Tools:
    return Tools(
        store=tools.store,
        redis=tools.redis,
        connections=tools.connections,
        switching=switching_by(tools.dispatcher, tools.metadata, tools.settings),
        settings=runner_settings(tools.settings),
    )


async def cancel(tools: Instruments, reason: str) -> Rebuild:
    """Stop the rebuild that is not finished and leave nothing of it; what became of it.

    One whose generation readers go to already is done: nothing is cancelled then, nor recorded. Raises
    NotFound where there is none, Conflict when it does not stop in time, the other refusals, what the store
    raises, NotReady.
    """
    before = await rebuilds.unfinished(tools.connections)
    if before is None:
        raise NotFound("rebuild")
    if await current_generation(tools.connections) == before.generation:
        return await _discarded(tools, before)
    await tools.record(CancelRebuild(generation=before.generation, reason=reason))
    await rebuilds.cancel(tools.connections, before)
    for _ in range(int(CANCEL_TIMEOUT_S / CANCEL_INTERVAL_S)):
        now = await rebuilds.latest(tools.connections)
        if now is not None and now.state in FINISHED:
            return now
        if not await turn_of(tools.connections).is_held():
            return await _discarded(tools, before)
        await asyncio.sleep(CANCEL_INTERVAL_S)
    raise Conflict(f"The rebuild of generation {before.generation} has not stopped yet")


async def _discarded(tools: Instruments, before: Rebuild) -> Rebuild:
    try:
        with redis_needed():
            return await Rebuilding(rebuild_tools(tools), before).discard()
    except (Held, LeaseLost) as error:
        raise Conflict(
            f"The rebuild of generation {before.generation} has not stopped yet: {error}"
        ) from None
