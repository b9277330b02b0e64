"""The index of events: filled behind the log, by one process at a time, from whole blocks of the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import psycopg

from events.connections import Connection, Connections, reason
from events.errors import StoreError
from events.index_blocks import BLOCK
from events.index_pace import Batch, IndexBounds, Pace

SQL: Final = Path(__file__).parent / "sql"
STATE, BEGIN, LOCK, FILL = (
    (SQL / f"index_{name}.sql").read_bytes() for name in ("state", "begin", "lock", "fill")
)
HEAD: Final = (SQL / "head.sql").read_bytes()

logger = logging.getLogger(__name__)


async def keep_filling(database_url: str, bounds: IndexBounds | None = None) -> None:
    """Index whatever is appended until cancelled. Any number of processes may: they take turns."""
    bounds = bounds or IndexBounds()
    connections = connections_to_fill(database_url, bounds)
    pace, now_s = Pace(bounds), asyncio.get_running_loop().time
    try:
        while True:
            try:
                began_s = now_s()
                batch = await _batch(connections, bounds, pace.blocks_max)
                pause_s = pace.pause_s(batch, began_s, now_s())
            except (StoreError, psycopg.Error, OSError) as error:
                logger.warning("the index of events is not filled: %s", reason(error))
                pause_s = bounds.retry_s
            except Exception:
                # Whoever does this beside other work must not end it, nor stop filling unnoticed.
                logger.exception("the index of events is not filled")
                pause_s = bounds.retry_s
            await asyncio.sleep(pause_s)
    finally:
        await connections.close()


def connections_to_fill(database_url: str, bounds: IndexBounds) -> Connections:
    """One connection, on which a batch has the time that it needs."""
    return Connections(
        database_url,
        connections_max=1,
        connect_timeout_s=bounds.connect_timeout_s,
        call_timeout_s=bounds.batch_timeout_s,
    )


async def fill(connections: Connections, bounds: IndexBounds) -> int:
    """Index the next batch; the events in it, 0 when there is no whole block, or somebody else is at it.

    The index of another log is thrown away first. Raises psycopg.Error, Unavailable.
    """

    return (await _batch(connections, bounds, bounds.batch_blocks_max)).events


async def _batch(connections: Connections, bounds: IndexBounds, blocks_max: int) -> Batch:
    async def work(connection: Connection) -> Batch:
        async with connection.transaction():
            locked = await _row(connection, LOCK, {"work_memory": bounds.work_memory})
            return await _fill(connection, blocks_max) if locked and locked[-1] else Batch(0, None)

    return await connections.run(work)


async def _fill(connection: Connection, blocks_max: int) -> Batch:
    after, head = await _complete_to(connection), await _row(connection, HEAD)
    assert head is not None, "an empty log has the head 0"
    events = min((int(head[0]) - after) // BLOCK, blocks_max) * BLOCK
    if events:
        await connection.execute(FILL, {"after": after, "upto": after + events})
    return Batch(events, int(head[0]))


async def _complete_to(connection: Connection) -> int:
    state = await _row(connection, STATE)
    if state is not None:
        return int(state[0])
    # Two commands, which no prepared statement holds.
    await connection.execute(BEGIN, prepare=False)
    return 0


async def _row(
    connection: Connection, query: bytes, arguments: Mapping[str, Any] | None = None
) -> tuple[Any, ...] | None:
    return await (await connection.execute(query, arguments)).fetchone()
