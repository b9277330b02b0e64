"""How fast a long log becomes a complete read model again, in worker processes, and in how much memory.

The library's ProjectionRunner goes over the beginning of the same log in the same run: trust the ratio
more than the figures. Run with `python -m benchmarks.rebuild [--events 1000000] [--workers 2]`.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
from redis.asyncio import Redis

from benchmarks.fold import servers
from benchmarks.made_history import MASTER_KEY, filled
from benchmarks.rebuild_library import library_rate
from events.store import EventStore, open_store
from projections.bulk import BulkSettings, load
from projections.bulk_derive import derived
from projections.bulk_entries import Entries
from projections.bulk_fold import StreamFold
from projections.bulk_groups import Grouped
from projections.bulk_messages import Sources
from projections.bulk_plan import FIRST, LAST, Range
from projections.bulk_reading import reading
from projections.bulk_texts import Texts
from projections.runner import collect_garbage_rarely
from projections.writer import Checkpoint, Writer
from readmodels.connecting import connect
from readmodels.documents import Ref
from readmodels.keys import Keys
from readmodels.kinds import KINDS
from tests.folding import GENERATION, Letters

SAMPLED_EVERY_S = 0.05
PHASES_EVENTS = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=BulkSettings().workers)
    parser.add_argument("--library-events", type=int, default=5_000, help="how many the library folds")
    options = parser.parse_args()
    with servers() as (database_url, redis_url):
        # In a process of its own, which takes the history along when it ends.
        spawning = multiprocessing.get_context("spawn")
        filling = spawning.Process(target=fill, args=(database_url, options.events))
        filling.start()
        filling.join()
        sources = Sources(database_url, redis_url, MASTER_KEY)
        rate = asyncio.run(loaded(sources, options.events, options.workers))
        show_phases(database_url, min(options.events, PHASES_EVENTS))
        theirs = library_rate(database_url, options.library_events)
        print(f"\nthe library's runner, first {options.library_events:,} events: {theirs:,.0f} events/s")
        print(f"a load is {rate / theirs:.0f} times as fast")


def fill(database_url: str, events: int) -> None:
    asyncio.run(filled(database_url, events))


async def loaded(sources: Sources, events: int, workers: int) -> float:
    """Events a second from an empty generation to a complete one."""
    redis = connect(sources.redis_url, timeout_s=60)
    async with open_store(sources.database_url, sources.master_key) as store, memory(workers) as peaks:
        before = [busy_s(), await valkey_busy_s(redis)]
        started = time.perf_counter()
        await load_once(sources, store, redis, events, workers)
        took_s = time.perf_counter() - started
        after = [busy_s(), await valkey_busy_s(redis)]
        python_s, valkey_s = (late - early for early, late in zip(before, after, strict=True))
        print(f"\n{events:,} events, {workers} workers: {took_s:.1f} s, {events / took_s:,.0f} events/s")
        print(f"processor time: Python {python_s:.1f} s, Valkey {valkey_s:.1f} s")
        for name, peak in peaks.items():
            print(f"most memory, {name}: {peak / 1e6:,.0f} MB")
        print(f"the read model has {await redis.dbsize():,} keys")
    await redis.aclose()
    return events / took_s


async def load_once(sources: Sources, store: EventStore, redis: Redis, events: int, workers: int) -> None:
    writer, log_id = Writer(redis, GENERATION, timeout_s=60), await store.log_id()
    await writer.seize(1)
    await writer.clear(log_id)
    empty, letters = Checkpoint(1, "filling", 0, log_id, ""), Letters()
    settings = BulkSettings(workers=workers)
    checkpoint = await load(sources, store, writer, empty, events, letters.keep, settings=settings)
    assert (checkpoint.position, letters) == (events, [])


def busy_s() -> float:
    """Seconds of processor time that this process and its children that ended have had."""
    times = psutil.Process().cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


async def valkey_busy_s(redis: Redis) -> float:
    used = await redis.info("cpu")
    return float(used["used_cpu_user"] + used["used_cpu_sys"])


@asynccontextmanager
async def memory(workers: int) -> AsyncIterator[dict[str, int]]:
    """The most resident memory that was seen of the coordinator, its workers, and all of them together."""
    watched = Watched(workers)
    peaks = dict.fromkeys(("coordinator", "workers", "together"), 0)

    async def watch() -> None:
        while True:
            for name, size in watched.sizes().items():
                peaks[name] = max(peaks[name], size)
            await asyncio.sleep(SAMPLED_EVERY_S)

    watching = asyncio.create_task(watch())
    try:
        yield peaks
    finally:
        watching.cancel()


class Watched:
    """This process and its workers, which are looked for until there are `count` of them: that takes long."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._own = psutil.Process()
        self._workers: list[psutil.Process] = []

    def sizes(self) -> dict[str, int]:
        if len(self._workers) < self._count:
            self._workers = [each for each in self._own.children() if is_worker(each)]
        workers = sum(map(resident_bytes, self._workers))
        coordinator = resident_bytes(self._own)
        return {"coordinator": coordinator, "workers": workers, "together": coordinator + workers}


def is_worker(process: psutil.Process) -> bool:
    try:
        return "projections.bulk_worker" in process.cmdline()
    except psutil.Error:
        return False


def resident_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


class Phases:
    """Processor time by phase."""

    def __init__(self) -> None:
        self.spent_s: defaultdict[str, float] = defaultdict(float)
        self._last_s = time.process_time()

    def end(self, phase: str) -> None:
        present_s = time.process_time()
        self.spent_s[phase] += present_s - self._last_s
        self._last_s = present_s


def show_phases(database_url: str, end: int) -> None:
    """Where a worker's time goes: the same steps in this process, with a look at the clock between them."""
    collect_garbage_rarely()
    phases = Phases()
    with reading(database_url, MASTER_KEY, end) as reader:
        fold = StreamFold(Grouped(reader.reaching_groups()))
        entries, sums = Entries(Keys(GENERATION)), dict[Ref, dict[str, int]]()
        texts = Texts(Keys(GENERATION), 0, Range(FIRST, LAST), BulkSettings().buckets)
        phases.end("what reaches groups")
        for stream, records in reader.streams(Range(FIRST, LAST)):
            told = list(records)
            phases.end("read and decode")
            story = fold.fold(stream, told)
            phases.end("fold")
            if story.document is not None:
                kind = KINDS[story.ref.kind]
                found = derived(kind, story.document, lambda _: None, sums)
                phases.end("derive")
                entries.add(kind, story.ref, story.document, found.places)
                texts.add(story.ref, found.texts)
                if entries.size_bytes >= BulkSettings().entries_max_bytes:
                    list(entries.take())
                phases.end("put into commands")
        list(entries.take())
        list(texts.take(is_all=True))
        phases.end("put into commands")
    print(f"\none process, {end:,} events, processor time:")
    for phase, spent_s in {**phases.spent_s, "all": sum(phases.spent_s.values())}.items():
        print(f"{phase:24} {spent_s:6.2f} s {1e6 * spent_s / end:6.2f} us/event")


if __name__ == "__main__":
    main()
