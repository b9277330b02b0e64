"""Servers follow the pointer to another generation: nobody sees half of it, or misses what they wrote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

import pytest
from redis.asyncio import Redis

from api import reading_side
from api.reading_side import ReadingSide, View
from events.errors import Unavailable
from projections.live import Live
from readmodels.announcements import Announcements
from readmodels.connecting import call
from readmodels.documents import Ref
from readmodels.keys import Keys
from readmodels.model import NotReady
from readmodels.redis import RedisModel
from tests.folding import begun
from tests.histories import history

OLD, NEW = 1, 2
RECORDS = history(Random(61), 60)


class Pointer:
    """Where readers go, and whether anybody can be asked."""

    def __init__(self) -> None:
        self.number: int | None = OLD
        self.is_away = False

    async def __call__(self) -> int | None:
        if self.is_away:
            raise Unavailable("away")
        return self.number


@asynccontextmanager
async def reading(redis: Redis, pointer: Pointer) -> AsyncIterator[ReadingSide]:
    def view(generation: int) -> View:
        announcements = Announcements(redis, generation, poll_interval_s=0.02)
        model = RedisModel(redis, generation, announced=announcements.heard)
        return View(generation, model, announcements)

    async with ReadingSide(OLD, view, pointer) as side:
        yield side


@pytest.fixture
async def both(redis: Redis) -> tuple[Live, Live]:
    old, new = [await begun(redis, generation=number) for number in (OLD, NEW)]
    for live in (old, new):
        await live.fold(RECORDS[:20], "ready")
    return old, new


async def until(condition: Callable[[], bool], within_s: float = 5) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.01)


async def test_it_follows_the_pointer_and_back(redis: Redis, both: tuple[Live, Live]) -> None:
    await call(redis, "SET", Keys(OLD).document(Ref("user", "999")), '{"id":999}')
    pointer, ref = Pointer(), Ref("user", "999")
    async with reading(redis, pointer) as side:
        for number, is_there in ((NEW, False), (OLD, True), (NEW, False)):
            pointer.number = number
            await until(lambda number=number: side.generation == number)  # type: ignore[misc]
            assert (ref in await side.fetch([ref])) is is_there


async def test_a_request_keeps_to_the_generation_with_which_it_began(
    redis: Redis, both: tuple[Live, Live]
) -> None:
    await call(redis, "SET", Keys(OLD).document(Ref("user", "999")), '{"id":999}')
    pointer, ref = Pointer(), Ref("user", "999")
    async with reading(redis, pointer) as side:

        async def request() -> list[bool]:
            with side.pinned():
                before = ref in await side.fetch([ref])
                pointer.number = NEW
                await until(lambda: side._present.generation == NEW)
                return [before, ref in await side.fetch([ref])]

        assert await asyncio.create_task(request()) == [True, True]
        assert ref not in await side.fetch([ref])


async def test_a_database_that_is_away_leaves_readers_where_they_are(
    redis: Redis, both: tuple[Live, Live]
) -> None:
    pointer = Pointer()
    async with reading(redis, pointer) as side:
        for pointer.is_away, pointer.number in ((True, NEW), (False, None)):
            await asyncio.sleep(0.6)
            assert side.generation == OLD
            await side.fetch([Ref("user", "1")])


async def test_it_goes_over_only_once_the_new_one_is_where_the_old_one_is(
    redis: Redis, both: tuple[Live, Live], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_side, "LEVEL_TIMEOUT_S", 20.0)
    old, new = both
    await old.fold(RECORDS[20:40], "ready")
    pointer = Pointer()
    async with reading(redis, pointer) as side:
        pointer.number = NEW
        await asyncio.sleep(0.7)
        assert side.generation == OLD
        await new.fold(RECORDS[20:40], "ready")
        await until(lambda: side.generation == NEW)


async def test_just_after_a_switch_what_is_read_holds_all_that_others_saw(
    redis: Redis, both: tuple[Live, Live], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another server still reads the old one, and has told somebody of its position 40."""
    monkeypatch.setattr(reading_side, "LEVEL_TIMEOUT_S", 20.0)
    monkeypatch.setattr(reading_side, "GRACE_S", 20.0)
    old, new = both
    pointer = Pointer()
    async with reading(redis, pointer) as side:
        pointer.number = NEW
        await until(lambda: side.generation == NEW)
        await old.fold(RECORDS[20:40], "ready")
        asked = asyncio.create_task(side.fetch([Ref("user", "1")]))
        await asyncio.sleep(0.1)
        assert not asked.done()
        await new.fold(RECORDS[20:40], "ready")
        await asked

        await old.fold(RECORDS[40:], "ready")
        monkeypatch.setattr(reading_side, "LEVEL_TIMEOUT_S", 0.1)
        with pytest.raises(NotReady):
            await side.fetch([Ref("user", "1")])
        monkeypatch.setattr(reading_side, "GRACE_S", 0.0)
        await side.fetch([Ref("user", "1")])


async def test_just_after_a_switch_whoever_writes_waits_for_both(
    redis: Redis, both: tuple[Live, Live], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who then reads from a server that has not gone over yet finds it, too."""
    old, new = both
    pointer = Pointer()
    async with reading(redis, pointer) as side:
        pointer.number = NEW
        await until(lambda: side.generation == NEW)
        monkeypatch.setattr(reading_side, "GRACE_S", 20.0)
        await new.fold(RECORDS[20:40], "ready")
        assert not await side.reached(40, timeout_s=0.3)
        await old.fold(RECORDS[20:40], "ready")
        assert await side.reached(40, timeout_s=2)
        await new.fold(RECORDS[40:], "ready")
        monkeypatch.setattr(reading_side, "GRACE_S", 0.0)
        assert await side.reached(60, timeout_s=2)


async def test_what_is_begun_anew_is_told_of_whichever_is_read(redis: Redis, both: tuple[Live, Live]) -> None:
    told: list[str] = []
    pointer = Pointer()
    async with reading(redis, pointer) as side:
        side.on_rebuilt(lambda: told.append("anew"))
        pointer.number = NEW
        await until(lambda: side.generation == NEW)
        assert await side.reached(20, timeout_s=2)
        await side.distrust(side.heard()[0])
        assert told == ["anew"]
        assert not await side.reached(20, timeout_s=0.3)


async def test_generations_that_nobody_reads_any_more_are_let_go(
    redis: Redis, both: tuple[Live, Live], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_side, "KEEP_S", 0.3)
    pointer = Pointer()
    async with AsyncExitStack() as stack:
        side = await stack.enter_async_context(reading(redis, pointer))
        pointer.number = NEW
        await until(lambda: side.generation == NEW)
        assert len(side._views) == 2
        await until(lambda: len(side._views) == 1)
        pointer.number = OLD
        await until(lambda: side.generation == OLD)
        assert (await side.fetch([Ref("user", "1")])) is not None
