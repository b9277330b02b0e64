"""A database that is examined, and the questions that all checks of it ask alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from api.settings import Settings

APPLICATION_ROLE: Final = "taskledger_app"
TIMEOUT_S: Final = 3

Connection = psycopg.Connection[tuple[Any, ...]]


def connected(url: str) -> Connection:
    """A connection as DATABASE_URL says. Raises psycopg.Error, whose words never hold the password."""
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # The library would name the part that it cannot read, or all of it.
        raise psycopg.OperationalError("DATABASE_URL cannot be read") from None
    return psycopg.connect(url, autocommit=True, connect_timeout=TIMEOUT_S)


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
