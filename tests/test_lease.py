"""One runner writes at a time: who is late, frozen or replaced is kept out."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import psycopg
import pytest
from redis.asyncio import Redis

from events.connections import Connections
from events.store import EventStore
from projections.lease import Lease, LeaseLost
from projections.live import Live
from projections.writer import Fenced, Writer
from readmodels.connecting import call
from readmodels.redis import RedisModel
from tests.folding import GENERATION, Letters, begun
from tests.histories import history
from tests.projecting import (
    append,
    is_the_fold_of_the_log,
    model_in,
    projecting,
    until,
    until_at,
)
from tests.running import ROOT

TAKEOVER_MAX_S = 5.0


@pytest.fixture
async def connections(database_url: str) -> AsyncIterator[Connections]:
    opened = Connections(database_url)
    yield opened
    await opened.close()


async def test_a_lease_has_one_holder_and_each_a_higher_epoch(connections: Connections) -> None:
    first, second = Lease(connections, "lease", ttl_s=0.3), Lease(connections, "lease", ttl_s=0.3)

    assert await first.acquire()
    assert not await second.acquire()
    await asyncio.sleep(0.35)
    assert await second.acquire()
    assert not await first.acquire()
    assert second.epoch == first.epoch + 1


async def test_who_was_not_told_that_it_has_the_lease_gets_it_by_asking_again(
    connections: Connections,
) -> None:
    lease, other = Lease(connections, "lease", ttl_s=60), Lease(connections, "lease", ttl_s=60)
    assert await lease.acquire()
    told = lease.epoch
    assert not await other.acquire()
    assert await lease.acquire()
    assert lease.epoch > told


async def test_of_many_that_ask_at_once_one_gets_it(connections: Connections) -> None:
    leases = [Lease(connections, "lease") for _ in range(20)]
    assert sum(await asyncio.gather(*(lease.acquire() for lease in leases))) == 1


async def test_a_released_lease_is_free_at_once(connections: Connections) -> None:
    first, second = Lease(connections, "lease"), Lease(connections, "lease")
    assert await first.acquire()
    await first.release()
    assert await second.acquire()


async def test_a_kept_lease_outlives_its_time(connections: Connections) -> None:
    first = Lease(connections, "lease", ttl_s=0.4, renew_interval_s=0.1)
    second = Lease(connections, "lease")
    assert await first.acquire()
    keeping = asyncio.create_task(first.keep())
    await asyncio.sleep(1.0)
    assert not await second.acquire()
    keeping.cancel()


async def test_a_holder_that_was_replaced_is_told(connections: Connections) -> None:
    first = Lease(connections, "lease", ttl_s=0.2, renew_interval_s=0.5)
    second = Lease(connections, "lease")
    assert await first.acquire()
    keeping = asyncio.create_task(first.keep())
    await asyncio.sleep(0.25)
    assert await second.acquire()
    with pytest.raises(LeaseLost):
        await keeping


async def test_a_holder_whose_database_is_away_gives_up_in_time(database_url: str) -> None:
    connections = Connections(database_url)
    lease = Lease(connections, "lease", ttl_s=0.6, renew_interval_s=0.1)
    assert await lease.acquire()
    await connections.close()
    connections._database_url = "postgresql://127.0.0.1:1/nowhere"
    started = time.monotonic()
    with pytest.raises(LeaseLost):
        await lease.keep()
    assert time.monotonic() - started < 1.0


async def test_an_epoch_seen_elsewhere_is_exceeded(connections: Connections) -> None:
    """A database that was restored has forgotten epochs which Redis still knows."""
    lease = Lease(connections, "lease")
    assert await lease.acquire(seen_epoch=41)
    assert lease.epoch == 42


async def test_a_stale_epoch_is_refused_and_leaves_nothing(redis: Redis) -> None:
    stale = await begun(redis)
    fresh = Writer(redis, GENERATION)
    checkpoint = await fresh.seize(2)
    assert checkpoint is not None

    with pytest.raises(Fenced):
        await stale.fold(history(Random(1), 20), "ready")
    with pytest.raises(Fenced):
        await stale._writer.clear("log")
    with pytest.raises(Fenced):
        await stale._writer.seize(1)

    await Live(fresh, checkpoint, set(), Letters().keep).fold(history(Random(1), 20), "ready")
    assert await call(redis, "HGET", fresh.keys.checkpoint, "position") == b"20"


async def test_without_a_fence_nothing_is_written(redis: Redis) -> None:
    live = await begun(redis)
    await redis.flushdb()
    with pytest.raises(Exception, match="absent") as refused:
        await live.fold(history(Random(1), 20), "ready")
    assert type(refused.value).__name__ == "Lost"
    assert await redis.dbsize() == 0


async def test_a_fence_that_the_database_forgot_is_passed(
    store: EventStore, redis: Redis, database_url: str
) -> None:
    await append(store, history(Random(31), 50))
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        await until_at(model, 50)
    await call(redis, "HSET", model.keys.checkpoint, "epoch", "900")
    async with projecting(store, redis, database_url):
        await append(store, history(Random(31), 60)[50:])
        await until_at(model, 60)
    assert int(await call(redis, "HGET", model.keys.checkpoint, "epoch")) > 900


@asynccontextmanager
async def projector_process(database_url: str, redis_url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.projector",
        database_url,
        redis_url,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_frozen_runner_is_replaced_in_time_and_refused_when_it_wakes(
    store: EventStore, redis: Redis, redis_url: str, database_url: str
) -> None:
    records = history(Random(32), 300)
    await append(store, records[:100])
    model = await model_in(redis, database_url)
    async with projector_process(database_url, redis_url) as frozen:
        await until_at(model, 100, within_s=30)
        async with projecting(store, redis, database_url):
            os.kill(frozen.pid, signal.SIGSTOP)
            stopped_at = time.monotonic()
            await append(store, records[100:200])
            await until_at(model, 200)
            assert time.monotonic() - stopped_at < TAKEOVER_MAX_S

            os.kill(frozen.pid, signal.SIGCONT)
            await append(store, records[200:])
            await until_at(model, 300)
            said = await until_it_says(frozen, b"projector_stopped")
            assert b"Fenced" in said or b"LeaseLost" in said
            await is_the_fold_of_the_log(redis, database_url, store)


async def until_it_says(process: asyncio.subprocess.Process, words: bytes) -> bytes:
    assert process.stdout is not None
    async with asyncio.timeout(10):
        while True:
            line = await process.stdout.readline()
            assert line, "the projector ended"
            if words in line:
                return line


async def test_a_spare_takes_over_from_a_killed_runner_without_losing_or_repeating_anything(
    store: EventStore, redis: Redis, redis_url: str, database_url: str
) -> None:
    records = history(Random(33), 1_200)
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url) as first:
        await until_at(model, 0)
        async with projector_process(database_url, redis_url) as spare:
            await append(store, records[:300])
            await until_at(model, 300)
            first.cancel()
            await append(store, records[300:600])
            await until_at(model, 600)
            spare.kill()
            await append(store, records[600:900])
        async with projecting(store, redis, database_url):
            killed_at = time.monotonic()
            await until_at(model, 900)
            assert time.monotonic() - killed_at < TAKEOVER_MAX_S
            await append(store, records[900:])
            await until_at(model, 1_200)
            await is_the_fold_of_the_log(redis, database_url, store)


async def test_killed_in_the_middle_again_and_again_it_has_every_event_once(
    store: EventStore, redis: Redis, redis_url: str, database_url: str
) -> None:
    records = history(Random(34), 600)
    await append(store, records)
    model = await model_in(redis, database_url)
    reached = 0
    while reached < len(records):
        async with projector_process(database_url, redis_url) as process:
            reached = await until_past(model, redis, reached)
            process.kill()
        await asyncio.to_thread(let_time_pass, database_url)
    async with projecting(store, redis, database_url):
        await until_at(model, len(records))
        await is_the_fold_of_the_log(redis, database_url, store)


async def until_past(model: RedisModel, redis: Redis, position: int) -> int:
    """Wait until a projector got further; where it is then."""
    found = position

    async def moved() -> bool:
        nonlocal found
        found = int(await call(redis, "HGET", model.keys.checkpoint, "position") or 0)
        return found > position

    await until(moved, within_s=30)
    return found


def let_time_pass(database_url: str) -> None:
    """Nobody waits for a dead holder's lease to end."""
    with psycopg.connect(database_url) as connection:
        connection.execute("update projector_lease set until = clock_timestamp()")
