"""The tables that only the API uses: sessions, credentials, answers kept for repetition."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import psycopg
from psycopg.rows import TupleRow

from events.connections import Connection, Connections, reason
from events.errors import OutcomeUnknown, Rejected, StoreError, Unavailable
from events.group_writer import AnswerLost, failure

FOLDER: Final = Path(__file__).parent / "sql"

Result = TypeVar("Result")

_NAMED = re.compile(r"^-- (\w+): .*\n((?:(?!-- \w+: ).*\n?)+)", re.MULTILINE)


def named_queries() -> Mapping[str, bytes]:
    """Every statement in the folder `sql`, by the name in the comment line above it."""
    files = sorted(FOLDER.glob("*.sql"))
    return {name: text.encode() for path in files for name, text in _NAMED.findall(path.read_text())}


QUERIES: Final = named_queries()


class Database:
    """Runs named statements, each in a transaction of its own and bounded in time.

    Every method raises `events.errors.Unavailable` when the database cannot be reached in time or
    refuses, as one does that only reads while another one takes over; those that change something raise
    Rejected when it is what they were given that the database refuses.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def row(self, query: str, **values: Any) -> TupleRow | None:
        """The first row of a statement that may be run twice."""

        async def work(connection: Connection) -> TupleRow | None:
            cursor = await connection.execute(QUERIES[query], values)
            return await cursor.fetchone()

        return await self._connections.read(work)

    async def rows(self, query: str, **values: Any) -> list[TupleRow]:
        """All rows of a statement that may be run twice, and that bounds them itself."""

        async def work(connection: Connection) -> list[TupleRow]:
            # Planned for the values at hand: a filter that is not given must cost nothing.
            cursor = await connection.execute(QUERIES[query], values, prepare=False)
            return await cursor.fetchall()

        return await self._connections.read(work)

    async def change(self, query: str, **values: Any) -> int:
        """How many rows the statement changed. Raises OutcomeUnknown when that cannot be told."""

        async def work(connection: Connection) -> int:
            cursor = await connection.execute(QUERIES[query], values)
            return cursor.rowcount

        return await self._changed(work)

    async def changed(self, query: str, **values: Any) -> list[TupleRow]:
        """What a statement that changes rows returns of them. Raises OutcomeUnknown likewise."""

        async def work(connection: Connection) -> list[TupleRow]:
            cursor = await connection.execute(QUERIES[query], values)
            return await cursor.fetchall()

        return await self._changed(work)

    async def confirm(self) -> None:
        """Wait until a failover takes nothing back of what was found. Raises OutcomeUnknown."""
        await self._connections.confirm()

    async def _changed(self, work: Callable[[Connection], Coroutine[Any, Any, Result]]) -> Result:
        try:
            return await self._connections.run(work)
        except psycopg.Error as error:
            raise failed_change(error) from error

    async def close(self) -> None:
        await self._connections.close()


def failed_change(error: psycopg.Error) -> StoreError:
    """What a failed statement means: an ERROR that the server itself reports has changed nothing."""
    meant = failure(error)
    if isinstance(meant, AnswerLost):
        return OutcomeUnknown(reason(error))
    return meant if isinstance(meant, Rejected) else Unavailable(reason(error))
