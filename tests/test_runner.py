"""The runner keeps the read model equal to the fold of the log, whatever happens to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from random import Random

import psycopg
import pytest
from redis.asyncio import Redis

from api.embedded_valkey import Valkey
from events.store import EventStore, open_store
from projections.follower import RunnerSettings
from readmodels.connecting import call
from readmodels.documents import Ref
from readmodels.keys import Keys
from readmodels.model import PAGE_MAX, NotReady, Query
from readmodels.redis import RedisModel
from tests.folding import client
from tests.histories import World, history
from tests.projecting import (
    MASTER_KEY,
    append,
    is_the_fold_of_the_log,
    model_in,
    own_generation,
    projecting,
    until,
    until_at,
)
from tests.servers import own_valkey, short_folder


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[EventStore]:
    async with open_store(database_url, MASTER_KEY) as opened:
        yield opened


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with client(redis_url) as connected:
        yield connected


async def test_it_folds_what_is_there_and_follows_what_comes(
    store: EventStore, redis: Redis, database_url: str
) -> None:
    records = history(Random(21), 700)
    await append(store, records[:400])
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        await until_at(model, 400)
        await append(store, records[400:])
        await until_at(model, 700)
        await is_the_fold_of_the_log(redis, database_url, store)


async def test_a_new_event_is_folded_within_moments(
    store: EventStore, redis: Redis, database_url: str
) -> None:
    records = history(Random(21), 40)
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        await until_at(model, 0)
        for end in range(1, len(records) + 1):
            await append(store, records[end - 1 : end])
            await until_at(model, end, within_s=1.0)


async def test_an_empty_log_is_a_ready_read_model(store: EventStore, redis: Redis, database_url: str) -> None:
    model = await model_in(redis, database_url)
    with pytest.raises(NotReady):
        await model.page(Query("task"))
    async with projecting(store, redis, database_url):
        await until_at(model, 0)
        assert (await model.page(Query("task"))).total == 0


async def test_stopped_and_started_it_goes_on_where_it_was(
    store: EventStore, redis: Redis, database_url: str
) -> None:
    records = history(Random(22), 300)
    model = await model_in(redis, database_url)
    build = None
    for end in (100, 200, 300):
        await append(store, records[end - 100 : end])
        async with projecting(store, redis, database_url):
            await until_at(model, end)
        checkpoint = Keys(await own_generation(database_url)).checkpoint
        build = build or await call(redis, "HGET", checkpoint, "build")
        assert await call(redis, "HGET", checkpoint, "build") == build
    await is_the_fold_of_the_log(redis, database_url, store)


async def test_flushed_while_running_it_is_folded_again(
    store: EventStore, redis: Redis, database_url: str
) -> None:
    records = history(Random(23), 900)
    await append(store, records[:600])
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        await until_at(model, 600)
        await redis.flushdb()
        with pytest.raises(NotReady):
            await model.page(Query("task"))
        await until_at(model, 600)
        await redis.flushdb()
        await append(store, records[600:])
        await until_at(model, 900)
        await is_the_fold_of_the_log(redis, database_url, store)


async def test_what_is_read_while_redis_is_flushed_is_never_short(
    store: EventStore, redis: Redis, database_url: str
) -> None:
    """503 or the whole truth: no empty list, no false 404."""
    world = World(Random(24))
    records = [world.next() for _ in range(600)]
    await append(store, records)
    model = await model_in(redis, database_url)
    refused = 0
    async with projecting(store, redis, database_url):
        await until_at(model, 600)
        total = (await model.page(Query("task"))).total
        some = Ref("task", str(next(iter(world.tasks))))
        for turn in range(300):
            if turn % 60 == 10:
                await redis.flushdb()
            try:
                assert (await model.page(Query("task", limit=3))).total == total
                assert some in await model.fetch([some])
            except NotReady:
                refused += 1
                await asyncio.sleep(0.005)
    assert refused


@pytest.mark.parametrize("command", ["SCRIPT FLUSH", "CLIENT KILL TYPE normal SKIPME yes"])
async def test_forgotten_scripts_and_closed_connections_do_not_stop_it(
    store: EventStore, redis: Redis, database_url: str, command: str
) -> None:
    records = history(Random(25), 400)
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        for end in range(50, 401, 50):
            await append(store, records[end - 50 : end])
            await call(redis, *command.split())
            await until_at(model, end)
        await is_the_fold_of_the_log(redis, database_url, store)


async def test_a_missing_document_is_made_again(store: EventStore, redis: Redis, database_url: str) -> None:
    world = World(Random(26))
    await append(store, [world.next() for _ in range(200)])
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        await until_at(model, 200)
        lost = Ref("task", str(next(iter(world.tasks))))
        await redis.delete(model.keys.document(lost))
        with pytest.raises(NotReady):
            await model.page(Query("task", limit=PAGE_MAX))

        async def back() -> bool:
            return lost in await model.fetch([lost])

        await until(back)
        await is_the_fold_of_the_log(redis, database_url, store)


async def test_an_event_for_a_missing_document_is_damage_and_is_not_swallowed(
    store: EventStore, redis: Redis, database_url: str
) -> None:
    world = World(Random(26))
    await append(store, [world.next() for _ in range(200)])
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        await until_at(model, 200)
        await redis.delete(*[model.keys.document(Ref("task", str(number))) for number in world.tasks])
        await append(store, [world.next() for _ in range(40)])
        await until_at(model, 240)
        await is_the_fold_of_the_log(redis, database_url, store)


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    with short_folder() as folder, own_valkey(folder) as started:
        yield started


async def test_redis_killed_and_empty_again_is_filled_by_itself(
    store: EventStore, valkey: Valkey, database_url: str
) -> None:
    records = history(Random(27), 300)
    await append(store, records[:200])
    async with client(valkey.url()) as redis:
        model = await model_in(redis, database_url)
        async with projecting(store, redis, database_url):
            await until_at(model, 200)
            assert valkey.process is not None
            valkey.process.kill()
            await asyncio.to_thread(valkey.process.wait)
            await append(store, records[200:])
            await asyncio.sleep(1)  # long enough for the runner to fail and to try again
            with pytest.raises(NotReady):
                await model.page(Query("task"))
            await asyncio.to_thread(valkey.start)
            await asyncio.to_thread(valkey.wait_ready)
            await until_at(model, 300)
            await is_the_fold_of_the_log(redis, database_url, store)


async def test_another_log_behind_the_same_redis_begins_anew(
    store: EventStore, redis: Redis, database_url: str
) -> None:
    await append(store, history(Random(28), 120))
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        await until_at(model, 120)
    build = await call(redis, "HGET", model.keys.checkpoint, "build")
    await call(redis, "HSET", model.keys.checkpoint, "log_id", "another")
    await call(redis, "SET", model.keys.document(Ref("task", "77777")), "{}")
    async with projecting(store, redis, database_url):
        await until_begun_anew(redis, model, build)
        await until_at(model, 120)
        await is_the_fold_of_the_log(redis, database_url, store)


async def test_a_log_that_went_backwards_is_folded_again(
    store: EventStore, redis: Redis, database_url: str
) -> None:
    """As after a restore: other events stand at positions that the read model has passed."""
    await append(store, history(Random(29), 200))
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        await until_at(model, 200)
        build = await call(redis, "HGET", model.keys.checkpoint, "build")
        await asyncio.to_thread(cut_the_log, database_url, 149)
        await append(store, history(Random(29), 200)[149:])
        await until_begun_anew(redis, model, build)
        await until_at(model, 200)
        await is_the_fold_of_the_log(redis, database_url, store)


async def until_begun_anew(redis: Redis, model: RedisModel, build: bytes) -> None:
    async def begun_anew() -> bool:
        return bool(await call(redis, "HGET", model.keys.checkpoint, "build") != build)

    await until(begun_anew)


def cut_the_log(database_url: str, last: int) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("alter table stored_events disable trigger all")
        connection.execute("delete from stored_events where notification_id > %s", [last])
        connection.execute(
            "delete from user_keys where not exists"
            " (select from stored_events where originator_id = 'user-' || user_id)"
        )
        connection.execute("alter table stored_events enable always trigger stored_events_are_forever")


async def test_small_batches_and_large_ones_end_alike(
    store: EventStore, redis: Redis, database_url: str
) -> None:
    settings = RunnerSettings(batch_events_max=3, filling_batch_events_max=7)
    records = history(Random(30), 300)
    await append(store, records[:150])
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url, settings):
        await until_at(model, 150)
        await append(store, records[150:])
        await until_at(model, 300)
        await is_the_fold_of_the_log(redis, database_url, store)
