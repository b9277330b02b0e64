"""What a user has written is remembered until the read model has it, on every process."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from api import positions as module
from api.positions import Positions
from readmodels.announcements import Announcements


def positions_in(redis: Redis) -> Positions:
    listener = Announcements(redis, 1)
    return Positions(redis, 1.0, lambda: listener)


async def test_another_process_knows_a_position_once_it_is_noted(redis: Redis) -> None:
    await positions_in(redis).note([7], 12)
    assert await positions_in(redis).of(7) == 12
    assert await positions_in(redis).of(8) == 0


async def test_whoever_leaves_while_telling_others_costs_nobody_a_position(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    positions = positions_in(redis)

    async def hangs(*_: object) -> None:
        await asyncio.sleep(60)

    with monkeypatch.context() as patch:
        patch.setattr(module, "call", hangs)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await positions.note([7], 12)
    await positions.note([8], 13)
    assert await positions_in(redis).of(7) == 12


async def test_what_redis_knew_is_forgotten_with_it(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    positions = positions_in(redis)
    await positions.note([7], 12)

    async def away(*_: object) -> None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(module, "call", away)
        await positions.note([8], 13)
    await redis.flushdb()
    positions.forget_shared()
    assert (await positions.of(7), await positions.of(8)) == (0, 13)
