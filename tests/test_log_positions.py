"""Which position a moment names: the last one recorded by then, and the same one for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random

import psycopg
import pytest

from events.connections import Connections
from events.departments import DepartmentCreated
from events.instants import instant, moment, now
from events.positions import BEGINNING, BeyondEnd, Future, Place, place_of, position_at
from events.store import EventStore
from tests.histories import history
from tests.pasts import happened, remember

LOCK = "SELECT pg_advisory_xact_lock(1952543859, 1)"
"""What append_group holds until it has committed."""


@pytest.fixture
async def connections(database_url: str) -> AsyncIterator[Connections]:
    connections = Connections(database_url)
    yield connections
    await connections.close()


async def test_a_moment_names_the_last_position_recorded_by_then(
    store: EventStore, connections: Connections
) -> None:
    records = history(Random(1), 120)
    await remember(store, records)
    times = [record.recorded_at for record in records]
    for at in sorted({*times, *(shifted(each, by) for each in times for by in (-1, 1))}):
        assert await position_at(connections, at) == sum(each <= at for each in times), at
    assert await position_at(connections, "0001-01-01T00:00:00.000000Z") == 0
    assert await position_at(connections, instant(datetime.now(UTC) - timedelta(seconds=1))) == 120


def shifted(at: str, microseconds: int) -> str:
    return instant(moment(at) + timedelta(microseconds=microseconds))


async def test_a_place_is_an_event_with_its_moment(store: EventStore, connections: Connections) -> None:
    assert await place_of(connections, 0) == Place(0, BEGINNING, "")
    await remember(store, history(Random(1), 20))
    for record in await store.read(0, 100):
        place = Place(record.position, record.recorded_at, getattr(record, "event_id", ""))
        assert await place_of(connections, record.position) == place
    first = await place_of(connections, 1)
    assert await place_of(connections, 0) == Place(0, first.recorded_at, "")


async def test_beyond_the_end_there_is_no_place(store: EventStore, connections: Connections) -> None:
    await remember(store, history(Random(1), 20))
    with pytest.raises(BeyondEnd) as beyond:
        await place_of(connections, 21)
    assert beyond.value.head == 20


async def test_what_is_still_to_come_names_nothing(connections: Connections) -> None:
    assert await position_at(connections, instant(datetime.now(UTC) - timedelta(seconds=1))) == 0
    for ahead in (timedelta(minutes=1), timedelta(days=3000)):
        with pytest.raises(Future):
            await position_at(connections, instant(datetime.now(UTC) + ahead))


async def test_whoever_appends_at_this_moment_is_waited_for(
    database_url: str, store: EventStore, connections: Connections
) -> None:
    """An append that has looked at the clock and not committed yet belongs to the past already."""
    async with await psycopg.AsyncConnection.connect(database_url) as appending:
        await appending.execute(LOCK)
        at = now()
        asked = asyncio.create_task(position_at(connections, at))
        await asyncio.sleep(0.2)
        assert not asked.done()
        await appending.rollback()
        assert await asked == 0
    await happened(store, DepartmentCreated(1, "Works", ""), 1)
    assert await position_at(connections, at) == 0


async def test_who_asks_for_a_settled_past_waits_for_nobody(
    database_url: str, store: EventStore, connections: Connections
) -> None:
    await remember(store, history(Random(1), 20))
    async with await psycopg.AsyncConnection.connect(database_url) as appending:
        await appending.execute(LOCK)
        async with asyncio.timeout(2):
            assert await position_at(connections, "2025-01-01T00:00:00.000000Z") < 20
