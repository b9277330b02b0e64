"""Switching: a rebuilt generation is handed over to the projector, and readers are sent to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog
from redis.asyncio import Redis

from events.connections import Connections
from projections.generations import feed, switch
from projections.rebuilds import Rebuild
from readmodels.connecting import call
from readmodels.keys import Keys

log = structlog.get_logger(__name__)

HANDOVER_TIMEOUT_S: Final = 10.0
HANDOVER_INTERVAL_S: Final = 0.02


class NotSwitched(Exception):
    """Readers were not sent over: the message says why."""


@dataclass(frozen=True, slots=True)
class Switching:
    """`record` says, before it is done, that readers are sent from a generation to that of a rebuild.

    The one that they leave is fed for `fed_for_s` more, so that they can be sent back.
    """

    record: Callable[[Rebuild, int], Awaitable[None]]
    fed_for_s: float


async def send_over(
    redis: Redis, connections: Connections, switching: Switching, rebuild: Rebuild, live: int
) -> None:
    """Have the projector feed the rebuilt generation, and readers go to it once it is where they are.

    Raises NotSwitched, Unavailable, RedisError, OSError, and what `switching.record` raises.
    """
    generation = rebuild.generation
    await feed(connections, generation, switching.fed_for_s)
    await _level(redis, live, generation)
    await switching.record(rebuild, live)
    if not await switch(connections, live, generation, switching.fed_for_s):
        raise NotSwitched("readers were sent to another generation meanwhile")
    log.info("generation_switched", left=live, generation=generation)


async def position_of(redis: Redis, generation: int) -> int | None:
    """How far a generation is that can be read, else None. Raises RedisError, OSError."""
    state, position = await call(redis, "HMGET", Keys(generation).checkpoint, "state", "position")
    return int(position) if state == b"ready" else None


async def _level(redis: Redis, live: int, generation: int) -> None:
    reach = await position_of(redis, live) or 0
    try:
        async with asyncio.timeout(HANDOVER_TIMEOUT_S):
            while (await position_of(redis, generation) or 0) < reach:  # noqa: ASYNC110
                await asyncio.sleep(HANDOVER_INTERVAL_S)
    except TimeoutError:
        raise NotSwitched(f"nobody feeds generation {generation}: is the projector running?") from None
