"""What filling the index of events costs the appends beside it, at as many of them as there can be.

Runs with and without a process that fills take turns, and each pair is a ratio: how many appends a second
are left, and how much more time of the processors PostgreSQL takes for one. Run with
`python -m benchmarks.filling [--pairs 4] [--seconds 8] [--clients 64]`.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from multiprocessing.synchronize import Event
from statistics import median
from typing import Final, NamedTuple

import psutil
import psycopg

from benchmarks.append import group_rate
from benchmarks.processes import processor_s
from events.index import connections_to_fill, fill, keep_filling
from events.index_pace import IndexBounds
from events.migrate import migrate
from tests.servers import own_postgres, short_folder

COMPLETE_TO: Final = "select coalesce(max(complete_to), 0) from event_index_state"


class Run(NamedTuple):
    """Appends a second, PostgreSQL's processor time for one in microseconds, and events indexed meanwhile."""

    rate: float
    processor_us: float
    indexed: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--clients", type=int, default=64)
    options = parser.parse_args()
    with short_folder() as folder, own_postgres(folder) as postgres:
        url = postgres.url("postgres")
        migrate(url)
        server = psutil.Process(int((folder / "postgres" / "postmaster.pid").read_text().split()[0]))
        pairs: list[tuple[Run, Run]] = []
        for number in range(options.pairs):
            # Whoever comes first changes, so that a machine that grows slower favours neither.
            order = (False, True) if number % 2 else (True, False)
            runs = {is_filled: run(url, server, options, is_filled=is_filled) for is_filled in order}
            show(runs[False], runs[True])
            pairs.append((runs[False], runs[True]))
    left = median(filled.rate / alone.rate for alone, filled in pairs)
    dearer = median(filled.processor_us / alone.processor_us for alone, filled in pairs)
    print(f"median: {left:.0%} of the appends are left, each takes {dearer:.0%} of the processor time")


def run(url: str, server: psutil.Process, options: argparse.Namespace, *, is_filled: bool) -> Run:
    asyncio.run(caught_up(url))
    with filling(url) if is_filled else nullcontext():
        before_s, before = processor_s(server), complete_to(url)
        rate, _, _ = asyncio.run(group_rate(url, options.clients, options.seconds))
        indexed = complete_to(url) - before
        spent_s = processor_s(server) - before_s
    return Run(rate, 1e6 * spent_s / (rate * options.seconds), indexed)


def show(alone: Run, filled: Run) -> None:
    print(
        f"alone {alone.rate:7,.0f}/s {alone.processor_us:5.0f} us,"
        f" filled {filled.rate:7,.0f}/s {filled.processor_us:5.0f} us,"
        f" {filled.rate / alone.rate:4.0%} left, {filled.indexed:,} indexed",
        flush=True,
    )


async def caught_up(url: str) -> None:
    bounds = IndexBounds()
    connections = connections_to_fill(url, bounds)
    try:
        while await fill(connections, bounds):
            pass
    finally:
        await connections.close()


@contextmanager
def filling(url: str) -> Iterator[None]:
    """A process that keeps filling, as the projector's does."""
    context = multiprocessing.get_context("spawn")
    is_up = context.Event()
    process = context.Process(target=_fill, args=(url, is_up))
    process.start()
    try:
        # Starting Python costs more than a short run of filling.
        assert is_up.wait(timeout=30), "the process that fills has not started"
        yield
    finally:
        process.terminate()
        process.join()


def _fill(url: str, is_up: Event) -> None:
    is_up.set()
    asyncio.run(keep_filling(url))


def complete_to(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(COMPLETE_TO).fetchone()
        assert row is not None
        return int(row[0])


if __name__ == "__main__":
    main()
