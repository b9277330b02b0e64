"""Records of requests go into their table together, and wait where the database does not take them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from api import attempts
from api.app import background, opened
from api.attempts import Attempts, Request, columns
from api.database import Database
from api.settings import Settings
from events.connections import Connections
from events.errors import Unavailable
from tests.http import JWT_SECRET, MASTER_KEY
from tests.projecting import until


class Counted(Database):
    """A database that counts what it is asked to write, and refuses as often as it is told to."""

    writes = 0
    refusals = 0
    failure: Exception | None = None

    async def change(self, query: str, **values: Any) -> int:
        self.writes += 1
        if self.refusals:
            self.refusals -= 1
            raise Unavailable("away")
        if self.failure:
            raise self.failure
        return await super().change(query, **values)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Counted]:
    connections = Connections(database_url)
    yield Counted(connections)
    await connections.close()


def request(number: int) -> Request:
    return Request(f"req-{number:08}", "10.0.0.1", "robot", None, "taskflow", "POST", "/api/projects", 201)


def recorded(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("select count(*) from requests").fetchone()
    return int(row[0]) if row else 0


async def until_recorded(database_url: str, count: int) -> None:
    async def are_there() -> bool:
        return await asyncio.to_thread(recorded, database_url) >= count

    await until(are_there)


async def until_tried(database: Counted, writes: int) -> None:
    async def is_tried() -> bool:
        return database.writes >= writes

    await until(is_tried)


async def only_reading(database_url: str, setting: str) -> None:
    """As a database does while another one takes over: connections made from now on are read-only."""

    def change() -> None:
        with psycopg.connect(database_url, autocommit=True, options="-c transaction_read_only=off") as it:
            it.execute("set default_transaction_read_only = off")
            name = it.info.dbname
            it.execute(f'alter database "{name}" set default_transaction_read_only = {setting}'.encode())
            it.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )

    await asyncio.to_thread(change)


async def test_what_comes_within_a_moment_is_written_together(
    database: Counted, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "PAUSE_S", 0.5)
    kept = Attempts(database, queue_max=100, batch_max=100)
    async with background(kept.run()):
        for number in range(30):
            kept.note(request(number))
            await asyncio.sleep(0.01)
        await until_recorded(database_url, 30)
    assert database.writes < 12


async def test_a_flush_writes_all_in_batches(database: Counted, database_url: str) -> None:
    kept = Attempts(database, queue_max=100, batch_max=10)
    for number in range(25):
        kept.note(request(number))
    assert await kept.flush()
    assert database.writes == 3
    assert await asyncio.to_thread(recorded, database_url) == 25


async def test_what_is_not_taken_is_written_later(
    database: Counted, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "RETRY_S", 0.05)
    database.refusals = 2
    kept = Attempts(database, queue_max=100, batch_max=10)
    kept.note(request(1))
    assert not await kept.flush()
    assert kept.waiting == 1
    async with background(kept.run()):
        await until_recorded(database_url, 1)
    assert (database.writes, kept.waiting) == (3, 0)


async def test_a_database_that_only_reads_is_away_for_a_while(
    database: Counted, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "RETRY_S", 0.05)
    kept = Attempts(database, queue_max=100, batch_max=10)
    await only_reading(database_url, "on")
    with pytest.raises(Unavailable, match="read-only"):
        await database.change("keep_requests", **columns([request(1)]))
    async with background(kept.run()):
        kept.note(request(1))
        await until_tried(database, 3)
        await only_reading(database_url, "off")
        await until_recorded(database_url, 1)


async def test_writing_outlives_what_nobody_foresaw(
    database: Counted, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "RETRY_S", 0.05)
    database.failure = ValueError("a surprise")
    kept = Attempts(database, queue_max=100, batch_max=10)
    with capture_logs() as said:
        async with background(kept.run()):
            kept.note(request(1))
            await until_tried(database, 2)
            database.failure = None
            await until_recorded(database_url, 1)
    assert said[0]["event"] == "requests wait to be recorded"
    assert said[0]["exc_info"]


async def test_what_is_being_written_at_a_stop_is_written_by_the_last_flush(
    database: Counted, database_url: str
) -> None:
    kept = Attempts(database, queue_max=100, batch_max=10)
    with psycopg.connect(database_url) as connection:
        connection.execute("lock table requests")
        async with background(kept.run()):
            kept.note(request(1))
            await until_tried(database, 1)
            kept.note(request(2))
    assert kept.waiting == 2
    await kept.close()
    assert await asyncio.to_thread(recorded, database_url) == 2


async def test_a_flush_ends_after_what_was_being_written_is_there(
    database: Counted, database_url: str
) -> None:
    kept = Attempts(database, queue_max=100, batch_max=10)
    async with background(kept.run()):
        with psycopg.connect(database_url) as connection:
            connection.execute("lock table requests")
            kept.note(request(1))
            await until_tried(database, 1)
            flushing = asyncio.create_task(kept.flush())
            await asyncio.sleep(0.1)
            assert not flushing.done()
        assert await flushing
        assert await asyncio.to_thread(recorded, database_url) == 1


async def test_what_is_lost_at_a_stop_is_told(database: Counted) -> None:
    database.refusals = 1
    kept = Attempts(database, queue_max=3, batch_max=10)
    for number in range(5):
        kept.note(request(number))
    with capture_logs() as said:
        await kept.close()
    assert [(each["event"], each["count"]) for each in said if each["log_level"] == "error"] == [
        ("requests were not recorded: too many waited", 2),
        ("requests were not recorded: the server stopped", 3),
    ]


async def test_a_server_that_stops_writes_last_what_its_own_writer_left(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    run, close = Attempts.run, Attempts.close

    async def running(self: Attempts) -> None:
        try:
            await run(self)
        finally:
            ended.append("run")

    async def closing(self: Attempts) -> None:
        await close(self)
        ended.append("close")

    monkeypatch.setattr(Attempts, "run", running)
    monkeypatch.setattr(Attempts, "close", closing)
    settings = Settings(
        database_url=database_url, redis_url=redis_url, master_key=MASTER_KEY, jwt_secret=JWT_SECRET
    )
    async with opened(settings) as core:
        await asyncio.sleep(0)
        core.attempts.note(request(1))
    assert ended == ["run", "close"]
    assert await asyncio.to_thread(recorded, database_url) == 1


async def test_beyond_the_bound_records_are_counted_as_dropped(database: Counted) -> None:
    kept = Attempts(database, queue_max=3, batch_max=10)
    for number in range(5):
        kept.note(request(number))
    assert (kept.waiting, kept.dropped_total) == (3, 2)
