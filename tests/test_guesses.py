"""Wrong passwords: who has to wait for how long, in Redis and in a process of its own alike."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import replace
from typing import Any, Final

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as Disconnected

from api.errors import RateLimited
from api.limits import tallies
from api.limits.allowances import DEFAULT_SIGN_IN, SignInLimits, sign_in_limits
from api.limits.breaker import Breaker
from api.limits.decisions import Decisions
from api.limits.guesses import NAME, SHARE, Guess, Guesses, _budget
from api.limits.tallies import Budget, Held, Tallies, counted, wait_ms
from readmodels.connecting import call
from readmodels.keys import LIMITS
from readmodels.pipe import Pipe

TIMEOUT_S: Final = 10.0
LIMITS_SMALL: Final = "3/minute;4/minute;6/minute;9/minute"


class NoRedis(Pipe):
    """A Redis that cannot be reached."""

    async def ask(self, asked: Any) -> Any:
        raise Disconnected(f"nobody was asked {asked}")


def guesses_on(redis: Redis, limits: str = LIMITS_SMALL, pipe: type[Pipe] = Pipe) -> Guesses:
    breaker = Breaker("test", 1, time.monotonic)
    return Guesses(pipe(redis, TIMEOUT_S), breaker, Decisions(), sign_in_limits(limits))


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first wait is longer than any test, so that a slow machine changes nothing."""
    monkeypatch.setattr("api.limits.guesses.FIRST_WAIT_MS", 60_000)


@pytest.fixture(params=["shared", "alone"])
def guesses(patient: None, request: pytest.FixtureRequest, redis: Redis) -> Guesses:
    """In Redis, and in a process that has none."""
    return guesses_on(redis, pipe=Pipe if request.param == "shared" else NoRedis)


def guess(name: str = "ana", address: str = "192.0.2.7", *, is_known: bool = False) -> Guess:
    return Guess(name, address, is_known)


async def outcome(guesses: Guesses, tried: Guess) -> str:
    """What the guess had to wait for, empty for nothing."""
    try:
        await guesses.count(tried)
    except RateLimited as refused:
        return refused.limit if 1 <= refused.retry_after_s <= 60 else str(refused)
    return ""


# The formula


def test_waits_double_from_a_second_on_up_to_the_longest() -> None:
    budget = Budget(5, 900_000, 1000)
    waits = [wait_ms(level, budget) // 1000 for level in range(1, 18)]
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


def test_a_guess_that_is_partly_forgotten_is_none_to_spare() -> None:
    budget, tally = Budget(5, 60_000, 1000), tallies.EMPTY
    for now_ms in range(0, 50, 10):
        assert tally.opens_ms <= now_ms
        tally = counted(tally, budget, now_ms)
    assert tally.opens_ms == 40 + 1000


def test_whoever_never_gives_up_gets_one_guess_each_longest_wait() -> None:
    tally, now_ms, guesses = tallies.EMPTY, 0, 0
    while now_ms < 24 * 3600 * 1000:
        tally = counted(tally, Budget(5, 900_000, 1000), now_ms)
        guesses, now_ms = guesses + 1, tally.opens_ms
    assert 96 + 10 <= guesses <= 96 + 16


def test_what_is_long_past_is_forgotten() -> None:
    budget = Budget(2, 60_000, 1000)
    tally = counted(counted(counted(tallies.EMPTY, budget, 0), budget, 0), budget, 1000)
    assert tally.level == pytest.approx(3 - 1 / 60)
    assert tally.opens_ms == 1000 + int(1000 * 2 ** (1 - 1 / 60))
    assert counted(tally, budget, 61_000).level == pytest.approx(tally.level)
    assert counted(tally, budget, 10**9) == (1, 10**9, 10**9)


def test_a_clock_that_was_set_back_holds_nobody_longer_than_the_longest_wait() -> None:
    here, budget = Tallies(), [Budget(1, 60_000, 60_000)]
    assert here.count(["a"], budget, 10**12) == Held(0, 0)
    assert here.count(["a"], budget, 10**12 - 10**9) == Held(1, 60_000)


def test_memory_stays_bounded_and_keeps_what_was_counted_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "TALLIES_MAX", 3)
    here, budget = Tallies(), [Budget(1, 60_000, 60_000)]
    for key in ("a", "b", "c", "d"):
        assert here.count([key], budget, 0).blocking == 0
    assert [here.count([key], budget, 0).blocking for key in ("b", "c", "d")] == [1, 1, 1]
    assert here.count(["a"], budget, 0).blocking == 0


# The setting


def test_limits_are_shown_as_they_are_written() -> None:
    assert str(DEFAULT_SIGN_IN) == "20/15minute;30/5minute;60/minute;300/second"
    assert sign_in_limits(str(DEFAULT_SIGN_IN)) == DEFAULT_SIGN_IN
    assert isinstance(sign_in_limits("1/day;1/day;1/day;1/day"), SignInLimits)


@pytest.mark.parametrize(
    "text", ["", "off", "5/minute", "5/minute;5/minute;5/minute", "0/day;1/day;1/day;1/day"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="longest wait"):
        sign_in_limits(text)


# Who has to wait


async def test_an_account_is_tried_so_often_from_one_address(guesses: Guesses) -> None:
    told = [await outcome(guesses, guess(is_known=True)) for _ in range(5)]
    assert told == ["", "", "", "3 per 1 minute", "3 per 1 minute"]
    assert await outcome(guesses, guess(address="192.0.2.8", is_known=True)) == ""
    assert await outcome(guesses, guess("bela", is_known=True)) == ""


async def test_the_owner_is_not_kept_out_by_strangers_anywhere(guesses: Guesses) -> None:
    for number in range(50):
        await outcome(guesses, guess(address=f"198.51.100.{number}"))
    assert await outcome(guesses, guess(address="198.51.100.99")) == "4 per 1 minute"
    for _ in range(3):
        assert await outcome(guesses, guess(is_known=True)) == ""


async def test_each_network_has_a_few_tries_that_no_other_uses_up(guesses: Guesses) -> None:
    for number in range(4):
        assert await outcome(guesses, guess(address=f"198.51.{number}.1")) == ""
    told = [await outcome(guesses, guess(address=f"203.0.113.{number}")) for number in range(5)]
    assert told == [""] * SHARE.amount + ["4 per 1 minute"] * 2
    assert await outcome(guesses, guess(address="192.0.2.7")) == ""


async def test_a_right_password_at_a_new_place_gives_the_network_s_try_back(guesses: Guesses) -> None:
    for number in range(4):
        await outcome(guesses, guess(address=f"198.51.{number}.1"))
    for _ in range(4):
        counted = await guesses.count(guess(address="203.0.113.1"))
        assert counted.is_share
        await guesses.was_right(counted)
    assert await outcome(guesses, guess(address="203.0.113.1")) == ""


async def test_of_the_tries_of_many_networks_all_together_are_counted(guesses: Guesses) -> None:
    told = Counter([await outcome(guesses, guess(address=f"198.51.{number}.1")) for number in range(12)])
    assert told[""] == 9


async def test_many_addresses_of_a_known_network_are_not_free(guesses: Guesses) -> None:
    for near in ("192.0.2.{}", "2001:db8:1:{}::1"):
        told = [await outcome(guesses, guess(address=near.format(each), is_known=True)) for each in range(6)]
        assert told == [""] * 4 + ["4 per 1 minute"] * 2
    assert await outcome(guesses, guess("bela", "192.0.2.1", is_known=True)) == ""
    assert await outcome(guesses, guess(address="192.0.3.1", is_known=True)) == ""


def test_the_owner_gets_in_at_a_fresh_network_while_a_few_addresses_attack() -> None:
    """Whoever asks at every moment at which a try is to come has it; hours of that keep nobody out."""
    now_ms, here = 0, Tallies()
    place, name, *others = map(_budget, DEFAULT_SIGN_IN.items)
    share = _budget(SHARE)
    looked_at = 0
    while now_ms < 4 * 3_600_000:
        for number in range(30):
            tried = guess(address=f"198.51.100.{number}")
            held = here.count(tried.keys, [place, name, *others], now_ms)
            if held.blocking == NAME:
                held = here.count(replace(tried, is_share=True).keys, [place, share, *others], now_ms)
            looked_at += not held.blocking
        now_ms += 1000
    owner = guess(address="203.0.113.1")
    assert here.count(owner.keys, [place, name, *others], now_ms).blocking == NAME
    assert here.count(replace(owner, is_share=True).keys, [place, share, *others], now_ms).blocking == 0
    assert 30 + 4 * (12 + 3) <= looked_at <= 30 + 10 + 4 * (12 + 3) + 3


async def test_an_address_is_counted_over_all_names(guesses: Guesses) -> None:
    told = Counter([await outcome(guesses, guess(f"name {number}")) for number in range(8)])
    assert told == {"": 6, "6 per 1 minute": 2}
    assert await outcome(guesses, guess("name 9", "2001:db8::1")) == ""


async def test_all_strangers_together_are_counted(guesses: Guesses) -> None:
    told = Counter(
        [await outcome(guesses, guess(f"name {number}", f"198.51.100.{number}")) for number in range(12)]
    )
    assert told == {"": 9, "9 per 1 minute": 3}
    assert await outcome(guesses, guess("new", "203.0.113.1")) == "9 per 1 minute"
    assert await outcome(guesses, guess("new", "203.0.113.1", is_known=True)) == ""


async def test_who_has_to_wait_is_not_counted(guesses: Guesses) -> None:
    for _ in range(3):
        await outcome(guesses, guess(is_known=True))
    for _ in range(20):
        assert await outcome(guesses, guess())
    # None of these twenty counts for the address.
    told = [await outcome(guesses, guess(f"name {number}")) for number in range(7)]
    assert told == [""] * 6 + ["6 per 1 minute"]


async def test_of_many_at_once_exactly_as_many_are_looked_at_as_are_free(guesses: Guesses) -> None:
    told = await asyncio.gather(*(outcome(guesses, guess()) for _ in range(60)))
    assert Counter(told) == {"": 3, "3 per 1 minute": 57}


async def test_two_processes_count_together(patient: None, redis: Redis) -> None:
    first, second = guesses_on(redis), guesses_on(redis)
    told = await asyncio.gather(*(outcome(each, guess()) for each in (first, second) for _ in range(20)))
    assert Counter(told) == {"": 3, "3 per 1 minute": 37}


async def test_the_right_password_clears_its_place_and_gives_the_rest_back(guesses: Guesses) -> None:
    for _ in range(30):
        for _ in range(2):
            assert await outcome(guesses, guess()) == ""
            await guesses.was_right(guess())
    # Wrong ones in between go on counting where they count for others, too.
    for _ in range(2):
        assert await outcome(guesses, guess()) == ""
    await guesses.was_right(guess())
    assert [await outcome(guesses, guess()) for _ in range(4)] == ["", "", "", "3 per 1 minute"]


async def test_an_attacker_s_own_account_is_no_way_round(guesses: Guesses) -> None:
    """Signing in with it in between does not give back what was guessed at others'."""
    looked_at = 0
    for _ in range(40):
        if not await outcome(guesses, guess("victim")):
            looked_at += 1
        if not await outcome(guesses, guess("mine")):
            await guesses.was_right(guess("mine"))
    assert looked_at == 3
    for number in range(40):
        if not await outcome(guesses, guess(f"victim {number}")):
            looked_at += 1
        if not await outcome(guesses, guess("mine")):
            await guesses.was_right(guess("mine"))
    assert looked_at == 6


async def test_what_nobody_looked_at_costs_nothing(guesses: Guesses) -> None:
    for _ in range(30):
        assert await outcome(guesses, guess()) == ""
        await guesses.was_not_looked_at(guess())
    assert [await outcome(guesses, guess()) for _ in range(4)] == ["", "", "", "3 per 1 minute"]


async def test_after_the_wait_the_next_guess_may_come(redis: Redis) -> None:
    guesses = guesses_on(redis, "1/second;9/second;9/second;9/second")
    assert await outcome(guesses, guess()) == ""
    assert await outcome(guesses, guess()) == "1 per 1 second"
    await asyncio.sleep(1.05)
    assert await outcome(guesses, guess()) == ""


async def test_a_redis_that_went_away_and_came_back_leaves_no_gap(patient: None, redis: Redis) -> None:
    """While it is away every process is at its post by itself, and begins with nothing."""
    guesses = guesses_on(redis)
    pipe = guesses._pipe
    told = [await outcome(guesses, guess()) for _ in range(4)]
    guesses._pipe = NoRedis(redis, TIMEOUT_S)
    told += [await outcome(guesses, guess()) for _ in range(4)]
    assert told == ["", "", "", "3 per 1 minute"] * 2
    guesses._pipe = pipe
    await asyncio.sleep(1.05)
    await call(redis, "FLUSHDB")
    assert [await outcome(guesses, guess()) for _ in range(4)] == ["", "", "", "3 per 1 minute"]
    assert guesses._decisions.counts() == {
        ("sign_in", "allowed"): 9,
        ("sign_in", "limited"): 3,
    }


async def test_every_tally_expires_and_names_no_account(redis: Redis) -> None:
    guesses = guesses_on(redis)
    for number in range(9):
        await outcome(guesses, guess(f"name {number}", f"198.51.100.{number}"))
    keys = await call(redis, "KEYS", f"{LIMITS}:*")
    assert len(keys) == 9 * 3 + 1
    lives = [await call(redis, "PTTL", key) for key in keys]
    assert all(0 < each <= 9 * 60_000 for each in lives)


@pytest.mark.parametrize("seed", range(5))
async def test_redis_and_memory_agree_on_random_histories(redis: Redis, seed: int) -> None:
    """The same guesses at the same times are let through by both."""
    chance = random.Random(seed)
    shared, here = guesses_on(redis, "2/second;3/2second;5/second;7/second"), Tallies()
    names, places = ("ana", "bela"), ("192.0.2.7", "198.51.100.1", "203.0.113.1")
    told: list[tuple[bool, bool]] = []
    for _ in range(120):
        tried = guess(chance.choice(names), chance.choice(places), is_known=chance.random() < 0.3)
        tried = replace(tried, is_share=chance.random() < 0.3)
        seconds, microseconds = await call(redis, "TIME")
        now_ms = int(seconds) * 1000 + int(microseconds) // 1000
        budgets = [_budget(limit) for limit in shared._limits_of(tried)]
        before = Tallies()
        before._kept.update(here._kept)
        held = here.count(tried.keys, budgets, now_ms)
        is_let = not (await shared._held(tried))[1].blocking
        if abs(held.wait_ms) > 30 or is_let == (held.blocking == 0):
            told.append((is_let, held.blocking == 0))
        else:
            # The moment of the question decided: follow what Redis said.
            here = before
            if is_let:
                here.count(tried.keys, budgets, now_ms + 31)
        if is_let and chance.random() < 0.2:
            await shared.was_right(tried)
            here.give_back(tried.keys, 1)
        await asyncio.sleep(chance.choice((0, 0, 0.005, 0.05)))
    assert [ours for ours, _ in told] == [other for _, other in told]
    assert {True, False} <= {ours for ours, _ in told}
