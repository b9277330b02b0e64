"""Which position of the log a moment names, and which event stands at a position."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

from events.connections import Connection, Connections
from events.instants import Instant

SQL: Final = Path(__file__).parent / "sql"
HEAD, PLACE, POSITION_AT, SETTLE = (
    (SQL / f"{name}.sql").read_bytes() for name in ("head", "place", "position_at", "settle")
)
BEGINNING: Final = "1970-01-01T00:00:00.000000Z"
"""The moment of an empty log."""


class Future(Exception):
    """The moment is still to come, by the clock of the database: what it names may change."""


class BeyondEnd(Exception):
    """There is no such position: the log ends at `head`."""

    def __init__(self, head: int) -> None:
        super().__init__(f"the log ends at position {head}")
        self.head = head


class Place(NamedTuple):
    """An event's position, when it was recorded, and its id; at position 0 there is no event and no id."""

    position: int
    recorded_at: Instant
    event_id: str


async def position_at(connections: Connections, at: Instant) -> int:
    """The last position recorded at `at` or before it; 0 before the first event.

    The answer to a moment never changes. Raises Future, Unavailable.
    """

    async def work(connection: Connection) -> int:
        position, head = await _halved(connection, at)
        if position < head:
            return position
        # Who appends at this moment may already have looked at the clock: what comes of it is the past.
        async with connection.transaction():
            await connection.execute(SETTLE)
            return (await _halved(connection, at))[0]

    return await connections.read(work)


async def place_of(connections: Connections, position: int) -> Place:
    """The event at a position; at 0 there is none, and the moment is that of the first one.

    Raises BeyondEnd, Unavailable.
    """

    async def work(connection: Connection) -> Place:
        row = await _row(connection, PLACE, position=max(position, 1))
        if position == 0:
            return Place(0, row[1] if row else BEGINNING, "")
        if row is None:
            raise BeyondEnd(await _head(connection))
        return Place(*row)

    return await connections.read(work)


async def _halved(connection: Connection, at: Instant) -> tuple[int, int]:
    row = await _row(connection, POSITION_AT, at=at)
    assert row is not None
    position, head, is_future = row
    if is_future:
        raise Future(at)
    return position, head


async def _head(connection: Connection) -> int:
    row = await _row(connection, HEAD)
    return int(row[0]) if row else 0


async def _row(connection: Connection, query: bytes, **arguments: Any) -> tuple[Any, ...] | None:
    return await (await connection.execute(query, arguments)).fetchone()
