"""The log in Postgres: groups of appends in one round trip each, and reads by stream and position."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from events.columns import use_instants
from events.connections import Connections, Prepared
from events.feed import Feed
from events.group_writer import SQL, GroupWriter
from events.log import Appended, RawAppend, Stored

HEAD = (SQL / "head.sql").read_bytes()
READ = (SQL / "read.sql").read_bytes()
READ_AT = (SQL / "read_at.sql").read_bytes()
READ_STREAMS = (SQL / "read_streams.sql").read_bytes()
READ_SINCE = (SQL / "read_since.sql").read_bytes()
LOG_ID = b"select log_id::text from log_identity"
NEXT_IDS = b"select nextval(%s::regclass) from generate_series(1, %s)"
USER_KEYS = b"select user_id, wrapped_key from user_keys where user_id = any(%s::bigint[])"

SEQUENCES = frozenset({"user", "department", "project", "task", "risk", "expense", "tag"})


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long the log may take, in seconds, and how many connections it may hold.

    An append whose answer is lost is sent again for `outcome_timeout_s` before it counts as unknown.
    """

    read_connections_max: int = 4
    connect_timeout_s: float = 3.0
    read_timeout_s: float = 5.0
    append_timeout_s: float = 5.0
    outcome_timeout_s: float = 5.0
    poll_interval_s: float = 0.25
    listen_retry_max_s: float = 2.0
    ids_max: int = 10_000


class PostgresLog:
    """See `events.log.Log`. Made by `open_log`; every method raises Unavailable or ends in time."""

    def __init__(self, database_url: str, bounds: Bounds) -> None:
        self._bounds = bounds
        self._reading = Connections(
            database_url,
            connections_max=bounds.read_connections_max,
            connect_timeout_s=bounds.connect_timeout_s,
            call_timeout_s=bounds.read_timeout_s,
            prepare=use_instants,
        )
        self._writer = GroupWriter(
            database_url, bounds.connect_timeout_s, bounds.append_timeout_s, bounds.outcome_timeout_s
        )
        self._feed = Feed(database_url, self.head, bounds.poll_interval_s, bounds.listen_retry_max_s)

    @property
    def pools(self) -> Mapping[str, Connections]:
        """The connections to the database, by what they are for."""
        return {"log_read": self._reading, "log_append": self._writer.connections}

    async def close(self) -> None:
        await self._feed.close()
        await self._writer.close()
        await self._reading.close()

    async def append_group(self, appends: Sequence[RawAppend]) -> list[Appended | Exception]:
        return await self._writer.append_group(appends) if appends else []

    async def outcome(self, command_id: str) -> Appended | None:
        return await self._writer.outcome(command_id)

    async def confirm(self) -> None:
        await self._writer.connections.confirm()

    async def read_streams(self, streams: Collection[str], after: int = 0) -> Mapping[str, list[Stored]]:
        return _by_stream(streams, await self._rows(READ_STREAMS, list(streams), after))

    async def read_since(self, versions: Mapping[str, int]) -> Mapping[str, list[Stored]]:
        return _by_stream(versions, await self._rows(READ_SINCE, list(versions), list(versions.values())))

    async def read(self, after: int, limit: int) -> list[Stored]:
        return list(map(Stored._make, await self._rows(READ, after, limit)))

    async def read_at(self, positions: Collection[int]) -> list[Stored]:
        return list(map(Stored._make, await self._rows(READ_AT, list(positions))))

    async def head(self) -> int:
        return int((await self._rows(HEAD))[0][0])

    async def log_id(self) -> str:
        return str((await self._rows(LOG_ID))[0][0])

    async def next_ids(self, sequence: str, count: int) -> list[int]:
        if sequence not in SEQUENCES:
            raise ValueError(f"there is no sequence {sequence!r}")
        if not 0 < count <= self._bounds.ids_max:
            raise ValueError(f"{count} ids at once; 1 to {self._bounds.ids_max} is the rule")
        return [row[0] for row in await self._rows(NEXT_IDS, f"{sequence}_ids", count)]

    async def user_keys(self, user_ids: Collection[int]) -> Mapping[int, bytes]:
        return {row[0]: row[1] for row in await self._rows(USER_KEYS, list(user_ids))}

    async def wait(self, after: int, timeout_s: float) -> bool:
        return await self._feed.wait(after, timeout_s)

    async def _rows(self, query: bytes, *arguments: Any) -> list[tuple[Any, ...]]:
        return await self._reading.read(Prepared(query, arguments))


def _by_stream(streams: Collection[str], rows: Iterable[tuple[Any, ...]]) -> dict[str, list[Stored]]:
    found: dict[str, list[Stored]] = {stream: [] for stream in streams}
    for row in rows:
        found[row[0]].append(Stored._make(row))
    return found


@asynccontextmanager
async def open_log(database_url: str, bounds: Bounds | None = None) -> AsyncIterator[PostgresLog]:
    """The log in a migrated database. Connects when first used, and again whenever it must."""
    log = PostgresLog(database_url, bounds or Bounds())
    try:
        yield log
    finally:
        await log.close()
