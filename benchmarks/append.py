"""How many one-event commands a second go into the log: ours in groups, the library's recorder in threads."""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Final

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from benchmarks.figures import Bench, Figure, Row, Target
from benchmarks.made_history import MASTER_KEY
from benchmarks.threads import LIBRARY_THREADS, in_threads
from events.log import Metadata
from events.store import Append, EventStore, open_store
from events.tasks import TaskStatusChanged

CLIENTS: Final = 64
LIBRARY_TABLE: Final = "library_events"
WHO: Final = Metadata(7, "manager", "taskflow", "req_0123456789", None, "ChangeTask", "10.0.0.1", "benchmark")


async def measure(bench: Bench) -> Sequence[Row]:
    url = (await bench.empty()).database_url
    ours, base, took_ms = list[float](), list[float](), list[tuple[float, float]]()
    for _ in range(bench.repeats):
        base.append(await asyncio.to_thread(library_rate, url, bench.seconds))
        rate, *times = await group_rate(url, CLIENTS, bench.seconds)
        ours.append(rate)
        took_ms.append((times[0], times[1]))
    p50s, p99s = zip(*took_ms, strict=True)
    base_what = f"the library's recorder, {LIBRARY_THREADS} threads"
    return [
        Row(f"group append, {CLIENTS} clients", "events/s", ours, base, base_what, Target(10.0)),
        Row("one append, half of them", "ms", p50s),
        Row("one append, 99 of 100", "ms", p99s),
    ]


async def group_rate(database_url: str, clients: int, seconds: float) -> tuple[float, float, float]:
    """Commands a second, and how long one takes: median and 99th percentile in milliseconds."""
    took_s: list[float] = []
    async with open_store(database_url, MASTER_KEY) as store:
        await append_for(store, took_s, 0.5)
        took_s.clear()
        started = time.perf_counter()
        await asyncio.gather(*(append_for(store, took_s, seconds) for _ in range(clients)))
        rate = len(took_s) / (time.perf_counter() - started)
    took_s.sort()
    return rate, 1000 * took_s[len(took_s) // 2], 1000 * took_s[len(took_s) * 99 // 100]


async def append_for(store: EventStore, took_s: list[float], seconds: float) -> None:
    """One client: its own stream, one event after the other."""
    [task_id] = await store.next_ids("task", 1)
    end = time.perf_counter() + seconds
    for version in itertools.count(1):
        started = time.perf_counter()
        if started > end:
            return
        event = TaskStatusChanged(task_id, "in_progress")
        await store.append(Append(str(uuid.uuid4()), ((event, version),), metadata=WHO))
        took_s.append(time.perf_counter() - started)


def library_rate(database_url: str, seconds: float) -> float:
    """Events a second through the library's recorder, each thread on streams of its own."""
    where = {name: str(value) for name, value in conninfo_to_dict(database_url).items()}
    datastore = PostgresDatastore(
        dbname=where["dbname"],
        host=where["host"],
        port=where.get("port", "5432"),
        user=where.get("user", ""),
        password=where.get("password", ""),
        originator_id_type="text",
        pool_size=LIBRARY_THREADS,
    )
    with datastore:
        recorder = PostgresApplicationRecorder(datastore, events_table_name=LIBRARY_TABLE)
        recorder.create_table()
        return in_threads(partial(insert_until, recorder), seconds)


def insert_until(recorder: PostgresApplicationRecorder, end: float) -> int:
    """One thread: a stream of its own, one event after the other; how many."""
    stream, state = f"task-{uuid.uuid4()}", b'{"task_id":1,"status":"in_progress"}'
    for version in itertools.count(1):
        if time.perf_counter() > end:
            break
        recorder.insert_events([StoredEvent(stream, version, "task.status_changed", state)])
    return version - 1


FIGURE: Final = Figure("append", "Events appended", measure)
