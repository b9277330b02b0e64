"""A long log made a complete read model again, beside the library's ProjectionRunner on its beginning."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Final, NamedTuple

from benchmarks.figures import Bench, Figure, Row, Servers, Target
from benchmarks.made_history import MASTER_KEY
from benchmarks.rebuild import load_once, memory
from benchmarks.rebuild_library import library_rate
from events.store import open_store
from projections.bulk import BulkSettings
from projections.bulk_messages import Sources
from readmodels.connecting import connect

EVENTS, EVENTS_QUICK = 1_000_000, 40_000
LIBRARY_EVENTS, LIBRARY_EVENTS_QUICK = 5_000, 2_000
REPEATS, REPEATS_QUICK = 3, 1
BASE_EVENTS: Final = 10_000
"""How long the library's log is, which is the beginning of ours."""
TIMEOUT_S: Final = 60.0


class Loaded(NamedTuple):
    """Events a second, and the most memory of the processes that load, together."""

    events_per_s: float
    memory_mb: float


async def measure(bench: Bench) -> Sequence[Row]:
    if bench.is_quick:
        return await repeated(bench, EVENTS_QUICK, LIBRARY_EVENTS_QUICK, REPEATS_QUICK)
    return await repeated(bench, EVENTS, LIBRARY_EVENTS, REPEATS)


async def repeated(bench: Bench, events: int, library_events: int, repeats: int) -> Sequence[Row]:
    servers = await bench.with_log(events)
    loaded, base = list[Loaded](), list[float]()
    for _ in range(repeats):
        # Of its own: the library goes on where it stopped before.
        url = (await bench.with_log(BASE_EVENTS)).database_url
        base.append(await asyncio.to_thread(library_rate, url, library_events))
        loaded.append(await apart(servers, events))
    what = f"{events:,} events rebuilt"
    rates = [each.events_per_s for each in loaded]
    memory_mb = [each.memory_mb for each in loaded]
    base_what = f"the library's ProjectionRunner, {library_events:,} events"
    return [
        Row(what, "events/s", rates, target=Target(100_000)),
        Row(what, "events/s", rates, base, base_what, Target(50)),
        Row(f"{what}, most memory of all processes", "MB", memory_mb, target=Target(500, is_at_least=False)),
    ]


async def apart(servers: Servers, events: int) -> Loaded:
    """In a process of its own, so that nothing counts as its memory that is somebody else's."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as processes:
        running = asyncio.get_running_loop().run_in_executor
        return await running(processes, loaded_once, servers.database_url, servers.redis_url, events)


def loaded_once(database_url: str, redis_url: str, events: int) -> Loaded:
    return asyncio.run(_loaded(Sources(database_url, redis_url, MASTER_KEY), events))


async def _loaded(sources: Sources, events: int) -> Loaded:
    redis, workers = connect(sources.redis_url, timeout_s=TIMEOUT_S), BulkSettings().workers
    try:
        await redis.flushdb()
        async with open_store(sources.database_url, MASTER_KEY) as store, memory(workers) as peaks:
            started = time.perf_counter()
            await load_once(sources, store, redis, events, workers)
            took_s = time.perf_counter() - started
        return Loaded(events / took_s, peaks["together"] / 1e6)
    finally:
        await redis.aclose()


FIGURE: Final = Figure("rebuild", "A read model made again", measure)
