"""The runner keeps the read model equal to the fold of the log, whatever happens to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from random import Random
from typing import Any

import psycopg
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from api.embedded_valkey import Valkey
from events.connections import Connections
from events.errors import Unavailable
from events.store import Append, EventStore, open_store
from events.users import UserRegistered
from projections.follower import RunnerSettings
from projections.runner import Runner
from projections.writer import Fenced, Writer
from readmodels.connecting import call
from readmodels.documents import Ref
from readmodels.keys import BEHIND, Keys
from readmodels.model import PAGE_MAX, NotReady, Query
from readmodels.redis import RedisModel
from tests.folding import GENERATION, begun, client
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


async def test_a_redis_that_takes_no_more_is_named_and_waited_for(
    store: EventStore, valkey: Valkey, database_url: str
) -> None:
    records = history(Random(27), 60)
    await append(store, records[:40])
    async with client(valkey.url()) as redis:
        model = await model_in(redis, database_url)
        with capture_logs() as said:
            async with projecting(store, redis, database_url):
                await until_at(model, 40)
                await call(redis, "CONFIG", "SET", "maxmemory", "1")
                await append(store, records[40:])
                await asyncio.sleep(1.2)
                await call(redis, "CONFIG", "SET", "maxmemory", "0")
                await until_at(model, 60)
                await is_the_fold_of_the_log(redis, database_url, store)
    complaints = [line for line in said if line["log_level"] == "warning"]
    assert 1 <= len(complaints) <= 5
    assert all("maxmemory" in line["reason"] for line in complaints)


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


async def test_keys_of_people_whom_a_restored_log_never_knew_are_forgotten(
    store: EventStore, redis: Redis, database_url: str
) -> None:
    """The number of a user who is gone goes to somebody else, with another key."""
    await append(store, history(Random(29), 20))
    model = await model_in(redis, database_url)
    async with (
        open_store(database_url, MASTER_KEY) as elsewhere,
        projecting(elsewhere, redis, database_url),
    ):
        last = (await store.append(Append("before", ((person("before"), 1),)))).position
        await until_at(model, last)
        await asyncio.to_thread(cut_the_log, database_url, last - 1)
        build = await call(redis, "HGET", model.keys.checkpoint, "build")
        await store.append(Append("after", ((person("after"), 1),)))
        await until_begun_anew(redis, model, build)
        await until_at(model, last)
        card = Ref("user", "9999")
        assert (await model.fetch([card]))[card]["username"] == "after"


def person(name: str) -> UserRegistered:
    return UserRegistered(9999, name, f"{name}@example.com", "", "", "user", None, True, 0)


async def test_positions_that_a_restored_log_has_not_reached_keep_nobody_waiting(
    store: EventStore, redis: Redis, database_url: str
) -> None:
    await append(store, history(Random(29), 60))
    model = await model_in(redis, database_url)
    await call(redis, "ZADD", BEHIND, 20, "1", 60, "2")
    async with projecting(store, redis, database_url):
        await until_at(model, 60)
        await asyncio.to_thread(cut_the_log, database_url, 39)

        async def forgotten() -> bool:
            return bool(await call(redis, "ZRANGE", BEHIND, 0, -1) == [b"1"])

        await until(forgotten)
        await until_at(model, 39)


async def test_a_runner_that_was_taken_over_from_while_it_cleared_removes_nothing_more(redis: Redis) -> None:
    """A process may be frozen anywhere, for longer than its lease lasts."""
    await begun(redis)
    scan, reached, thawed = redis.scan, asyncio.Event(), asyncio.Event()

    async def frozen(*arguments: Any, **options: Any) -> Any:
        found = await scan(*arguments, **options)
        reached.set()
        await thawed.wait()
        return found

    slow = Writer(redis, GENERATION)
    await slow.seize(2)
    await call(redis, "SET", slow.keys.document(Ref("task", "1")), "{}")
    redis.scan = frozen  # type: ignore[method-assign]
    clearing = asyncio.create_task(slow.clear("log"))
    await reached.wait()
    redis.scan = scan  # type: ignore[method-assign]
    successor = Writer(redis, GENERATION)
    await successor.seize(3)
    await call(redis, "SET", slow.keys.document(Ref("task", "1")), "made again")
    thawed.set()
    with pytest.raises(Fenced):
        await clearing
    assert await call(redis, "GET", slow.keys.document(Ref("task", "1"))) == b"made again"


async def test_whoever_is_stopped_in_the_moment_of_an_error_stops(
    store: EventStore, redis: Redis, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of one task and the end of all of them may come in one turn of the event loop."""
    connections = Connections(database_url)
    for turns in range(6):
        runner, holds, fails = Runner(store, redis, connections, 1), asyncio.Event(), asyncio.Event()

        async def fail(holds: asyncio.Event = holds, fails: asyncio.Event = fails) -> None:
            holds.set()
            await fails.wait()
            raise Unavailable("the database is away")

        monkeypatch.setattr(runner, "_project", fail)
        task = asyncio.create_task(runner.run())
        await holds.wait()
        fails.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=5)
        assert task.cancelled(), f"cancelled {turns} turns after the error it goes on"
    await connections.close()
