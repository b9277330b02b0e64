"""Limiters by themselves: the setting, who is counted, what passes, and a Redis that is away."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from limits import RateLimitItem, parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as Disconnected
from structlog.testing import capture_logs

from api.limits import local, principals
from api.limits.allowances import DEFAULT_LIMITS, RateLimits, rate_limits
from api.limits.breaker import Breaker
from api.limits.decisions import Decisions
from api.limits.operations import AtOnce, storage_url
from api.limits.quotas import Quotas, Verdict, key
from readmodels.connecting import call, connect
from readmodels.keys import LIMITS
from readmodels.model import NotReady
from readmodels.pipe import Pipe

ANA, BOB = principals.user(2), principals.user(3)
HOUR, MINUTE = parse("30/hour"), parse("7/minute")
TIMEOUT_S = 10.0


# The setting


def test_the_default_is_what_the_page_says() -> None:
    expected = RateLimits(parse("1000/hour"), parse("100/hour"), parse("20/minute"))
    assert expected == DEFAULT_LIMITS


@pytest.mark.parametrize("text", ["1000/hour;100/hour;20/minute", "5/2minute;1/day;3/second"])
def test_limits_are_shown_as_they_are_written(text: str) -> None:
    assert str(rate_limits(text)) == text
    assert rate_limits(text.upper().replace("/", " PER ").replace(";", " ; ")) == rate_limits(text)


def test_off_is_no_limits() -> None:
    assert rate_limits("off") is rate_limits(" OFF ") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "on",
        "1000",
        "1000/hour",
        "1000/hour;100/hour",
        "1000/hour;100/hour;20/minute;1/second",
        "1000/hour;100/hour;",
        "1000/hour,100/hour;20/minute;2/second",
        "1000/hour|100/hour;20/minute;2/second",
        "0/hour;100/hour;20/minute",
        "-5/hour;100/hour;20/minute",
        "1.5/hour;100/hour;20/minute",
        "1000/fortnight;100/hour;20/minute",
        "1000/2year;100/hour;20/minute",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="as in 1000/hour;100/hour;20/minute"):
        rate_limits(text)


# Who is counted


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("not an address", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_an_ipv6_address_counts_with_its_network(address: str | None, counted: str) -> None:
    assert str(principals.address(address)) == f"address:{counted}"


def test_a_user_is_no_address() -> None:
    assert str(principals.user(12)) == "user:12"


# Quotas


@pytest.fixture
async def quotas(redis: Redis) -> Quotas:
    return quotas_on(redis)


def quotas_on(redis: Redis) -> Quotas:
    return Quotas(Pipe(redis, TIMEOUT_S), Breaker("test", 1, lambda: 0), Decisions())


@pytest.fixture
async def reference(redis: Redis, redis_url: str) -> FixedWindowRateLimiter:
    """The limiter of the `limits` package, with counters of its own in the same Redis."""
    return FixedWindowRateLimiter(storage_on(redis, redis_url, "reference"))


def storage_on(redis: Redis, redis_url: str, prefix: str) -> RedisStorage:
    pool: Any = redis.connection_pool
    return RedisStorage(
        storage_url(redis_url), implementation="redispy", key_prefix=prefix, connection_pool=pool
    )


async def counted(quotas: Quotas, *limits: RateLimitItem, principal: principals.Principal = ANA) -> Verdict:
    verdict = await quotas.count(principal, limits)
    assert verdict is not None
    return verdict


async def let_pass(redis: Redis, seconds: float) -> None:
    """Let all windows end this much sooner, as if time had passed."""
    script = """
        local time = redis.call('TIME')
        for _, key in ipairs(redis.call('KEYS', '*')) do
          redis.call('PEXPIREAT', key, redis.call('PEXPIRETIME', key) - ARGV[1])
        end
        return #redis.call('KEYS', '*')
    """
    await call(redis, "EVAL", script, 0, round(seconds * 1000))


async def reference_hit(reference: FixedWindowRateLimiter, limits: list[RateLimitItem], who: str) -> bool:
    """What both-or-none means in the terms of `limits`, where nobody else asks meanwhile."""
    if not all([await reference.test(limit, who) for limit in limits]):
        return False
    return all([await reference.hit(limit, who) for limit in limits])


@pytest.mark.parametrize("limits", [[MINUTE], [HOUR], [HOUR, MINUTE], [parse("3/2hour"), parse("4/hour")]])
async def test_verdicts_are_those_of_limits_for_random_histories(
    redis: Redis, quotas: Quotas, reference: FixedWindowRateLimiter, limits: list[RateLimitItem]
) -> None:
    chance = random.Random(str(limits))
    seen: set[bool] = set()
    for _ in range(300):
        if chance.random() < 0.1:
            await let_pass(redis, chance.choice([1, 13, 31, 61, 600, 1801]))
        who = chance.choice([ANA, BOB])
        verdict = await counted(quotas, *limits, principal=who)
        assert verdict.is_allowed == await reference_hit(reference, limits, str(who))
        seen.add(verdict.is_allowed)
        for standing in verdict.standings:
            stats = await reference.get_window_stats(standing.limit, str(who))
            assert standing.remaining == stats.remaining
            # `limits` gives whole seconds, counted from now.
            assert abs(standing.ends_at_ms / 1000 - stats.reset_time) < 1.5
    assert seen == {True, False}


async def test_limits_reads_our_counters_as_its_own(redis: Redis, redis_url: str, quotas: Quotas) -> None:
    for _ in range(5):
        await counted(quotas, MINUTE)
    theirs = FixedWindowRateLimiter(storage_on(redis, redis_url, LIMITS))
    assert (await theirs.get_window_stats(MINUTE, f"{{{ANA}}}")).remaining == MINUTE.amount - 5
    assert all([await theirs.hit(MINUTE, f"{{{ANA}}}") for _ in range(2)])
    assert not (await counted(quotas, MINUTE)).is_allowed


async def test_what_one_quota_refuses_counts_in_none(quotas: Quotas) -> None:
    for _ in range(40):
        verdict = await counted(quotas, HOUR, MINUTE)
    hourly, burst = verdict.standings
    assert not verdict.is_allowed
    assert (hourly.remaining, burst.remaining) == (HOUR.amount - MINUTE.amount, 0)
    assert verdict.blocking is burst
    assert 58 <= verdict.retry_after_s <= 60


async def test_of_two_used_up_quotas_the_later_one_blocks(quotas: Quotas) -> None:
    limits = (parse("2/hour"), parse("2/minute"))
    for _ in range(2):
        assert (await counted(quotas, *limits)).is_allowed
    verdict = await counted(quotas, *limits)
    assert verdict.blocking.limit == limits[0]
    assert 3598 <= verdict.retry_after_s <= 3600


async def test_a_window_begins_with_its_first_request_and_ends_for_all_at_once(
    redis: Redis, quotas: Quotas
) -> None:
    first = (await counted(quotas, MINUTE)).standings[0]
    await let_pass(redis, 20)
    second = (await counted(quotas, MINUTE)).standings[0]
    assert second.ends_at_ms == first.ends_at_ms - 20_000
    assert second.reset == (await counted(quotas, MINUTE)).standings[0].reset
    await let_pass(redis, 41)
    third = (await counted(quotas, MINUTE)).standings[0]
    assert third.remaining == MINUTE.amount - 1
    assert third.ends_at_ms > second.ends_at_ms


async def test_users_and_addresses_have_windows_of_their_own(quotas: Quotas) -> None:
    for _ in range(MINUTE.amount):
        assert (await counted(quotas, MINUTE, principal=ANA)).is_allowed
    assert not (await counted(quotas, MINUTE, principal=ANA)).is_allowed
    assert (await counted(quotas, MINUTE, principal=BOB)).is_allowed
    assert (await counted(quotas, MINUTE, principal=principals.address("192.0.2.2"))).is_allowed


async def test_of_many_at_once_exactly_as_many_pass_as_are_allowed(redis: Redis, redis_url: str) -> None:
    async with several(redis_url, 3) as clients:
        limiters = [quotas_on(client) for client in clients]
        verdicts = await asyncio.gather(
            *(counted(limiters[turn % 3], HOUR, parse("25/minute")) for turn in range(150))
        )
    allowed = [verdict for verdict in verdicts if verdict.is_allowed]
    assert len(allowed) == 25
    # Each of them was told another figure: nobody counted twice.
    assert sorted(verdict.standings[0].remaining for verdict in allowed) == list(range(5, 30))
    assert int(await redis.get(key(HOUR, ANA)) or 0) == 25


@asynccontextmanager
async def several(redis_url: str, number: int) -> AsyncIterator[list[Redis]]:
    """Connections to one Redis as so many processes have them."""
    clients = [connect(redis_url, timeout_s=TIMEOUT_S) for _ in range(number)]
    yield clients
    for client in clients:
        await client.aclose()


async def test_counters_expire_and_one_that_could_not_is_begun_anew(redis: Redis, quotas: Quotas) -> None:
    await counted(quotas, HOUR, MINUTE)
    assert 3590 < await redis.ttl(key(HOUR, ANA)) <= 3600
    assert 50 < await redis.ttl(key(MINUTE, ANA)) <= 60
    await redis.set(key(MINUTE, ANA), 1000)
    assert (await counted(quotas, HOUR, MINUTE)).standings[1].remaining == MINUTE.amount - 1
    assert await redis.ttl(key(MINUTE, ANA)) > 0


async def test_a_redis_that_forgot_script_and_counters_is_counted_in_again(
    redis: Redis, quotas: Quotas
) -> None:
    await counted(quotas, MINUTE)
    await redis.flushdb()
    await redis.script_flush()
    assert (await counted(quotas, MINUTE)).standings[0].remaining == MINUTE.amount - 1


# A Redis that is away


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Server:
    """Answers questions, or fails as it is told to, and counts how often it was asked."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.asked = 0

    async def answer(self) -> str:
        self.asked += 1
        if self.failure:
            raise self.failure
        return "answer"


@pytest.mark.parametrize("failure", [NotReady("away"), Disconnected("away"), OSError("away"), TimeoutError()])
async def test_who_does_not_answer_is_asked_once_in_a_while(failure: Exception) -> None:
    clock, server = Clock(), Server()
    breaker = Breaker("test", 2.0, clock)
    assert await breaker.ask(server.answer) == "answer"
    server.failure = failure
    assert [await breaker.ask(server.answer) for _ in range(5)] == [None] * 5
    assert server.asked == 2
    clock.now += 2.0
    assert [await breaker.ask(server.answer) for _ in range(5)] == [None] * 5
    assert server.asked == 3
    server.failure = None
    assert await breaker.ask(server.answer) is None
    clock.now += 2.0
    with capture_logs() as said:
        assert [await breaker.ask(server.answer) for _ in range(3)] == ["answer"] * 3
    assert [(each["limiter"], each["unchecked"]) for each in said] == [("test", 11)]


async def test_one_request_alone_finds_out_whether_redis_is_back() -> None:
    clock, server = Clock(), Server()
    breaker = Breaker("test", 2.0, clock)
    server.failure = OSError("away")
    await breaker.ask(server.answer)
    clock.now += 2.0
    waiting = asyncio.Event()

    async def slow() -> str:
        server.asked += 1
        await waiting.wait()
        return "answer"

    probe = asyncio.create_task(breaker.ask(slow))
    await asyncio.sleep(0)
    assert await breaker.ask(server.answer) is None
    waiting.set()
    assert await probe == "answer"
    assert server.asked == 2


async def test_what_is_no_failure_of_redis_is_not_hidden() -> None:
    server = Server()
    server.failure = ValueError("a mistake of ours")
    with pytest.raises(ValueError, match="a mistake of ours"):
        await Breaker("test", 1, Clock()).ask(server.answer)


async def test_decisions_are_counted(redis: Redis) -> None:
    decisions = Decisions()
    limiter = Quotas(Pipe(redis, TIMEOUT_S), Breaker("test", 1, Clock()), decisions)
    for _ in range(9):
        await limiter.count(ANA, [MINUTE])
    assert decisions.counts() == {("quota", "allowed"): 7, ("quota", "limited"): 2}
    away = Quotas(Pipe(connect("redis://127.0.0.1:1"), 1), Breaker("test", 1, Clock()), decisions)
    assert await away.count(ANA, [MINUTE]) is None
    assert decisions.counts()[("quota", "unchecked")] == 1


async def test_an_event_loop_that_is_late_is_not_taken_for_a_redis_that_is_away(redis_url: str) -> None:
    async with several(redis_url, 1) as clients:
        quotas = Quotas(Pipe(clients[0], 0.03), Breaker("test", 60, Clock()), Decisions())
        asked = asyncio.gather(*(counted(quotas, parse("25/minute")) for _ in range(500)))
        while not asked.done():
            await asyncio.sleep(0)
            busy_for(0.03)
        assert [verdict.is_allowed for verdict in await asked].count(True) == 25


def busy_for(seconds: float) -> None:
    """What many requests at once do to the event loop."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


async def test_nobody_waits_for_a_silent_redis_longer_than_the_first(redis: Redis, redis_url: str) -> None:
    async with several(redis_url, 1) as clients:
        quotas = Quotas(Pipe(clients[0], 0.5), Breaker("test", 60, Clock()), Decisions())
        await counted(quotas, HOUR)
        await call(redis, "CLIENT", "PAUSE", 2500, "ALL")
        started = time.perf_counter()
        # More than the pipelines take that may be under way: one after another they would wait 2.5 s.
        answers = await asyncio.gather(*(quotas.count(ANA, [HOUR]) for _ in range(5000)))
        assert 0.5 <= time.perf_counter() - started < 2.2
        assert answers == [None] * 5000
    # It lasts for this connection as well, and for the next test.
    await call(redis, "CLIENT", "UNPAUSE")


# Operations


@pytest.fixture
async def at_once(redis: Redis, redis_url: str) -> AtOnce:
    return AtOnce(storage_on(redis, redis_url, LIMITS), TIMEOUT_S, Breaker("test", 1, Clock()), Decisions())


@pytest.fixture
async def alone() -> AsyncIterator[AtOnce]:
    """A strategy whose Redis is not there."""
    nowhere = "redis://127.0.0.1:1"
    client = connect(nowhere, timeout_s=1)
    yield AtOnce(storage_on(client, nowhere, LIMITS), TIMEOUT_S, Breaker("test", 1, Clock()), Decisions())
    await client.aclose()


async def passed(strategy: AtOnce, item: RateLimitItem, who: str) -> bool:
    """As the decorator asks: whether the handler runs."""
    if not await strategy.test(item, who):
        return False
    await strategy.hit(item, who)
    return True


async def test_an_operation_counts_as_the_moving_window_of_limits(
    redis: Redis, redis_url: str, at_once: AtOnce
) -> None:
    reference = MovingWindowRateLimiter(storage_on(redis, redis_url, "reference"))
    ours = [await passed(at_once, MINUTE, "ana") for _ in range(20)]
    assert ours == [await reference.hit(MINUTE, "ana") for _ in range(20)]
    assert ours == [True] * 7 + [False] * 13
    assert await passed(at_once, MINUTE, "bob")
    assert 58 <= await at_once.retry_after_s(MINUTE, "ana") <= 60


async def test_of_many_calls_at_once_exactly_as_many_run_as_are_allowed(at_once: AtOnce) -> None:
    outcomes = await asyncio.gather(*(passed(at_once, HOUR, "ana") for _ in range(120)))
    assert outcomes.count(True) == 30


async def test_without_redis_an_operation_is_limited_in_this_process(alone: AtOnce) -> None:
    outcomes = await asyncio.gather(*(passed(alone, MINUTE, "ana") for _ in range(20)))
    assert outcomes.count(True) == 7
    assert await passed(alone, MINUTE, "bob")
    assert 58 <= await alone.retry_after_s(MINUTE, "ana") <= 60


async def test_without_redis_memory_stays_bounded(alone: AtOnce, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "LOCAL_KEYS_MAX", 10)
    for number in range(100):
        assert await passed(alone, MINUTE, f"address {number}")
        assert len(alone._local._memory.expirations) <= 10


async def test_a_redis_that_hangs_is_not_waited_for(redis: Redis, redis_url: str) -> None:
    strategy = AtOnce(storage_on(redis, redis_url, LIMITS), 0.2, Breaker("test", 60, Clock()), Decisions())
    await call(redis, "CLIENT", "PAUSE", 600, "ALL")
    started = asyncio.get_running_loop().time()
    try:
        assert [await passed(strategy, MINUTE, "ana") for _ in range(8)] == [True] * 7 + [False]
        assert 0.2 <= asyncio.get_running_loop().time() - started < 0.5
    finally:
        await call(redis, "CLIENT", "UNPAUSE")


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("redis://:secret@cache:6379/1", "redis://:secret@cache:6379/1"),
        ("rediss://cache:6379", "rediss://cache:6379"),
        ("unix:///run/valkey.sock?db=3", "redis+unix:///run/valkey.sock?db=3"),
    ],
)
async def test_every_address_of_redis_is_taken(url: str, taken: str) -> None:
    assert storage_url(url) == taken
    client = connect(url)
    assert storage_on(client, url, LIMITS).target_server == "redis"
    await client.aclose()
