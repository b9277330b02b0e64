"""Dead letters: events that were not folded, kept in Postgres for operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from events.connections import Connection, Connections
from projections.queries import query
from readmodels.changes import DeadLetter

ADD: Final = query("dead_letter_add")


async def keep(connections: Connections, generation: int, letters: Sequence[DeadLetter]) -> None:
    """Keep dead letters, once each however often this is called. Raises Unavailable."""
    values = [
        letter._asdict()
        | {
            "generation": generation,
            # PostgreSQL holds no NUL in a text; a letter that it refused would stop everything.
            "error": letter.error.replace("\0", "\\0"),
            "documents": [f"{ref.kind}:{ref.id}" for ref in letter.documents],
        }
        for letter in letters
    ]

    async def work(connection: Connection) -> None:
        async with connection.cursor() as cursor:
            await cursor.executemany(ADD, values)

    await connections.read(work)
