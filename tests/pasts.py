"""Ledgers with a past: histories appended as they happened, and the models of their moments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import count, groupby
from typing import Any

from redis.asyncio import Redis

from api.app import opened
from api.core import Core
from api.settings import Settings
from events.connections import Connections
from events.event import Event, Record
from events.positions import Place, place_of
from events.store import Append, EventStore
from projections.discards import discarded
from projections.moments import generation_of
from readmodels.keys import Keys
from readmodels.redis import RedisModel
from tests.folding import begun, everything
from tests.projecting import MASTER_KEY

SCRATCH = 1_000_000
"""A generation that nobody else uses."""

_numbers = count(1)


async def remember(store: EventStore, records: Iterable[Record]) -> int:
    """Append a history, each event at its own moment; the last position."""
    position = 0
    for recorded_at, group in groupby(records, key=lambda record: record.recorded_at):
        events = tuple((record.event, record.version) for record in group)
        command = Append(f"past-{next(_numbers)}", events, recorded_at=recorded_at)
        position = (await store.append(command)).position
    return position


async def happened(store: EventStore, event: Event, version: int) -> int:
    return (await store.append(Append(f"past-{next(_numbers)}", ((event, version),)))).position


@asynccontextmanager
async def core_on(database_url: str, redis_url: str, **settings: Any) -> AsyncIterator[Core]:
    """A server's core on a ledger, without projector or listening."""
    known: dict[str, Any] = {"rate_limits": None, "moment_wait_s": 20.0} | settings
    async with opened(
        Settings(
            database_url=database_url,
            redis_url=redis_url,
            master_key=MASTER_KEY,
            jwt_secret=bytes(32),
            **known,
        )
    ) as core:
        yield core


async def moment(core: Core, position: int, user_id: int = 1) -> RedisModel:
    return await core.moments.model(await place_of(core.connections, position), user_id)


async def place(database_url: str, position: int) -> Place:
    connections = Connections(database_url)
    try:
        return await place_of(connections, position)
    finally:
        await connections.close()


async def fresh(redis: Redis, store: EventStore, position: int) -> dict[str, object]:
    """All keys of what a store makes that holds only the first events, up to `position`."""
    live = await begun(redis, generation=SCRATCH, discarded=await discarded(store, position))
    records: Sequence[Any] = await store.read(0, position) if position else []
    if records:
        await live.fold(records, "ready")
    return without_checkpoint(await everything(redis, Keys(SCRATCH).prefix))


async def held(redis: Redis, model: RedisModel) -> dict[str, object]:
    return without_checkpoint(await everything(redis, model.keys.prefix))


def without_checkpoint(found: dict[str, object]) -> dict[str, object]:
    """Epoch and build are whoever's who made it."""
    assert found.pop("checkpoint")
    return found


async def moments_in(redis: Redis) -> set[int]:
    """The numbers of all moments that have any key."""
    numbers = set()
    async for key in redis.scan_iter(match="{tl:m*"):
        numbers.add(int(bytes(key).decode().partition("{tl:m")[2].partition("}")[0]))
    return numbers


def prefix_of(number: int) -> str:
    return Keys(generation_of(number)).prefix
