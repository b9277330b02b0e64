"""How many events a second become read models: all projections, a mixed history, real servers.

Each phase by itself, then one event per batch as the base of comparison, in the same run: trust the
ratio more than the figures. Run with `python -m benchmarks.fold [--events 200000] [--profile]`.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

from benchmarks.made_history import MASTER_KEY, fill_log
from events.migrate import migrate
from events.store import EventStore, open_store
from projections.follower import Follower, RunnerSettings
from projections.live import Live
from projections.runner import collect_garbage_rarely
from projections.writer import Checkpoint, Writer
from readmodels.connecting import connect
from tests.folding import Letters
from tests.servers import own_postgres, own_valkey, short_folder

GENERATION = 1
SINGLE_EVENTS_MAX = 5_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=RunnerSettings().filling_batch_events_max)
    parser.add_argument("--profile", action="store_true", help="show where the time goes, not how much it is")
    options = parser.parse_args()
    with servers() as (database_url, redis_url):
        asyncio.run(measure(database_url, redis_url, options))


@contextmanager
def servers() -> Iterator[tuple[str, str]]:
    with short_folder() as folder, own_postgres(folder) as postgres, own_valkey(folder) as valkey:
        url = postgres.url("postgres")
        migrate(url)
        yield url, valkey.url()


async def measure(database_url: str, redis_url: str, options: argparse.Namespace) -> None:
    redis = connect(redis_url, timeout_s=60)
    async with open_store(database_url, MASTER_KEY) as store:
        started = time.perf_counter()
        await fill_log(store, options.events)
        print(f"made a log of {options.events:,} events in {time.perf_counter() - started:.1f} s")
        collect_garbage_rarely()
        profile = cProfile.Profile()
        if options.profile:
            profile.enable()
        whole = await folded(store, redis, options.events, options.batch)
        profile.disable()
        print(f"\n{options.events:,} events in batches of {options.batch:,}")
        whole.show(options.events)
        if options.profile:
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        await show_size(redis)
        filled_s, busy_s = await filled(store, redis, options.batch)
        print(f"as the runner does it, reading ahead: {options.events / filled_s:,.0f} events/s")
        print(f"of its processor time alone: {options.events / busy_s:,.0f} events/s")
        count = min(options.events, SINGLE_EVENTS_MAX)
        single = await folded(store, redis, count, 1)
        print(f"\n{count:,} events one by one: {count / single.total_s:,.0f} events/s")
        ratio = (options.events / filled_s) / (count / single.total_s)
        print(f"batches are {ratio:.1f} times as fast")
    await redis.aclose()


@dataclass
class Phases:
    """Seconds by phase; what is left of the total is spent folding in memory."""

    total_s: float = 0.0
    spent_s: dict[str, float] = field(default_factory=dict)

    def timed(self, phase: str, work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def run(*arguments: Any) -> Any:
            started = time.perf_counter()
            try:
                return await work(*arguments)
            finally:
                self.spent_s[phase] = self.spent_s.get(phase, 0.0) + time.perf_counter() - started

        return run

    def show(self, events: int) -> None:
        rows = {**self.spent_s, "fold in memory": self.total_s - sum(self.spent_s.values())}
        for phase, seconds in {**rows, "total": self.total_s}.items():
            print(f"{phase:28} {seconds:7.2f} s {events / seconds:12,.0f} events/s")


async def folded(store: EventStore, redis: Redis, count: int, batch: int) -> Phases:
    """Fold the first `count` events into an empty generation as the runner does when it fills one."""
    phases = Phases()
    writer, live = await empty(redis)
    read = phases.timed("read and decode events", store.read)
    for name, phase in (("load", "load documents"), ("apply", "write documents and indexes")):
        setattr(writer, name, phases.timed(phase, getattr(writer, name)))
    started = time.perf_counter()
    while live.checkpoint.position < count:
        records = await read(live.checkpoint.position, min(batch, count - live.checkpoint.position))
        await live.fold(records, "filling")
    phases.total_s = time.perf_counter() - started
    return phases


async def filled(store: EventStore, redis: Redis, batch: int) -> tuple[float, float]:
    """Seconds, and seconds of processor time, that the runner takes to make an empty generation ready."""
    writer, live = await empty(redis)
    follower = Follower(store, writer, Letters(), RunnerSettings(filling_batch_events_max=batch))
    started, busy = time.perf_counter(), time.process_time()
    await follower.fill(live)
    return time.perf_counter() - started, time.process_time() - busy


async def empty(redis: Redis) -> tuple[Writer, Live]:
    writer = Writer(redis, GENERATION, timeout_s=60)
    await writer.seize(1)
    await writer.clear("log")
    return writer, Live(writer, Checkpoint(1, "filling", 0, "log", ""), set(), Letters().keep)


async def show_size(redis: Redis) -> None:
    memory = await redis.info("memory")
    print(f"the read model has {await redis.dbsize():,} keys and takes {memory['used_memory_human']}")


if __name__ == "__main__":
    main()
