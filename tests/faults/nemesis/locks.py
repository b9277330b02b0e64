"""Others on the same database: they hold locks, leave transactions open, take every connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final, LiteralString

import psycopg

from tests.faults.schedules import Schedule

if TYPE_CHECKING:
    from tests.faults.laboratory import Lab

Connection = psycopg.AsyncConnection[tuple[object, ...]]

TABLES: Final[tuple[LiteralString, ...]] = ("stored_events", "commands", "sessions", "projector_lease")
"""What appends and reads of the log, repetitions, signed-in people and projectors cannot do without."""

LOCKED_FOR_S: Final = (1.0, 4.0)
CONNECTIONS_MAX: Final = 250
"""More than the lab's PostgreSQL takes."""

TAKEN_FOR_S: Final = 4.0
OPEN_FOR_S: Final = 8.0
APPEND_LOCK: Final = "select pg_advisory_xact_lock(1952543859, 1)"
"""What `append_group` takes to number events."""


async def lock_tables(lab: Lab) -> None:
    """One table after the other is locked by somebody: every connection of a pool comes to wait for it."""
    for table in lab.chance.sample(TABLES, len(TABLES)):
        seconds = lab.chance.uniform(*LOCKED_FOR_S)
        lab.note(f"{table} is locked for {seconds:.1f} s")
        async with _transaction(lab.database_url) as connection:
            await connection.execute("set local lock_timeout = '10s'")
            await connection.execute(f"lock table {table} in access exclusive mode")
            await asyncio.sleep(seconds)
        await asyncio.sleep(0.5)


async def take_connections(lab: Lab) -> None:
    """Somebody else has every connection that PostgreSQL gives, and the servers lose theirs."""
    async with AsyncExitStack() as stack:
        number = await _take_all(lab, stack)
        lab.note(f"{number} connections are taken, and no more can be had")
        for link in lab.links.to("postgres"):
            if link.name[0] != "standby":
                link.reset()
        # What they had is taken as well.
        await _take_all(lab, stack)
        await asyncio.sleep(TAKEN_FOR_S)


async def _take_all(lab: Lab, stack: AsyncExitStack) -> int:
    for number in range(CONNECTIONS_MAX):
        try:
            connection = await psycopg.AsyncConnection.connect(lab.database_url, autocommit=True)
        except psycopg.OperationalError:
            return number
        stack.push_async_callback(connection.close)
    raise AssertionError(f"PostgreSQL gives more than {CONNECTIONS_MAX} connections: nothing is exhausted")


async def stay_open(lab: Lab) -> None:
    """Transactions stay open, here and in another database; the log is vacuumed, writers are held up."""
    async with (
        _transaction(lab.database_url) as ours,
        _transaction(lab.postgres.primary.url("postgres")) as other,
    ):
        for connection in (ours, other):
            await connection.execute("select pg_current_xact_id()")
            await connection.execute("create temporary table held_open (id int) on commit drop")
        lab.note("a transaction stays open in the ledger's database, and one in another")
        await asyncio.sleep(OPEN_FOR_S / 4)
        await lab.postgres.ask("vacuum analyze stored_events")
        await _held(lab, "the lock of appends", APPEND_LOCK)
        await _held(lab, "a lock against writing", "lock table stored_events in share row exclusive mode")
        await asyncio.sleep(OPEN_FOR_S / 4)


async def _held(lab: Lab, what: str, statement: LiteralString) -> None:
    async with _transaction(lab.database_url) as connection:
        await connection.execute(statement)
        lab.note(f"somebody holds {what}")
        await asyncio.sleep(OPEN_FOR_S / 4)


@asynccontextmanager
async def _transaction(url: str) -> AsyncIterator[Connection]:
    """A transaction that changes nothing in the end."""
    connection = await psycopg.AsyncConnection.connect(url)
    try:
        yield connection
    finally:
        with suppress(psycopg.Error):
            await connection.rollback()
        await connection.close()


SCHEDULES: Final = (
    Schedule(
        "tables-locked", "tables are locked for up to 4 s: all connections of the pools wait", lock_tables, 14
    ),
    Schedule("connections-taken", "PostgreSQL has no connection left for the servers", take_connections, 8),
    Schedule("transactions-open", "transactions stay open, VACUUM runs, writers are held up", stay_open, 9),
)
