"""How many commands a second are decided and durable: our dispatcher, and the library's Application."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import Final

from benchmarks.dispatcher_library import library_commands_per_s
from benchmarks.figures import Bench, Figure, Row, Target
from benchmarks.made_history import MASTER_KEY
from benchmarks.threads import LIBRARY_THREADS
from benchmarks.work import Work, at_once, work_on
from events.store import open_store

CLIENTS: Final = 128
WARM_UP_S: Final = 0.3


async def measure(bench: Bench) -> Sequence[Row]:
    servers = await bench.empty()
    ours, base = list[float](), list[float]()
    async with open_store(servers.database_url, MASTER_KEY) as store:
        work = await work_on(store)
        await commands_per_s(work, WARM_UP_S)
        await asyncio.to_thread(library_commands_per_s, servers.database_url, WARM_UP_S)
        for _ in range(bench.repeats):
            base.append(await asyncio.to_thread(library_commands_per_s, servers.database_url, bench.seconds))
            ours.append(await commands_per_s(work, bench.seconds))
    what = f"commands through the dispatcher, {CLIENTS} at once"
    base_what = f"the library's Application, {LIBRARY_THREADS} threads"
    return [Row(what, "commands/s", ours, base, base_what, Target(8.0))]


async def commands_per_s(work: Work, seconds: float) -> float:
    async def turn() -> int:
        task_id, _ = await work.create()
        await work.change(task_id)
        return 2

    started = perf_counter()
    return await at_once(CLIENTS, turn, seconds) / (perf_counter() - started)


FIGURE: Final = Figure("dispatcher", "Commands decided and durable", measure)
