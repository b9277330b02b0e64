"""A projector at work on a real log: appending histories, waiting for them, comparing read models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count

from redis.asyncio import Redis

from events.connections import Connections
from events.event import Record
from events.store import Append, EventStore
from projections.discards import discarded
from projections.follower import RunnerSettings
from projections.generations import generation_of
from projections.memory import fold
from projections.projector import run_projector
from readmodels.keys import Keys
from readmodels.memory import MemoryModel
from readmodels.model import NotReady
from readmodels.redis import RedisModel
from tests.folding import begun, everything

MASTER_KEY = b"m" * 32
WITHIN_S = 10.0

_numbers = count(1)


async def append(store: EventStore, records: Sequence[Record]) -> int:
    """Append what follows in a history, several events to a command; the last position."""
    position = 0
    for start in range(0, len(records), 50):
        events = tuple((record.event, record.version) for record in records[start : start + 50])
        position = (await store.append(Append(f"command-{next(_numbers)}", events))).position
    return position


@asynccontextmanager
async def projecting(
    store: EventStore, redis: Redis, database_url: str, settings: RunnerSettings | None = None
) -> AsyncIterator[asyncio.Task[None]]:
    """A projector in the background; what goes wrong in it goes wrong in the test."""
    task = asyncio.create_task(run_projector(store, redis, database_url, settings))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def model_in(redis: Redis, database_url: str) -> RedisModel:
    return RedisModel(redis, await own_generation(database_url))


async def own_generation(database_url: str) -> int:
    connections = Connections(database_url)
    try:
        return await generation_of(connections)
    finally:
        await connections.close()


async def until(condition: Callable[[], Awaitable[bool]], within_s: float = WITHIN_S) -> None:
    """Wait for a condition; a read model that is not ready is no reason to give up."""
    async with asyncio.timeout(within_s):
        while True:
            with suppress(NotReady):
                if await condition():
                    return
            await asyncio.sleep(0.01)


async def until_at(model: RedisModel, position: int, within_s: float = WITHIN_S) -> None:
    async def reached() -> bool:
        return await model.position() >= position

    await until(reached, within_s)


async def is_the_fold_of_the_log(redis: Redis, database_url: str, store: EventStore) -> None:
    """The generation holds, key by key, what one fold of the whole log into nothing makes."""
    generation = await own_generation(database_url)
    held = await everything(redis, Keys(generation).prefix)
    scratch = generation + 1_000_000
    records = await store.read(0, 100_000)
    left_out = await discarded(store, len(records))
    live = await begun(redis, generation=scratch, discarded=left_out)
    await live.fold(records, "ready")
    expected = await everything(redis, Keys(scratch).prefix)
    assert held.pop("checkpoint")
    assert expected.pop("checkpoint")
    assert held == expected


async def folded(store: EventStore) -> MemoryModel:
    model = MemoryModel()
    fold(await store.read(0, 100_000), model)
    return model
