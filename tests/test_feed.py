"""Waiters are woken by notifications, whatever else is notified, and also after a connection broke."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

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
