"""What a command and a page cost when the log is long, compared with what they cost when it is short.

Costs are processor time of this process, PostgreSQL and Valkey together.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from typing import Final

from benchmarks.costs import Meter, postmaster
from benchmarks.figures import Bench, Figure, Row, Servers, Target
from benchmarks.made_history import MASTER_KEY
from benchmarks.work import at_once, leave_ids, work_on
from commands.dispatcher import Dispatcher
from events.connections import Connections
from events.positions import place_of
from events.store import EventStore, open_store
from projections.bulk_messages import Sources
from projections.moments import Claim, generation_of
from projections.moments_building import Job, build
from readmodels.connecting import connect
from readmodels.documents import Document
from readmodels.model import PAGE_MAX, Query
from readmodels.redis import RedisModel

EVENTS, EVENTS_QUICK, EVENTS_BEFORE = 1_000_000, 40_000, 10_000
CLIENTS: Final = 16
AT_MOST: Final = Target(1.2, is_at_least=False)
PROJECTS_MAX: Final = 50
TASKS_MAX: Final = 100
PROJECT_TASKS, OWN_TASKS = 20, 80
BATCH_EVENTS_MAX: Final = 5_000
OPEN: Final = (("project:status:active",),)


@dataclass(frozen=True, slots=True)
class Grown:
    """A ledger of some size, its read model, and tasks in it that may be changed."""

    store: EventStore
    model: RedisModel
    meter: Meter
    task_ids: tuple[int, ...]
    pages: Mapping[str, Query]


async def measure(bench: Bench) -> Sequence[Row]:
    events = EVENTS_QUICK if bench.is_quick else EVENTS
    return await compared(bench, EVENTS_BEFORE, events)


async def compared(bench: Bench, before: int, events: int) -> Sequence[Row]:
    """Rows of the costs at `events` events, with those at `before` events as the base."""
    async with AsyncExitStack() as stack:
        small, large = [
            await stack.enter_async_context(grown(await bench.with_log(size), size))
            for size in (before, events)
        ]
        measures: dict[str, Callable[[Grown], Awaitable[float]]] = {
            "a command": partial(command_us, seconds=bench.seconds),
            **{name: partial(page_us, name=name, seconds=bench.seconds / 4) for name in small.pages},
        }
        what = f"at {events:,} events"
        return [
            await row(f"{name}, {what}", one, small, large, bench.repeats, f"at {before:,}")
            for name, one in measures.items()
        ]


async def row(
    what: str,
    one: Callable[[Grown], Awaitable[float]],
    small: Grown,
    large: Grown,
    repeats: int,
    base_what: str,
) -> Row:
    await one(large)
    pairs = [(await one(small), await one(large)) for _ in range(repeats)]
    base, ours = zip(*pairs, strict=True)
    return Row(what, "us of processor time", ours, base, base_what, AT_MOST)


@asynccontextmanager
async def grown(servers: Servers, events: int) -> AsyncIterator[Grown]:
    """The ledger with its read model, made as a moment at the log's end is."""
    redis, connections = connect(servers.redis_url, timeout_s=60), Connections(servers.database_url)
    try:
        leave_ids(servers.database_url, events)
        async with open_store(servers.database_url, MASTER_KEY) as store:
            job = Job(Claim(1, 1, await place_of(connections, events)))
            sources = Sources(servers.database_url, servers.redis_url, MASTER_KEY)
            await build(store, redis, job, BATCH_EVENTS_MAX, sources=sources)
            meter = Meter(postmaster(servers.database_url), redis)
            yield await looked_at(store, RedisModel(redis, generation_of(1)), meter)
    finally:
        await connections.close()
        await redis.aclose()


async def looked_at(store: EventStore, model: RedisModel, meter: Meter) -> Grown:
    projects = (await model.page(Query("project", where=OPEN, limit=PROJECTS_MAX))).documents
    tasks: list[Document] = []
    for project in projects:
        of_project = Query("task", where=((f"task:project:{project['id']}",),), limit=PAGE_MAX)
        tasks += (await model.page(of_project)).documents
    task_ids = tuple(task["id"] for task in tasks[:TASKS_MAX])
    assert task_ids, "nobody has an open project with a task"
    return Grown(store, model, meter, task_ids, await pages(model, tasks))


async def pages(model: RedisModel, tasks: Sequence[Document]) -> Mapping[str, Query]:
    """First pages of ten, as people ask for them, of a project and a user that are alike in all ledgers."""
    project = await middling(model, {f"task:project:{task['project_id']}" for task in tasks}, PROJECT_TASKS)
    own = await middling(model, {f"task:own:{task['creator_id']}" for task in tasks}, OWN_TASKS)
    return {
        "a page of projects": Query("project"),
        "a page of all tasks": Query("task"),
        "a page of a project's tasks": Query("task", where=((project,),)),
        "a page of somebody's pending tasks": Query("task", where=((own,), ("task:status:pending",))),
    }


async def middling(model: RedisModel, indexes: Collection[str], size: int) -> str:
    """The index that has nearest to `size` tasks."""

    async def distance(index: str) -> tuple[int, str]:
        return abs((await model.page(Query("task", where=((index,),), limit=0))).total - size), index

    return min(await asyncio.gather(*map(distance, indexes)))[1]


async def command_us(grown: Grown, seconds: float) -> float:
    """Of one command: tasks created and changed, new ones, and old ones whose states have to be read."""
    warm = await work_on(grown.store)
    dispatcher = Dispatcher(grown.store, grown.store.keyring.claim_key, state_cache_max=1)
    cold, old = replace(warm, dispatcher=dispatcher), cycle(grown.task_ids)

    async def turn() -> int:
        task_id, _ = await warm.create()
        await warm.change(task_id)
        await cold.change(next(old))
        return 3

    return await cost_us(grown.meter, lambda: at_once(CLIENTS, turn, seconds))


async def page_us(grown: Grown, name: str, seconds: float) -> float:
    query = grown.pages[name]

    async def turn() -> int:
        page = await grown.model.page(query)
        assert page.documents, f"{name} is empty"
        return 1

    return await cost_us(grown.meter, lambda: at_once(CLIENTS, turn, seconds))


async def cost_us(meter: Meter, work: Callable[[], Awaitable[int]]) -> float:
    """Microseconds of processor time for one of the things that `work` says it has done."""
    before_s = await meter.spent_s()
    done = await work()
    return 1e6 * (await meter.spent_s() - before_s) / done


FIGURE: Final = Figure("growth", "What a longer log costs", measure)
