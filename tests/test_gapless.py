"""Readers that tail the log while many processes write: no event missed, none twice, order kept."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain, pairwise

import psycopg
import pytest

from events.log import Stored
from events.postgres import PostgresLog, open_log
from tests.writers import Report, write

WRITERS = 8
EVENTS = 20_000
LOCK = "perform pg_advisory_xact_lock(1952543859, 1);"
NUMBERING = "last_position + row_number() over (order by e.no)"


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.writers"])
    with ProcessPoolExecutor(WRITERS, mp_context=context) as executor:
        yield executor


def test_readers_see_every_event_once_and_in_order(database_url: str, processes: ProcessPoolExecutor) -> None:
    reports, seen = write_and_tail(database_url, processes, EVENTS)
    assert sum(len(report.acknowledged) for report in reports) >= EVENTS
    assert sum(len(report.refused) for report in reports) > EVENTS / 50
    for records in seen:
        assert complaints(reports, records) == []


def test_without_the_lock_appends_fail(database_url: str, processes: ProcessPoolExecutor) -> None:
    """Two groups then take the same positions, and the index lets one of them in: nothing worse."""
    rewrite_append_group(database_url, {LOCK: ""})
    reports, seen = write_and_tail(database_url, processes, EVENTS // 5)
    for records in seen:
        assert any(complaint.startswith("failed") for complaint in complaints(reports, records))


def test_without_the_lock_numbers_from_a_sequence_lose_events(
    database_url: str, processes: ProcessPoolExecutor
) -> None:
    """The usual way, a sequence and nothing else: here the readers themselves go wrong."""
    rewrite_append_group(database_url, {LOCK: "", NUMBERING: "nextval('tag_ids')"})
    reports, seen = write_and_tail(database_url, processes, EVENTS // 5)
    found = {complaint.split()[0] for records in seen for complaint in complaints(reports, records)}
    assert {"missed", "gaps"} <= found


def complaints(reports: list[Report], records: list[Stored]) -> list[str]:
    """What is wrong with what a reader saw, given what the writers were told; nothing when all is well."""
    positions = [record.position for record in records]
    ids = [record.event_id for record in records]
    acknowledged = set(chain.from_iterable(report.acknowledged for report in reports))
    refused = set(chain.from_iterable(report.refused for report in reports))
    versions: defaultdict[str, list[int]] = defaultdict(list)
    for record in records:
        versions[record.stream].append(record.version)
    found = {
        "failed": sum(len(report.failures) for report in reports),
        "missed": len(acknowledged - set(ids)),
        "twice": len(ids) - len(set(ids)),
        "refused but there": len(refused & set(ids)),
        "gaps": sum(1 for place, position in enumerate(positions, 1) if place != position),
        "out of order": sum(1 for every in versions.values() if every != list(range(1, len(every) + 1))),
        "back in time": sum(a.recorded_at > b.recorded_at for a, b in pairwise(records)),
    }
    return [f"{what} {count}" for what, count in found.items() if count]


def write_and_tail(
    database_url: str, processes: ProcessPoolExecutor, events: int
) -> tuple[list[Report], list[list[Stored]]]:
    writing = [
        processes.submit(write, database_url, number, events // WRITERS + 1) for number in range(WRITERS)
    ]
    seen = asyncio.run(tail_twice(database_url, writing))
    return [future.result() for future in writing], seen


async def tail_twice(database_url: str, writing: list[Future[Report]]) -> list[list[Stored]]:
    """One reader who sleeps until there is news, and one who asks all the time."""
    async with open_log(database_url) as log:
        sleeper = tail(log, writing, patience_s=1.0, limit=500)
        asker = tail(log, writing, patience_s=0.002, limit=50)
        return list(await asyncio.gather(sleeper, asker))


async def tail(
    log: PostgresLog, writing: list[Future[Report]], *, patience_s: float, limit: int
) -> list[Stored]:
    records: list[Stored] = []
    while True:
        finished = all(future.done() for future in writing)
        after = records[-1].position if records else 0
        news = await log.read(after, limit)
        records += news
        if finished and not news:
            return records
        if not news:
            await log.wait(after, patience_s)


def rewrite_append_group(database_url: str, changes: dict[str, str]) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("select pg_get_functiondef('append_group'::regproc)").fetchone()
        assert row is not None
        definition = str(row[0])
        for old, new in changes.items():
            assert definition.count(old) == 1
            definition = definition.replace(old, new)
        connection.execute(definition.encode())
