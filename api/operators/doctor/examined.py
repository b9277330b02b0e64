"""A database that is examined, and the questions that all checks of it ask alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import psycopg

from api.settings import Settings

APPLICATION_ROLE: Final = "taskledger_app"
TIMEOUT_S: Final = 3

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Examined:
    """A database, connected to as DATABASE_URL says. Without `settings` they could not be read."""

    connection: Connection
    url: str = field(repr=False)
    settings: Settings | None

    def row(self, query: str) -> tuple[Any, ...]:
        """The one row of a query that may name `%(role)s`, the program's role. Raises psycopg.Error."""
        found = self.connection.execute(query, {"role": APPLICATION_ROLE}).fetchone()
        assert found is not None, "it asks for one row"
        return found
