"""Whoever waits for a position hears of it at once, and hears of it even when nobody may listen."""

from __future__ import annotations

import asyncio
import time
from random import Random

import pytest
from redis.asyncio import Redis

from projections.live import Live
from readmodels.announcements import Announcements
from readmodels.connecting import call
from readmodels.documents import Ref
from readmodels.keys import Keys
from readmodels.model import NotReady
from readmodels.redis import RedisModel
from tests.folding import GENERATION, begun, client
from tests.histories import history

RECORDS = history(Random(41), 60)


async def fold_later(live: Live, start: int, end: int, after_s: float = 0.1) -> float:
    await asyncio.sleep(after_s)
    await live.fold(RECORDS[start:end], "ready")
    return time.monotonic()


async def test_a_position_is_heard_of_without_polling(redis: Redis) -> None:
    live = await begun(redis)
    async with Announcements(redis, GENERATION, poll_interval_s=60) as announcements:
        await asyncio.sleep(0.1)
        folding = asyncio.create_task(fold_later(live, 0, 20))
        assert await announcements.reached(20, timeout_s=5)
        assert time.monotonic() - await folding < 0.1


async def test_what_was_reached_before_is_known_at_once(redis: Redis) -> None:
    live = await begun(redis)
    await live.fold(RECORDS, "ready")
    async with Announcements(redis, GENERATION, poll_interval_s=60) as announcements:
        assert await announcements.reached(60, timeout_s=1)
        assert await announcements.reached(3, timeout_s=0)


async def test_a_position_not_reached_in_time_is_a_no(redis: Redis) -> None:
    live = await begun(redis)
    await live.fold(RECORDS[:10], "ready")
    async with Announcements(redis, GENERATION) as announcements:
        started = time.monotonic()
        assert not await announcements.reached(11, timeout_s=0.3)
        assert 0.25 < time.monotonic() - started < 1.0


async def test_each_waits_for_its_own_position(redis: Redis) -> None:
    live = await begun(redis)
    async with Announcements(redis, GENERATION, poll_interval_s=60) as announcements:
        asked = [asyncio.create_task(announcements.reached(n, timeout_s=1)) for n in (30, 10, 20, 40)]
        await asyncio.sleep(0.1)
        await live.fold(RECORDS[:30], "ready")
        assert await asyncio.gather(*asked) == [True, True, True, False]


async def test_waiting_is_answered_although_subscriptions_are_forbidden(redis: Redis, redis_url: str) -> None:
    live = await begun(redis)
    await call(redis, *["ACL", "SETUSER", "deaf", "on", "nopass", "~*", "&*", "+@all", "-subscribe"])
    async with client(redis_url) as deaf:
        deaf.connection_pool.connection_kwargs.update(username="deaf", password="any")
        async with Announcements(deaf, GENERATION, poll_interval_s=0.05) as announcements:
            folding = asyncio.create_task(fold_later(live, 0, 20))
            assert await announcements.reached(20, timeout_s=5)
            await folding


async def test_it_listens_again_after_its_connection_was_closed(redis: Redis) -> None:
    live = await begun(redis)
    async with Announcements(redis, GENERATION, poll_interval_s=0.05) as announcements:
        for end in range(10, 61, 10):
            await call(redis, "CLIENT", "KILL", "TYPE", "pubsub")
            folding = asyncio.create_task(fold_later(live, end - 10, end, after_s=0.02))
            assert await announcements.reached(end, timeout_s=5)
            await folding


async def test_a_model_begun_anew_is_believed(redis: Redis) -> None:
    live = await begun(redis)
    await live.fold(RECORDS, "ready")
    async with Announcements(redis, GENERATION) as announcements:
        assert await announcements.reached(60, timeout_s=1)
        again = await begun(redis)
        await asyncio.sleep(0.3)
        assert not await announcements.reached(60, timeout_s=0.2)
        await again.fold(RECORDS, "ready")
        assert await announcements.reached(60, timeout_s=1)


async def test_another_ledger_in_the_same_redis_is_not_believed(redis: Redis) -> None:
    """Channels know no logical databases."""
    await begun(redis)
    async with Announcements(redis, GENERATION) as announcements:
        assert await announcements.reached(0, timeout_s=1)
        await call(redis, "PUBLISH", Keys(GENERATION).announcements, "another-build 1000")
        assert not await announcements.reached(500, timeout_s=0.3)


async def test_what_makes_no_sense_on_the_channel_is_no_reason_to_stop_listening(redis: Redis) -> None:
    live = await begun(redis)
    async with Announcements(redis, GENERATION, poll_interval_s=60) as announcements:
        await asyncio.sleep(0.1)
        build = (await call(redis, "HGET", Keys(GENERATION).checkpoint, "build")).decode()
        for message in ("", "nonsense", f"{build} far", f"{build} 1 2"):
            await call(redis, "PUBLISH", Keys(GENERATION).announcements, message)
        await live.fold(RECORDS[:20], "ready")
        assert await announcements.reached(20, timeout_s=2)


async def test_what_was_announced_and_is_lost_again_is_not_read(redis: Redis) -> None:
    """A Redis that was killed comes back without its last moments, to a process that read none of them."""
    live = await begun(redis)
    async with Announcements(redis, GENERATION) as announcements:
        model = RedisModel(redis, GENERATION, announced=announcements.heard)
        await live.fold(RECORDS[:20], "ready")
        assert await announcements.reached(20, timeout_s=1)
        await call(redis, "HSET", model.keys.checkpoint, "position", 15)
        with pytest.raises(NotReady, match="lost"):
            await model.fetch([Ref("task", "1")])
        await call(redis, "HSET", model.keys.checkpoint, "position", 20)
        assert await model.position() == 20


async def test_a_distrusted_build_is_not_believed_and_the_next_one_is(redis: Redis) -> None:
    live = await begun(redis)
    await live.fold(RECORDS, "ready")
    told: list[str] = []
    async with Announcements(redis, GENERATION) as announcements:
        announcements.on_rebuilt(lambda: told.append("anew"))
        assert await announcements.reached(60, timeout_s=1)
        build, _ = announcements.heard()
        await announcements.distrust(build)
        # Somebody whose write took longer found out, too.
        await announcements.distrust(build)
        checkpoint = Keys(GENERATION).checkpoint
        assert await call(redis, "HGET", checkpoint, "state") == b"damaged"
        await call(redis, "HSET", checkpoint, "state", "ready")
        assert not await announcements.reached(1, timeout_s=0.4)
        again = await begun(redis)
        await again.fold(RECORDS[:20], "ready")
        assert await announcements.reached(20, timeout_s=1)
        await announcements.distrust(build)
        assert await call(redis, "HGET", checkpoint, "state") == b"ready"
        assert await announcements.reached(20, timeout_s=0)
    assert told == ["anew"]


async def test_a_model_that_is_not_ready_has_reached_nothing(redis: Redis) -> None:
    live = await begun(redis)
    await live.fold(RECORDS, "filling")
    async with Announcements(redis, GENERATION) as announcements:
        assert not await announcements.reached(60, timeout_s=0.5)
        await live.fold([], "ready")
        assert await announcements.reached(60, timeout_s=1)


async def test_thousands_may_wait_and_time_out_without_a_trace(redis: Redis) -> None:
    await begun(redis)
    async with Announcements(redis, GENERATION, poll_interval_s=0.05) as announcements:
        asked = [announcements.reached(99, timeout_s=0.1) for _ in range(3_000)]
        assert not any(await asyncio.gather(*asked))
        await asyncio.sleep(0.2)
        assert not announcements._waiting


async def test_it_can_be_stopped_at_any_moment(redis: Redis) -> None:
    """The client swallows a cancellation now and then; nothing may hang on that."""
    await begun(redis)
    random = Random(7)
    for _ in range(60):
        async with asyncio.timeout(5):
            async with Announcements(redis, GENERATION, poll_interval_s=0.01):
                await asyncio.sleep(random.random() * 0.02)


async def test_nobody_waits_for_a_redis_that_is_away_and_everybody_again_once_it_is_back(
    redis_url: str,
) -> None:
    async with client(redis_url) as redis, client("redis://127.0.0.1:1/0") as nowhere:
        live = await begun(redis)
        async with Announcements(nowhere, GENERATION, poll_interval_s=0.05) as announcements:
            assert not await asyncio.wait_for(announcements.reached(1, timeout_s=60), timeout=10)
            assert not await asyncio.wait_for(announcements.reached(1, timeout_s=60), timeout=0.1)
            announcements._redis = redis
            await asyncio.sleep(0.3)
            folding = asyncio.create_task(fold_later(live, 0, 20))
            assert await announcements.reached(20, timeout_s=5)
            await folding
