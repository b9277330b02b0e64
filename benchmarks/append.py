"""How many one-event commands a second go into the log: ours in groups, the library's recorder in threads.

Both in one run, on one server that flushes every commit to disk: trust the ratio more than the figures.
Run with `python -m benchmarks.append [--seconds 5] [--clients 8 64 256]`.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from events.log import Metadata
from events.migrate import migrate
from events.store import Append, EventStore, open_store
from events.tasks import TaskStatusChanged
from tests.servers import own_postgres, short_folder

LIBRARY_THREADS = 8
WHO = Metadata(7, "manager", "taskflow", "req_0123456789", None, "ChangeTask", "10.0.0.1", "benchmark")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--clients", type=int, nargs="+", default=[8, 64, 256])
    options = parser.parse_args()
    with two_databases() as (ours, theirs):
        base = library_rate(theirs, options.seconds)
        print(f"library recorder, {LIBRARY_THREADS:3} threads: {base:8,.0f} events/s")
        for clients in options.clients:
            rate, p50_ms, p99_ms = asyncio.run(group_rate(ours, clients, options.seconds))
            print(
                f"group append,     {clients:3} clients: {rate:8,.0f} events/s, {rate / base:5.1f} times"
                f" as many, p50 {p50_ms:.1f} ms, p99 {p99_ms:.1f} ms"
            )


@contextmanager
def two_databases() -> Iterator[tuple[str, str]]:
    with short_folder() as folder, own_postgres(folder) as postgres:
        url = postgres.url("postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create database ours")
            connection.execute("create database theirs")
        ours, theirs = make_conninfo(url, dbname="ours"), make_conninfo(url, dbname="theirs")
        migrate(ours)
        yield ours, theirs


async def group_rate(database_url: str, clients: int, seconds: float) -> tuple[float, float, float]:
    """Commands a second, and how long one takes: median and 99th percentile in milliseconds."""
    took_s: list[float] = []
    async with open_store(database_url, bytes(32)) as store:
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
        recorder = PostgresApplicationRecorder(datastore, events_table_name="stored_events")
        recorder.create_table()
        counts = [0] * LIBRARY_THREADS
        threads = [
            threading.Thread(target=insert_for, args=(recorder, counts, number, seconds))
            for number in range(LIBRARY_THREADS)
        ]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / (time.perf_counter() - started)


def insert_for(recorder: PostgresApplicationRecorder, counts: list[int], number: int, seconds: float) -> None:
    end = time.perf_counter() + seconds
    state = b'{"task_id":1,"status":"in_progress"}'
    for version in itertools.count(1):
        if time.perf_counter() > end:
            return
        recorder.insert_events([StoredEvent(f"task-{number}", version, "task.status_changed", state)])
        counts[number] += 1


if __name__ == "__main__":
    main()
