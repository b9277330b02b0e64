"""How moments of the database arrive in Python: as instants, without a detour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from psycopg.adapt import Buffer, Loader
from psycopg.pq import Format

from events.connections import Connection
from events.instants import Instant, instant

POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MINUTE_US = 60_000_000
MINUTE_CHARACTERS = len("2025-07-01T00:00:")


@lru_cache(maxsize=1024)
def instant_of(microseconds: bytes) -> Instant:
    """The instant that `timestamptz` has on the wire; all events of a group have the same."""
    minutes, rest = divmod(int.from_bytes(microseconds, "big", signed=True), MINUTE_US)
    digits = f"{rest:08}"
    return f"{minute_of(minutes)}{digits[:2]}.{digits[2:]}Z"


@lru_cache(maxsize=10_000)
def minute_of(minutes: int) -> str:
    """How all instants of a minute begin, which is what takes long: `2025-07-01T00:00:`."""
    return instant(POSTGRES_EPOCH + timedelta(minutes=minutes))[:MINUTE_CHARACTERS]


class InstantLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> Instant:
        return instant_of(bytes(data))


def use_instants(connection: Connection) -> None:
    """Load binary `timestamptz` as instants on this connection."""
    connection.adapters.register_loader("timestamptz", InstantLoader)
