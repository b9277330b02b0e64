"""Looks into the databases of a running TaskLedger, past its API, and says what is not as promised."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import orjson
import psycopg
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from api.data_folder import DataFolder
from api.opening import opened
from api.settings import Settings
from events.store import EventStore, open_store
from projections.memory import fold
from readmodels.connecting import connect
from readmodels.documents import Ref
from readmodels.keys import Keys
from readmodels.memory import MemoryModel
from tests.projecting import model_in, own_generation, until_at

EVENTS_MAX = 1_000_000


def commands_by_half(data: Path) -> list[str]:
    """Requests of which some but not all events are in the log, and holes in it."""
    with opened(DataFolder(data), os.environ, "development") as settings:
        return [*tasks_without_their_hours(settings), *holes(settings)]


def tasks_without_their_hours(settings: Settings) -> list[str]:
    """The load books hours with every task that it creates, in one command."""
    found = """
        select request_id from events where command = 'CreateTask'
        group by request_id having array_agg(type order by position) <> '{task.created,task.hours_booked}'
        union all
        select request_id from events where command = 'ChangeTask'
        group by request_id having count(*) <> 3
    """
    with psycopg.connect(settings.database_url) as connection:
        return [f"request {request_id}" for (request_id,) in connection.execute(found)]


def holes(settings: Settings) -> list[str]:
    gaps = """
        select 'positions' from stored_events having count(*) <> max(notification_id)
        union all
        select originator_id from stored_events group by originator_id
        having count(*) <> max(originator_version)
        union all
        select command_id from commands where position > (select max(notification_id) from stored_events)
    """
    with psycopg.connect(settings.database_url) as connection:
        return [f"hole in {where}" for (where,) in connection.execute(gaps)]


def differences_from_fold(data: Path) -> list[str]:
    """Documents of the live read model that one fold of the whole log gives otherwise, or not at all."""
    with opened(DataFolder(data), os.environ, "development") as settings:
        return asyncio.run(compared(settings))


async def compared(settings: Settings) -> list[str]:
    async with open_store(settings.database_url, settings.master_key) as store:
        redis = connect(settings.redis_url)
        try:
            expected = await folded_from_the_log(store, redis, settings)
            held = await documents_of(redis, settings)
        finally:
            await redis.aclose()
    return [
        f"{ref}: {held.get(ref)} instead of {expected.documents.get(ref)}"
        for ref in held.keys() | expected.documents.keys()
        if held.get(ref) != expected.documents.get(ref)
    ]


async def folded_from_the_log(store: EventStore, redis: AsyncRedis, settings: Settings) -> MemoryModel:
    await until_at(await model_in(redis, settings.database_url), await store.head(), within_s=30)
    model = MemoryModel()
    fold(await store.read(0, EVENTS_MAX), model)
    return model


async def documents_of(redis: AsyncRedis, settings: Settings) -> dict[Ref, object]:
    prefix = f"{Keys(await own_generation(settings.database_url)).prefix}document:"
    keys = [key async for key in redis.scan_iter(match=f"{prefix}*", count=1000)]
    values = await redis.mget(keys) if keys else []
    names = [key.decode().removeprefix(prefix).split(":", 1) for key in keys]
    return {
        Ref(kind, number): orjson.loads(value)
        for (kind, number), value in zip(names, values, strict=True)
        if value is not None
    }


def flush_read_model(data: Path) -> None:
    """What a careless operator does: FLUSHALL."""
    with opened(DataFolder(data), os.environ, "development") as settings:
        client = Redis.from_url(settings.redis_url)
        try:
            client.flushall()
        finally:
            client.close()
