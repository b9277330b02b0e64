"""The queries of this package, read once from the files beside the code."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from events.connections import Connection, Connections

FOLDER: Final = Path(__file__).parent / "sql"


def query(name: str) -> bytes:
    return (FOLDER / f"{name}.sql").read_bytes()


async def rows(connections: Connections, sql: bytes, **arguments: Any) -> list[tuple[Any, ...]]:
    """What a query returns; it may be run twice. Raises Unavailable."""

    async def work(connection: Connection) -> list[tuple[Any, ...]]:
        cursor = await connection.execute(sql, arguments)
        return await cursor.fetchall() if cursor.description else []

    return await connections.read(work)
