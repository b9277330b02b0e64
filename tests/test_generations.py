"""Each version of the folding code has a read model of its own; old ones go when nobody needs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from events.connections import Connections
from projections.generations import FINGERPRINT, fingerprint, generation_of, mark_ready, sources
from readmodels.keys import Keys
from tests.folding import begun, everything


@pytest.fixture
async def connections(database_url: str) -> AsyncIterator[Connections]:
    opened = Connections(database_url)
    yield opened
    await opened.close()


def test_the_fingerprint_is_that_of_folds_kinds_and_events() -> None:
    names = {f"{path.parent.name}/{path.name}" for path in sources()}
    assert names >= {
        "projections/tasks.py",
        "projections/folding.py",
        "projections/encoding.py",
        "readmodels/tasks.py",
        "readmodels/changes.py",
        "readmodels/keys.py",
        "events/tasks.py",
    }
    assert not names & {"projections/runner.py", "readmodels/redis.py", "readmodels/model.py"}
    assert fingerprint() == FINGERPRINT


async def test_the_same_code_shares_a_generation(connections: Connections) -> None:
    found = await asyncio.gather(*(generation_of(connections, "one") for _ in range(8)))
    assert len(set(found)) == 1
    assert await generation_of(connections, "two") not in found


async def test_the_one_before_stays_and_those_before_it_go(connections: Connections, redis: Redis) -> None:
    numbers = [await generation_of(connections, name) for name in ("one", "two", "three")]
    for number in numbers:
        await begun(redis, generation=number)

    assert await mark_ready(connections, redis, numbers[0]) == []
    assert await mark_ready(connections, redis, numbers[1]) == []
    assert await mark_ready(connections, redis, numbers[2]) == [numbers[0]]

    left = [bool(await everything(redis, Keys(number).prefix)) for number in numbers]
    assert left == [False, True, True]
    assert await generation_of(connections, "one") not in numbers


async def test_going_back_keeps_the_one_that_was_left(connections: Connections, redis: Redis) -> None:
    one, two = [await generation_of(connections, name) for name in ("one", "two")]
    for number in (one, two, one):
        await begun(redis, generation=number)
        assert await mark_ready(connections, redis, number) == []
    three = await generation_of(connections, "three")
    await begun(redis, generation=three)
    assert await mark_ready(connections, redis, three) == [two]


async def test_one_that_is_being_built_is_left_alone(connections: Connections, redis: Redis) -> None:
    building = await generation_of(connections, "building")
    await begun(redis, generation=building)
    for name in ("one", "two", "three"):
        number = await generation_of(connections, name)
        assert building not in await mark_ready(connections, redis, number)
    assert await everything(redis, Keys(building).prefix)
