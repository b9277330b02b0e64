"""Pages deep in long lists: what they show, what they cost Redis, and what is given up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from random import Random

import pytest
from redis.asyncio import Redis

import readmodels.redis
from api.callers import Caller
from api.taskforge.task_filters import late, tasks_query
from api.unavailable import as_try_later
from readmodels.connecting import call
from readmodels.documents import Document
from readmodels.keys import Keys
from readmodels.large import OFFSET_LARGE, is_large
from readmodels.memory import MemoryModel
from readmodels.model import Query, Range, TooBusy, TooLong
from readmodels.redis import RedisModel
from tests.folding import GENERATION
from tests.made_tasks import Both, made_task

KEYS = Keys(GENERATION)
OWN = (("task:own:1",),)
MANY_TAGS = (tuple(f"task:tag:{number}" for number in range(1, 41)),)
TITLES = ("alike in much more than six bytes, and then ", "alike", "", "é", "名前", "a", "alikd \x7f", "zz")
SORTS = ("created", "title", "due_date", "priority", "status")


@pytest.fixture
async def both(redis: Redis) -> Both:
    model = Both(redis, GENERATION)
    await model.begin()
    return model


@pytest.fixture
def commands(redis: Redis) -> Counted:
    return Counted(redis)


class Counted:
    """Counts the commands that Redis runs, those of scripts too."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def during(self, both: Both, query: Query) -> Mapping[str, int]:
        """How often each command ran while a page was made, which is the right one."""
        await call(self._redis, "CONFIG", "RESETSTAT")
        page = await both.stored.page(query)
        stats = await self._redis.info("commandstats")
        assert page == await both.memory.page(query), query
        return {name.removeprefix("cmdstat_"): each["calls"] for name, each in stats.items()}


def some(count: int, random: Random, *, dated: float) -> list[Document]:
    """Tasks of three users; nothing of the third user's has a due date."""
    found = []
    for number in range(1, count + 1):
        creator = random.choice((1, 1, 2, 3))
        has_date = creator != 3 and random.random() < dated
        found.append(
            made_task(
                number,
                random.choice(TITLES) + random.choice(("", str(number % 50), "needle")),
                creator_id=creator,
                status=random.choice(("pending", "completed")),
                priority=random.choice(("low", "high")),
                due_date=f"2025-01-{random.randint(10, 28)}T10:00:00.000000Z" if has_date else None,
                tag_ids=random.sample(range(1, 41), random.randint(0, 3)),
            )
        )
    return found


def border(memory: MemoryModel, where: tuple[tuple[str, ...], ...]) -> int:
    """How many of those with a due date stand in the indexes."""
    groups = ({key for name in group for key in memory.indexes[name]} for group in where)
    return len(set(memory.indexes["task:sort:due_date"]).intersection(*groups))


@pytest.mark.parametrize(("dated", "seed"), [(0.5, 1), (0.02, 2), (0.98, 3), (0.0, 4), (1.0, 5)])
async def test_pages_are_the_same_wherever_they_lie(both: Both, dated: float, seed: int) -> None:
    random = Random(seed)
    await both.put(some(2_600, random, dated=dated))
    for _ in range(250):
        where = random.choice(
            [(), OWN, (("task:own:3",),), (*OWN, ("task:status:pending",)), (*OWN, *MANY_TAGS), MANY_TAGS]
        )
        query = Query(
            "task",
            where=where,
            text=random.choice([None, None, None, "needle"]),
            ranges=random.choice([(), (), (), (late(1, "2025-01-20T00:00:00.000000Z"),)]),
            without=random.choice([(), (), (), (Range("task:sort:due_date", None, 1_737_000_000.0),)]),
            sort=random.choice((*SORTS, "due_date", "due_date")),
            descending=random.random() < 0.5,
            ties=random.choice(["newest", "same"]),
            limit=random.choice([1, 7, 40]),
        )
        total, at = (await both.memory.page(query)).total, border(both.memory, where)
        deep = random.choice([at - 1, at, at + 1, at - 20, total - 1, total - 10, total // 2, total, 1_005])
        await both.page(replace(query, offset=max(deep, 0)))


async def test_a_deep_page_by_title_asks_for_no_ranks(both: Both, commands: Counted) -> None:
    await both.put(some(6_000, Random(6), dated=0.5))
    ran = await commands.during(both, Query("task", where=OWN, sort="title", offset=1_500))
    assert "zrank" not in ran


async def test_a_last_page_is_reached_from_the_end(both: Both, commands: Counted) -> None:
    await both.put(some(6_000, Random(7), dated=0.5))
    for sort in ("created", "title", "due_date", "priority"):
        query = Query("task", where=(("task:status:pending",),), sort=sort)
        last = (await both.page(query)).total - 7
        ran = await commands.during(both, replace(query, offset=last))
        assert ran["zmscore"] <= 2, sort


async def test_behind_the_dated_tasks_nobody_looks_for_the_undated(both: Both, commands: Counted) -> None:
    await both.put(some(6_000, Random(8), dated=0.1))
    for offset in (0, 595, 700, 3_000):
        ran = await commands.during(both, Query("task", sort="due_date", offset=offset))
        assert "zmscore" not in ran
        assert ran.get("zrange", 0) <= 3
        pending = Query("task", where=(("task:status:pending",),), sort="due_date", offset=offset // 2)
        assert (await commands.during(both, pending))["zmscore"] <= 4


async def test_for_few_tasks_large_indexes_are_not_listed(both: Both, commands: Counted) -> None:
    tasks = some(6_000, Random(9), dated=0.5)
    await both.put({**task, "creator_id": 1 if task["id"] % 100 == 0 else 2} for task in tasks)
    ran = await commands.during(both, Query("task", where=(*OWN, *MANY_TAGS)))
    assert ran["zrange"] <= 2


async def test_own_late_tasks_are_counted_where_they_lie(both: Both, commands: Counted) -> None:
    await both.put(some(4_000, Random(10), dated=0.5))
    at = "2025-01-20T00:00:00.000000Z"
    query = await tasks_query(both.memory, Caller(1, "user"), {"overdue": "true"}, lambda: at)
    assert (query.where, query.ranges) == ((), (late(1, at),))
    ran = await commands.during(both, query)
    assert (await both.memory.page(query)).total > 100
    assert ran["zcount"] == 1
    assert "zmscore" in ran

    sought = await tasks_query(
        both.memory, Caller(1, "user"), {"overdue": "true", "search": "needle"}, lambda: at
    )
    assert sought.where == OWN
    assert (await both.page(sought)).total > 10


async def test_what_takes_too_long_is_given_up_and_others_are_served(both: Both, redis: Redis) -> None:
    await both.put(some(12_000, Random(11), dated=0.5))
    hasty = RedisModel(redis, GENERATION, page_script_max_s=-1)
    listed = Query("task", without=(Range("task:sort:due_date", None, 0.0),))
    for long in (listed, Query("task", text="needle"), Query("task", text="e", offset=5_500)):
        for _ in range(2):
            with pytest.raises(TooLong):
                await hasty.page(long)
        assert await hasty.position() == 1
        assert await both.page(long)


async def test_ordinary_pages_never_look_at_the_clock(both: Both, redis: Redis) -> None:
    """A look would end them: no time is left."""
    await both.put(some(6_000, Random(12), dated=0.5))
    hasty = RedisModel(redis, GENERATION, page_script_max_s=-1)
    for sort in SORTS:
        for query in (
            Query("task", sort=sort, offset=900, limit=100),
            Query("task", where=OWN, sort=sort, limit=100),
        ):
            assert await hasty.page(query) == await both.page(query)
    with pytest.raises(TooLong):
        await hasty.page(Query("task", where=(*OWN, *MANY_TAGS), sort="title", offset=900))


def test_what_is_large_is_known_before() -> None:
    assert is_large(Query("task", where=OWN, offset=OFFSET_LARGE))
    assert is_large(Query("task", text="needle"))
    assert is_large(Query("task", text="needle", where=(("task:own:1", "task:own:2"),)))
    assert not is_large(Query("task", where=OWN, offset=OFFSET_LARGE - 1))
    assert not is_large(Query("task", text="needle", where=(("task:status:pending",), *OWN)))
    assert not is_large(Query("tag", text="needle"))
    assert not is_large(Query("task"))


async def test_large_pages_take_turns_and_small_ones_pass(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    await both.put(some(200, Random(13), dated=0.5))
    large = Query("task", text="needle")
    async with both.stored._turns.large():
        waiting = asyncio.create_task(both.page(large))
        assert (await both.page(Query("task"))).total == 200
        await asyncio.sleep(0.05)
        assert not waiting.done()
        monkeypatch.setattr(readmodels.redis, "LARGE_PAGE_TIMEOUT_S", 0.01)
        with pytest.raises(TooBusy):
            await both.stored.page(large)
    assert (await waiting).total > 0


def test_clients_are_told_to_ask_for_less() -> None:
    told = as_try_later(TooLong("a page of task"))
    assert told is not None
    assert (str(told), told.retry_after_s) == ("This question takes too long; narrow it down", 5)
