"""A listener knows what has changed, and knows when it may have missed something."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from api.embedded_valkey import Valkey
from projections.live import Live
from readmodels import announcements
from readmodels.announcements import Announcements
from readmodels.changes import Changes
from readmodels.connecting import call
from readmodels.documents import Ref
from readmodels.keys import Keys
from readmodels.touched import EVERYTHING
from tests.folding import GENERATION, begun, client
from tests.histories import history

RECORDS = history(Random(41), 60)
CHECKPOINT = Keys(GENERATION).checkpoint
CHANNEL = Keys(GENERATION).announcements
UNTOUCHED = "tag:999999"


@asynccontextmanager
async def listening(redis: Redis, poll_interval_s: float = 0.02) -> AsyncIterator[Announcements]:
    async with Announcements(redis, GENERATION, poll_interval_s) as heard:
        await until(heard.hears_everything)
        yield heard


async def until(condition: Callable[[], bool], within_s: float = 5) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.005)


async def build_of(redis: Redis) -> str:
    build: bytes = await call(redis, "HGET", CHECKPOINT, "build")
    return build.decode()


@pytest.fixture
async def live(redis: Redis) -> Live:
    live = await begun(redis)
    await live.fold(RECORDS[:20], "ready")
    return live


async def test_each_batch_tells_what_it_changed_and_nothing_else(redis: Redis, live: Live) -> None:
    async with listening(redis) as heard:
        for position in range(21, 41):
            since, record = heard.freshness.turn, RECORDS[position - 1]
            await live.fold([record], "ready")
            assert await heard.reached(position, timeout_s=2)
            assert not heard.freshness.is_fresh([EVERYTHING], since)
            assert not heard.freshness.is_fresh([record.stream.replace("-", ":")], since)
            assert heard.freshness.is_fresh([UNTOUCHED], since)


async def test_whoever_waited_for_a_position_knows_what_has_changed_up_to_it(
    redis: Redis, live: Live
) -> None:
    """At the very moment when they are woken: else they would be shown what was kept before their write."""
    async with listening(redis, poll_interval_s=60) as heard:
        for end in range(21, 60):
            since = heard.freshness.turn
            waiting = asyncio.create_task(heard.reached(end, timeout_s=2))
            await live.fold(RECORDS[end - 1 : end], "ready")
            assert await waiting
            assert heard.hears_everything()
            assert not heard.freshness.is_fresh([EVERYTHING], since)


async def test_a_position_that_no_message_told_of_is_not_all_that_there_is(redis: Redis, live: Live) -> None:
    """Somebody looked at the checkpoint; the message with the changes is still under way."""
    async with listening(redis) as heard:
        await call(redis, "HSET", CHECKPOINT, "position", 25)
        assert await heard.now() == 25
        assert not heard.hears_everything()
        await call(redis, "PUBLISH", CHANNEL, f'{await build_of(redis)} 25 20 ["task:1"]')
        await until(heard.hears_everything)


async def test_a_message_that_never_came_makes_everything_stale(redis: Redis, live: Live) -> None:
    async with listening(redis) as heard:
        since = heard.freshness.turn
        await call(redis, "HSET", CHECKPOINT, "position", 25)
        await heard.now()
        await until(heard.hears_everything)
        assert not heard.freshness.is_fresh([UNTOUCHED], since)


async def test_a_subscription_by_which_nothing_comes_is_begun_anew(
    redis: Redis, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the other end has gone and nobody said so: looks at the checkpoint go on well."""
    get, lost = PubSub.get_message, list[PubSub]()

    async def swallowed(self: PubSub, *, timeout: float) -> Any:
        message = await get(self, timeout=timeout)
        return None if self in lost and message and message["type"] == "message" else message

    channels, opened = list[PubSub](), redis.pubsub

    def open_another() -> PubSub:
        channels.append(opened())
        return channels[-1]

    monkeypatch.setattr(PubSub, "get_message", swallowed)
    monkeypatch.setattr(redis, "pubsub", open_another)
    async with listening(redis) as heard:
        lost.extend(channels)
        await live.fold(RECORDS[20:21], "ready")
        assert await heard.now() == 21
        assert not heard.hears_everything()
        await until(heard.hears_everything)
        since = heard.freshness.turn
        await live.fold(RECORDS[21:22], "ready")
        await until(lambda: heard.heard()[1] == 22)
        assert heard.hears_everything()
        assert heard.freshness.is_fresh([UNTOUCHED], since)
        assert not heard.freshness.is_fresh([EVERYTHING], since)


async def test_what_others_saw_of_the_checkpoint_counts(redis: Redis, live: Live) -> None:
    async with listening(redis) as heard:
        before, build = heard.heard(), heard.heard()[0]
        heard.saw((b"ready", b"25", build), before)
        assert heard.heard() == (build, 25)
        assert not heard.hears_everything()
    for seen in ((b"ready", b"19", build), (b"damaged", b"20", build), (None, None, None)):
        async with listening(redis) as heard:
            heard.saw(seen, heard.heard())
            assert heard.heard() == (build, 20)
            assert not heard.hears_everything()


async def test_an_answer_that_another_build_overtook_changes_nothing(redis: Redis, live: Live) -> None:
    async with listening(redis) as heard:
        before = heard.heard()
        heard.saw((b"ready", b"5", b"another"), before)
        assert heard.heard() == (b"another", 5)
        heard.saw((b"ready", b"20", b"a third"), before)
        assert heard.heard() == (b"another", 5)
        assert not heard.hears_everything()


async def test_a_gap_between_messages_makes_everything_stale(redis: Redis, live: Live) -> None:
    async with listening(redis) as heard:
        since = heard.freshness.turn
        await call(redis, "HSET", CHECKPOINT, "position", 30)
        await call(redis, "PUBLISH", CHANNEL, f'{await build_of(redis)} 30 29 ["task:1"]')
        await until(lambda: heard.heard()[1] == 30)
        assert heard.hears_everything()
        assert not heard.freshness.is_fresh([UNTOUCHED], since)


async def test_changes_at_the_same_position_are_told_as_well(redis: Redis, live: Live) -> None:
    """A repair changes documents, and the checkpoint stays where it is."""
    async with listening(redis) as heard:
        since = heard.freshness.turn
        await live.amend(Changes(documents={Ref("tag", "7"): None}))
        await until(lambda: heard.freshness.turn > since)
        assert not heard.freshness.is_fresh(["tag:7"], since)
        assert heard.freshness.is_fresh([UNTOUCHED], since)
        assert heard.hears_everything()


async def test_documents_that_stop_make_everything_stale(redis: Redis, live: Live) -> None:
    async with listening(redis) as heard:
        since = heard.freshness.turn
        await live.amend(Changes(parked={Ref("task", "1")}))
        await until(lambda: heard.freshness.turn > since)
        assert not heard.freshness.is_fresh([UNTOUCHED], since)


async def test_a_subscription_that_was_lost_makes_everything_stale(redis: Redis, live: Live) -> None:
    async with listening(redis) as heard:
        for end in (30, 40, 50):
            since = heard.freshness.turn
            await call(redis, "CLIENT", "KILL", "TYPE", "pubsub")
            await live.fold(RECORDS[end - 10 : end], "ready")
            await until(lambda end=end: heard.hears_everything() and heard.heard()[1] == end)  # type: ignore[misc]
            assert not heard.freshness.is_fresh([UNTOUCHED], since)


async def test_who_may_not_listen_never_hears_everything(redis: Redis, redis_url: str, live: Live) -> None:
    await call(redis, *["ACL", "SETUSER", "mute", "on", "nopass", "~*", "&*", "+@all", "-subscribe"])
    async with client(redis_url) as deaf:
        deaf.connection_pool.connection_kwargs.update(username="mute", password="any")
        async with Announcements(deaf, GENERATION, poll_interval_s=0.02) as heard:
            assert await heard.reached(20, timeout_s=2)
            await asyncio.sleep(0.3)
            assert not heard.hears_everything()


async def test_who_may_listen_no_more_does_not_hear_everything_any_more(
    redis: Redis, redis_url: str, live: Live
) -> None:
    """Looks at the checkpoint go on well."""
    await call(redis, *["ACL", "SETUSER", "muted", "on", "nopass", "~*", "&*", "+@all"])
    async with client(redis_url) as other:
        other.connection_pool.connection_kwargs.update(username="muted", password="any")
        async with listening(other) as heard:
            await call(redis, *["ACL", "SETUSER", "muted", "-subscribe"])
            await call(redis, "CLIENT", "KILL", "TYPE", "pubsub")
            await until(lambda: not heard.hears_everything())
            await asyncio.sleep(0.3)
            assert await heard.now() == 20
            assert not heard.hears_everything()


async def test_messages_are_signs_enough(redis: Redis, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they come all the time, nobody looks at the checkpoint as well."""
    async with listening(redis, poll_interval_s=60) as heard:
        monkeypatch.setattr(announcements, "TRUST_S", 0.4)
        for position in range(21, 37):
            await live.fold(RECORDS[position - 1 : position], "ready")
            assert await heard.reached(position, timeout_s=2)
            assert heard.hears_everything()
            await asyncio.sleep(0.05)


async def test_a_model_begun_anew_makes_everything_stale(redis: Redis, live: Live) -> None:
    async with listening(redis) as heard:
        since = heard.freshness.turn
        again = await begun(redis)
        await again.fold(RECORDS[:20], "ready")
        build = (await build_of(redis)).encode()
        await until(lambda: heard.heard() == (build, 20) and heard.hears_everything())
        assert not heard.freshness.is_fresh([UNTOUCHED], since)


async def test_a_model_that_is_not_ready_any_more_is_noticed_in_silence(redis: Redis, live: Live) -> None:
    async with listening(redis) as heard:
        for state in ("damaged", "torn", "filling"):
            await call(redis, "HSET", CHECKPOINT, "state", state)
            await until(lambda: not heard.hears_everything())
            await call(redis, "HSET", CHECKPOINT, "state", "ready")
            await until(heard.hears_everything)


async def test_an_emptied_redis_is_noticed_in_silence(redis: Redis, live: Live) -> None:
    async with listening(redis) as heard:
        await redis.flushdb()
        await until(lambda: not heard.hears_everything())


async def test_a_redis_that_lost_its_last_moments_is_noticed(redis: Redis, live: Live) -> None:
    async with listening(redis) as heard:
        await call(redis, "HSET", CHECKPOINT, "position", 15)
        await until(lambda: not heard.hears_everything())
        await call(redis, "HSET", CHECKPOINT, "position", 20)
        await until(heard.hears_everything)


async def test_a_distrusted_build_is_nothing_to_go_by(redis: Redis, live: Live) -> None:
    async with listening(redis) as heard:
        since = heard.freshness.turn
        await heard.distrust(heard.heard()[0])
        assert not heard.hears_everything()
        assert not heard.freshness.is_fresh([UNTOUCHED], since)
        await call(redis, "HSET", CHECKPOINT, "state", "ready")
        await asyncio.sleep(1.2)
        assert not heard.hears_everything()


async def test_messages_of_older_code_tell_nothing_of_changes(redis: Redis, live: Live) -> None:
    async with listening(redis) as heard:
        since = heard.freshness.turn
        await call(redis, "HSET", CHECKPOINT, "position", 21)
        await call(redis, "PUBLISH", CHANNEL, f"{await build_of(redis)} 21")
        assert await heard.reached(21, timeout_s=2)
        assert not heard.hears_everything()
        await until(heard.hears_everything)
        assert not heard.freshness.is_fresh([UNTOUCHED], since)


async def test_a_redis_that_died_is_noticed_at_once(valkey: Valkey) -> None:
    async with client(valkey.url()) as redis:
        live = await begun(redis)
        await live.fold(RECORDS[:20], "ready")
        async with listening(redis) as heard:
            await asyncio.to_thread(valkey.stop)
            await until(lambda: not heard.hears_everything(), within_s=0.5)


async def test_a_silent_redis_is_trusted_for_a_short_time_only(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connections stand, and nothing comes: no message can be told from none."""
    monkeypatch.setattr(announcements, "TRUST_S", 1.5)
    async with client(valkey.url()) as redis, client(valkey.url()) as other:
        live = await begun(redis)
        await live.fold(RECORDS[:20], "ready")
        async with listening(redis) as heard:
            paused = asyncio.create_task(call(other, "CLIENT", "PAUSE", 4_000, "ALL"))
            await until(lambda: not heard.hears_everything(), within_s=3)
            await until(heard.hears_everything, within_s=10)
            await paused
