"""How many tasks a second one server process makes: each durable and visible when its POST is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from typing import Final

import orjson
import psutil
import psycopg

from benchmarks.figures import Bench, Figure, Row
from benchmarks.ledger import ledger
from benchmarks.load import request
from benchmarks.shares import shares
from benchmarks.sides import Side, bare, flask, in_turn, processor_time, rate
from benchmarks.visitor import TASK, Visitor, seed, signed_in

WHAT: Final = "POST /api/projects/{id}/tasks"
CLIENTS: Final = 64
OF_BARE_MIN: Final = 0.12
OF_FLASK_MIN: Final = 8.0
READERS: Final = 5
"""How many read back what they wrote, beside the load."""

NUMBER: Final = b"#########"
"""Stands in a title where the number of the task comes."""

IN_LOG: Final = "select count(*) from stored_events where topic = 'task.created'"


async def measure(bench: Bench) -> Sequence[Row]:
    servers = await bench.empty()
    async with AsyncExitStack() as stack:
        own = await stack.enter_async_context(ledger(servers, bench.folder))
        visitor = await stack.enter_async_context(signed_in(own.port))
        tasks = Tasks(visitor, await seed(visitor))
        seeded = tasks_in_log(servers.database_url)
        ours = Side("TaskLedger", own.port, psutil.Process(own.server.pid), tasks.next, 201)
        bare_port, bare_process = await stack.enter_async_context(bare(bench.folder))
        base = Side("bare aiohttp", bare_port, bare_process, Tasks(visitor, tasks.project_ids).next, 201)
        theirs = await flask_side(stack, bench)
        await in_turn(bench, [ours, base, theirs], CLIENTS)
        spent = await shares(bench, own, servers, ours, CLIENTS)
        read_back = await visible_at_once(visitor, tasks, ours.load(CLIENTS - READERS, bench.seconds))
        must_be_durable(ours.answered + read_back, tasks_in_log(servers.database_url) - seeded)
        bench.say(
            f"{read_back} tasks were read back when they were answered, all {ours.answered:,} are in the log"
        )
    return [
        rate(WHAT, ours, base, OF_BARE_MIN, CLIENTS),
        processor_time(WHAT, ours, base, spent),
        rate(WHAT, ours, theirs, OF_FLASK_MIN, CLIENTS),
    ]


async def flask_side(stack: AsyncExitStack, bench: Bench) -> Side:
    """The Flask service with the same data, asked the same."""
    port, process = await stack.enter_async_context(flask(await bench.without_schema(), bench.folder))
    visitor = await stack.enter_async_context(signed_in(port))
    return Side("Flask", port, process, Tasks(visitor, await seed(visitor)).next, 201)


class Tasks:
    """Requests for new tasks, each with a title of its own, in all projects by turns."""

    def __init__(self, visitor: Visitor, project_ids: Sequence[int]) -> None:
        self.project_ids = project_ids
        self.made = 0
        body = orjson.dumps({"title": f"Task {NUMBER.decode()} of many"} | TASK)
        self._requests = [
            request("POST", f"/api/projects/{each}/tasks", visitor.headers, body) for each in project_ids
        ]

    def next(self) -> bytes:
        self.made += 1
        # Text is put together once: the load generator shall not be what is measured.
        return self._requests[self.made % len(self._requests)].replace(NUMBER, b"%09d" % self.made)


async def visible_at_once(visitor: Visitor, tasks: Tasks, load: Awaitable[object]) -> int:
    """Make tasks beside the load and read each as soon as it is answered; how many that were.

    Raises RuntimeError when one is not there.
    """
    loading = asyncio.ensure_future(load)
    path = f"/api/projects/{tasks.project_ids[0]}/tasks"

    async def read_back() -> int:
        done = 0
        while not loading.done():
            made = await visitor.create(path, {"title": "Read me"} | TASK)
            must_be_same(made, await visitor.read(f"/api/tasks/{made['task']['id']}"))
            done += 1
        return done

    counts = await asyncio.gather(*(read_back() for _ in range(READERS)))
    await loading
    return sum(counts)


def must_be_same(answered: object, read: object) -> None:
    """Raises RuntimeError for anything else than was answered."""
    if read != answered:
        raise RuntimeError(f"was answered {answered}, and read as {read}")


def must_be_durable(answered: int, in_log: int) -> None:
    """Raises RuntimeError when the log does not have exactly the tasks that were answered."""
    if in_log != answered:
        raise RuntimeError(f"{answered:,} tasks were answered, {in_log:,} are in the log")


def tasks_in_log(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        (found,) = connection.execute(IN_LOG).fetchone() or (0,)
    return int(found)


FIGURES: Final = (Figure("post", WHAT, measure),)
