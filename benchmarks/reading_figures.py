"""How many answers to a GET one server process gives a second: TaskFlow Pro, signed in, limits counted."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Final, NamedTuple

import psutil

from benchmarks.figures import Bench, Figure, Row
from benchmarks.ledger import ledger
from benchmarks.load import always, request
from benchmarks.shares import shares
from benchmarks.sides import Side, bare, flask, in_turn, processor_time, rate
from benchmarks.visitor import seed, signed_in

CLIENTS: Final = 32
OF_BARE_MIN: Final = 0.40
OF_FLASK_MIN: Final = 15.0


class Read(NamedTuple):
    """A GET; the Flask service has no reports."""

    what: str
    path: str
    has_flask: bool = True


async def measure(read: Read, bench: Bench) -> Sequence[Row]:
    async with AsyncExitStack() as stack:
        servers = await bench.empty()
        own = await stack.enter_async_context(ledger(servers, bench.folder))
        visitor = await stack.enter_async_context(signed_in(own.port))
        path = read.path.format(id=(await seed(visitor))[0])
        asked = always(request("GET", path, visitor.headers))
        ours = Side("TaskLedger", own.port, psutil.Process(own.server.pid), asked)
        port, process = await stack.enter_async_context(bare(bench.folder, await visitor.body(path)))
        base = Side("bare aiohttp", port, process, asked)
        theirs = [await flask_side(stack, bench, read.path)] if read.has_flask else []
        await in_turn(bench, [ours, base, *theirs], CLIENTS)
        spent = await shares(bench, own, servers, ours, CLIENTS)
    return [
        rate(read.what, ours, base, OF_BARE_MIN, CLIENTS),
        processor_time(read.what, ours, base, spent),
        *(rate(read.what, ours, each, OF_FLASK_MIN, CLIENTS) for each in theirs),
    ]


async def flask_side(stack: AsyncExitStack, bench: Bench, path: str) -> Side:
    """The Flask service with the same data, asked the same."""
    port, process = await stack.enter_async_context(flask(await bench.without_schema(), bench.folder))
    visitor = await stack.enter_async_context(signed_in(port))
    path = path.format(id=(await seed(visitor))[0])
    return Side("Flask", port, process, always(request("GET", path, visitor.headers)))


READS: Final = {
    "list": Read("GET /api/projects?per_page=10", "/api/projects?per_page=10"),
    "detail": Read("GET /api/projects/{id}", "/api/projects/{id}"),
    "budget": Read("GET /api/reports/budget-analysis", "/api/reports/budget-analysis", has_flask=False),
}

FIGURES: Final = tuple(Figure(name, read.what, partial(measure, read)) for name, read in READS.items())
