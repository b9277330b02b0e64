"""Two generations are compared whatever stands under a key: a key of another type is one difference."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis

from projections.comparing import ELEMENTS, SCAN, Comparison, evaluated
from projections.differences import Difference
from readmodels.connecting import call
from readmodels.keys import Keys
from tests.folding import begun
from tests.histories import history

LIVE, REBUILT = 1, 2
INDEX = "index:user:sort:id"
FIELDS = tuple(str(number) for number in range(40))
Wrong = Callable[[Redis, str], Awaitable[Any]]


def a_text(redis: Redis, key: str) -> Awaitable[Any]:
    return call(redis, "SET", key, "x")


def a_large_hash(redis: Redis, key: str) -> Awaitable[Any]:
    return call(redis, "HSET", key, *FIELDS)


def a_large_list(redis: Redis, key: str) -> Awaitable[Any]:
    return call(redis, "RPUSH", key, *FIELDS)


def a_small_set(redis: Redis, key: str) -> Awaitable[Any]:
    return call(redis, "SADD", key, "a1")


async def compared(redis: Redis, position: int) -> list[Difference]:
    async def advance(to: int) -> None:
        assert to == position

    return (await Comparison(redis, LIVE, REBUILT, position, advance).run()).listed


@pytest.fixture
async def position(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> int:
    """Two equal generations, whose index of users is a large key."""
    monkeypatch.setattr("projections.comparing.LARGE_ELEMENTS_MIN", 5)
    records = history(Random(56), 200)
    for generation in (LIVE, REBUILT):
        await (await begun(redis, generation=generation)).fold(records, "ready")
    assert await call(redis, "ZCARD", Keys(LIVE).prefix + INDEX) > 5
    return len(records)


@pytest.mark.parametrize("is_live", [True, False])
@pytest.mark.parametrize(
    ("wrong", "kind"),
    [(a_text, "string"), (a_large_hash, "hash"), (a_large_list, "list"), (a_small_set, "set")],
)
async def test_a_large_key_of_another_type_is_one_difference(
    redis: Redis, position: int, wrong: Wrong, kind: str, *, is_live: bool
) -> None:
    assert await compared(redis, position) == []
    key = Keys(LIVE if is_live else REBUILT).prefix + INDEX
    await call(redis, "DEL", key)
    await wrong(redis, key)
    types = (f"of type {kind}", "of type zset")
    live, rebuilt = types if is_live else types[::-1]
    assert await compared(redis, position) == [Difference("index", "user:sort:id", "", live, rebuilt)]


@pytest.mark.parametrize("is_live", [True, False])
async def test_a_large_list_that_should_not_be_there_is_one_difference(
    redis: Redis, position: int, *, is_live: bool
) -> None:
    await a_large_list(redis, Keys(LIVE if is_live else REBUILT).prefix + "index:user:sort:odd")
    sides = ("of type list", None) if is_live else (None, "of type list")
    assert await compared(redis, position) == [Difference("index", "user:sort:odd", "", *sides)]


async def test_a_key_that_changes_its_type_meanwhile_has_no_elements(redis: Redis, position: int) -> None:
    """Between the look at a large key's type and the look at its elements anything may happen to it."""
    keys = [Keys(LIVE).checkpoint, Keys(LIVE).prefix + INDEX]
    at = str(position).encode()
    member = await call(redis, "ZRANDMEMBER", keys[1])
    held = await evaluated(redis, ELEMENTS, keys, "zset", member, "no such member")
    assert held[2] is not None
    assert held[3] is None
    await call(redis, "SET", keys[1], "x")
    assert await evaluated(redis, SCAN, keys, "zset", 0, 10) == [b"ready", at, b"0", []]
    assert await evaluated(redis, ELEMENTS, keys, "zset", "a1", "a2") == [b"ready", at, None, None]


async def test_what_differs_can_be_kept_in_the_database(redis: Redis, position: int) -> None:
    """Which takes no NUL, as a member of an index of texts that was made wrong may hold anywhere."""
    await call(redis, "SET", Keys(LIVE).prefix + "document:user:a\0b", "x\0y")
    (difference,) = await compared(redis, position)
    assert "\0" not in repr(difference).encode().decode("unicode_escape")
