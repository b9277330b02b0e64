"""Waiters are woken by notifications, whatever else is notified, and also after a connection broke."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import psycopg
import pytest
import uvloop

from events.connections import Connection, connect, cut
from events.postgres import Bounds, PostgresLog, open_log

RARELY_S = 60.0
LISTENERS = "select pid from pg_stat_activity where datname = current_database() and query like 'listen %'"


@pytest.fixture
async def log(database_url: str) -> AsyncIterator[PostgresLog]:
    """It polls so rarely that only notifications can be quick."""
    async with open_log(database_url, Bounds(poll_interval_s=RARELY_S, listen_retry_max_s=0.2)) as opened:
        yield opened


async def told(database: psycopg.AsyncConnection, payload: str) -> None:
    await database.execute("select pg_notify('taskledger_events', %s)", [payload])


async def listeners(database: psycopg.AsyncConnection) -> list[int]:
    async with asyncio.timeout(5):
        while True:
            found = [row[0] for row in await (await database.execute(LISTENERS)).fetchall()]
            if found:
                return found
            await asyncio.sleep(0.01)


async def test_a_notification_wakes_at_once_and_nonsense_does_no_harm(
    log: PostgresLog, database_url: str
) -> None:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as database:
        assert not await log.wait(0, 0.1)
        await listeners(database)
        for payload in ("", "x", "-8", "²", "9" * 30, "9" * 7000):
            await told(database, payload)
        assert not await log.wait(0, 0.3)
        await told(database, "7")
        assert await log.wait(6, 2.0)
        assert not await log.wait(7, 0.1)


async def test_a_listener_whose_connection_breaks_listens_again(log: PostgresLog, database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as database:
        assert not await log.wait(0, 0.1)
        (broken,) = await listeners(database)
        await database.execute("select pg_terminate_backend(%s, 2000)", [broken])
        assert await listeners(database) != [broken]
        await told(database, "7")
        assert await log.wait(6, 2.0)


async def test_it_goes_on_listening_after_it_has_asked_whether_the_connection_lives(
    log: PostgresLog, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.feed.HEARING_S", 0.02)
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as database:
        assert not await log.wait(0, 0.2)
        for position in range(1, 30):
            await told(database, str(position))
            assert await log.wait(position - 1, 2.0)
            await asyncio.sleep(0.005)


@asynccontextmanager
async def listening(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Connection, int]]:
    """A listener's connection, and the port of a server on its loop that repeats what it is told."""
    made: list[Connection] = []

    async def remembered(url: str, *, connect_timeout_s: float, call_timeout_s: float) -> Connection:
        made.append(await connect(url, connect_timeout_s=connect_timeout_s, call_timeout_s=call_timeout_s))
        return made[-1]

    monkeypatch.setattr("events.feed.connect", remembered)
    bounds = Bounds(poll_interval_s=RARELY_S, listen_retry_max_s=RARELY_S)
    async with (
        await asyncio.start_server(repeat, "127.0.0.1", 0) as server,
        await psycopg.AsyncConnection.connect(database_url, autocommit=True) as database,
        open_log(database_url, bounds) as log,
    ):
        assert not await log.wait(0, 0.1)
        await listeners(database)
        yield made[0], server.sockets[0].getsockname()[1]


async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readline())
    await writer.drain()
    writer.close()


@contextmanager
def no_low_number_free() -> Iterator[None]:
    """The next connection gets the number of one that is closed in here."""
    taken = [os.dup(0) for _ in range(100)]
    try:
        yield
    finally:
        for each in taken:
            os.close(each)


def test_who_connects_in_the_moment_in_which_the_listener_is_cut_off_is_heard(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, socket.socket() as client:
        served = listening(database_url, monkeypatch)
        connection, port = runner.run(served.__aenter__())
        with no_low_number_free():
            # The loop stands still meanwhile, and is told of both at once.
            cut(connection)
            client.settimeout(2)
            client.connect(("127.0.0.1", port))
            client.sendall(b"hello\n")
            said = runner.run(asyncio.to_thread(client.recv, 10))
        runner.run(served.__aexit__(None, None, None))
    assert said == b"hello\n"
