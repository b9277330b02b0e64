"""The read models as operators see them: how far they are; pausing, verifying, and going back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from redis.exceptions import RedisError

from api.operators.instruments import Instruments
from commands.errors import Conflict
from commands.operations import PauseProjection, ResumeProjection, RollBackGeneration, StartVerification
from events.event import Record
from events.instants import instant
from events.operations import ProjectionPaused, ProjectionResumed
from projections import rebuilds
from projections.comparing import Unsteady
from projections.differences import Differences
from projections.follower import RunnerSettings
from projections.generations import (
    Living,
    current_generation,
    living_generations,
    switch,
)
from projections.holding import turn_of
from projections.rebuilds import Rebuild
from projections.samples import Sample
from readmodels.connecting import call
from readmodels.keys import Keys
from readmodels.model import NotReady

LEVEL_TIMEOUT_S: Final = 5.0
LEVEL_INTERVAL_S: Final = 0.05
STILL_TIMEOUT_S: Final = 2.0
STILL_INTERVAL_S: Final = 0.05
STILL_S: Final = 2 * RunnerSettings().feed_check_s + 0.1
"""How long the read models stay as they are before nobody is believed to fold: by then projectors have looked
whether they are paused."""

SAMPLE_DOCUMENTS: Final = 200
SAMPLE_DOCUMENTS_MAX: Final = 1_000

MOMENTS: Final = ("created_at", "started_at", "finished_at")
AWAY: Final = (RedisError, OSError, TimeoutError)

Json = dict[str, Any]


async def status(tools: Instruments) -> Json:
    """All generations, how far each is, whether folding is paused, and the last rebuild.

    Raises Unavailable.
    """
    head = await tools.store.head()
    living = await living_generations(tools.connections)
    return {
        "head": head,
        "generations": [await _generation(tools, each, head) for each in living],
        "paused": await paused(tools),
        "rebuild": await last_rebuild(tools),
    }


async def _generation(tools: Instruments, living: Living, head: int) -> Json:
    state, position = await _checkpoint(tools, living.generation)
    return {
        "generation": living.generation,
        "is_current": living.is_current and living.is_ours,
        "is_of_other_code": not living.is_ours,
        "state": state,
        "position": position,
        "lag_events": max(head - position, 0),
        "lag_s": await _lag_s(tools, position),
        "is_fed": living.is_fed,
        "fed_until": living.fed_until,
        "in_use_since": living.ready_at,
    }


async def _checkpoint(tools: Instruments, generation: int) -> tuple[str, int]:
    """What the generation is, absent where Redis has nothing of it, and how far it is.

    Unreachable where Redis does not answer: this is asked for most when something is wrong.
    """
    try:
        state, position = await call(tools.redis, "HMGET", Keys(generation).checkpoint, "state", "position")
    except AWAY:
        return "unreachable", 0
    return (state.decode(), int(position)) if state else ("absent", 0)


async def _lag_s(tools: Instruments, position: int) -> float:
    row = await tools.database.row("oldest_unfolded", position=position)
    return max(round(row[0], 1), 0.0) if row else 0.0


async def paused(tools: Instruments) -> Json | None:
    """Since when folding is paused, by whom and why; None while it is not. Raises Unavailable."""
    last: tuple[Record, ProjectionPaused] | None = None
    for record in await tools.store.histories([ProjectionPaused.STREAM]):
        if isinstance(record, Record):
            match record.event:
                case ProjectionPaused() as event:
                    last = record, event
                case ProjectionResumed():
                    last = None
    if last is None:
        return None
    record, event = last
    return {"since": record.recorded_at, "by": record.actor_id, "reason": event.reason}


async def last_rebuild(tools: Instruments) -> Json | None:
    """The last rebuild or verification by a generation; None before the first one. Raises Unavailable."""
    rebuild = await rebuilds.latest(tools.connections)
    if rebuild is None:
        return None
    return shown(rebuild) | {"is_worked_on": await turn_of(tools.connections).is_held()}


def shown(rebuild: Rebuild) -> Json:
    told = {name: value for name, value in asdict(rebuild).items() if name != "is_cancelled"}
    return told | {name: told[name] and instant(datetime.fromisoformat(told[name])) for name in MOMENTS}


async def pause(tools: Instruments, reason: str) -> bool:
    """Have all projectors stand still, and whether they do by now; else it may take them a moment.

    Raises Refusal and what the store raises.
    """
    await tools.record(PauseProjection(reason=reason))
    return await _stand_still(tools)


async def _stand_still(tools: Instruments) -> bool:
    """Whether no generation moves any more, STILL_S long; False after STILL_TIMEOUT_S, or without Redis."""
    deadline = time.monotonic() + STILL_TIMEOUT_S
    since, before = time.monotonic(), await _positions(tools)
    while all(state != "unreachable" for state, _ in before):
        if time.monotonic() - since >= STILL_S:
            return True
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(STILL_INTERVAL_S)
        if (now := await _positions(tools)) != before:
            since, before = time.monotonic(), now
    return False


async def _positions(tools: Instruments) -> list[tuple[str, int]]:
    fed = [each for each in await living_generations(tools.connections) if each.is_ours and each.is_fed]
    return [await _checkpoint(tools, each.generation) for each in fed]


async def resume(tools: Instruments, reason: str) -> None:
    """Have projectors go on. Raises Refusal and what the store raises."""
    await tools.record(ResumeProjection(reason=reason))


async def roll_back(tools: Instruments, reason: str) -> Json:
    """Send readers back to the generation before, which is fed still; both numbers.

    Raises Conflict where there is none, or it lags; the other refusals, and what the store raises.
    """
    current = await in_use(tools)
    back = await _generation_before(tools, current)
    await _must_be_level(tools, current, back)
    await tools.record(RollBackGeneration(from_generation=current, to_generation=back, reason=reason))
    is_done = await switch(tools.connections, current, back, tools.settings.generation_fed_s)
    if not is_done and await current_generation(tools.connections) != back:
        raise Conflict("Readers were sent to another generation meanwhile")
    return {"from_generation": current, "to_generation": back}


async def in_use(tools: Instruments) -> int:
    """The generation that readers of this code go to. Raises Conflict before there is one, Unavailable."""
    current = await current_generation(tools.connections)
    if current is None:
        raise Conflict("There is no read model of this code yet: is the projector of this version running?")
    return current


async def _generation_before(tools: Instruments, current: int) -> int:
    living = await living_generations(tools.connections)
    left = [each for each in living if each.is_ours and each.generation != current and each.ready_at]
    fed = [each for each in left if each.is_fed]
    if fed:
        return max(fed, key=lambda each: each.ready_at or "").generation
    ended = max((each.fed_until for each in left if each.fed_until), default=None)
    why = f"The last one was fed until {ended} only" if ended else "There is no other one of this code"
    raise Conflict(f"No generation to go back to: {why[0].lower()}{why[1:]}; a rebuild makes a new one")


async def _must_be_level(tools: Instruments, current: int, back: int) -> None:
    _, reach = await _checkpoint(tools, current)
    position, state = 0, "absent"
    for _ in range(int(LEVEL_TIMEOUT_S / LEVEL_INTERVAL_S)):
        state, position = await _checkpoint(tools, back)
        if state == "ready" and position >= reach:
            return
        await asyncio.sleep(LEVEL_INTERVAL_S)
    raise Conflict(
        f"Generation {back} is {state} at {position}, the one in use at {reach}: is the projector running?"
    )


@contextmanager
def redis_needed() -> Iterator[None]:
    """A block that cannot do without Redis. Raises NotReady where that does not answer."""
    try:
        yield
    except AWAY as error:
        raise NotReady(f"Redis cannot be asked: {type(error).__name__}: {error}") from error


async def verify_sample(tools: Instruments, documents: int, reason: str) -> Differences:
    """Compare about so many documents of the read model with what their streams tell.

    Raises Conflict while there is no read model, the other refusals, what the store raises, NotReady.
    """
    generation = await in_use(tools)
    await tools.record(StartVerification(documents=documents, reason=reason))
    try:
        with redis_needed():
            return await Sample(tools.store, tools.redis, generation).run(documents)
    except Unsteady as error:
        raise Conflict(f"The read model cannot be verified: {error}") from None
