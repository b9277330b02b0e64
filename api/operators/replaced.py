"""What is where a backup is to be restored: whether it may be filled, and who was erased there."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import redis

from api.exits import CannotRun, InConflict
from api.metrics.sharing import KEEP_S, PROCESSES_MAX
from api.operators.backups import Backup
from events.connections import reason
from readmodels.keys import PROCESS, PROCESSES

FOLDER: Final = Path(__file__).parent / "sql"
TARGET, KEYLESS, FIRST = (
    (FOLDER / f"restore_{name}.sql").read_bytes() for name in ("target", "keyless", "first")
)
HAS_PEOPLE: Final = (
    b"select to_regclass('stored_events') is not null and to_regclass('user_keys') is not null"
)
TIMEOUT_S: Final = 10
SHOWN_MAX: Final = 20
PROBE: Final = f"{PROCESS}restore"

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """The database before a restore: `server` is its version, `first_event_id` tells logs apart.

    `erased` are people without a key who were deleted there, `keyless` those who were not: whether
    they were erased, or their keys lost, only operators know.
    """

    server: int
    first_event_id: str | None = None
    erased: tuple[int, ...] = ()
    keyless: tuple[int, ...] = ()


def replaced(database_url: str, backup: Backup, *, is_replacing: bool) -> Replaced:
    """Raises InConflict where the database is in use, or not empty and not to be replaced; CannotRun."""
    try:
        with psycopg.connect(database_url, connect_timeout=TIMEOUT_S) as connection:
            server = _usable(connection, backup, is_replacing=is_replacing)
            return _people(connection, server) if is_replacing else Replaced(server=server)
    except psycopg.Error as error:
        raise CannotRun(f"the database refused: {reason(error)}; nothing was changed") from None


def _usable(connection: Connection, backup: Backup, *, is_replacing: bool) -> int:
    """The version of the server."""
    found = connection.execute(TARGET).fetchone()
    assert found, "it asks for one row"
    things, others, server, schema = found
    if others:
        raise InConflict(
            f"{others} connections use the database: stop `serve`, `project` and all tools, then restore"
        )
    if things and not is_replacing:
        raise InConflict("the database is not empty: restore into an empty one, or say --replace")
    if server // 10_000 < backup.postgresql // 10_000:
        raise CannotRun(
            f"the backup is of PostgreSQL {backup.postgresql // 10_000}, this server is {server // 10_000}:"
            " restore to one that is as new"
        )
    if schema != backup.schema:
        raise CannotRun(
            f"the backup is of the schema {backup.schema}, and the user's first one here is {schema}:"
            f" make a schema {backup.schema}, and let the user's search_path begin with it"
        )
    return int(server)


def _people(connection: Connection, server: int) -> Replaced:
    if connection.execute(HAS_PEOPLE).fetchone() != (True,):
        return Replaced(server=server)
    first = connection.execute(FIRST).fetchone()
    people = connection.execute(KEYLESS).fetchall()
    return Replaced(
        server=server,
        first_event_id=str(first[0]) if first else None,
        erased=tuple(user_id for user_id, is_deleted in people if is_deleted),
        keyless=tuple(user_id for user_id, is_deleted in people if not is_deleted),
    )


def must_be_told(found: Replaced, erased: Sequence[int]) -> None:
    """Nobody is erased because keys were lost, nor comes back because nobody asked. Raises InConflict."""
    unclear = [user_id for user_id in found.keyless if user_id not in erased]
    if unclear:
        raise InConflict(
            f"{len(unclear)} people have no key in the ledger that is to be replaced, and were never deleted"
            f" ({listed(unclear)}): name those who were erased by --erase, and say --keep-people if the keys"
            " of the others were lost"
        )


def listed(user_ids: Sequence[int]) -> str:
    shown = ", ".join(map(str, user_ids[:SHOWN_MAX]))
    return shown if len(user_ids) <= SHOWN_MAX else f"{shown} and {len(user_ids) - SHOWN_MAX} more"


def must_be_free(redis_url: str) -> None:
    """Before the database is changed: Redis takes writes, and nobody works with what is removed from it.

    Raises InConflict, CannotRun.
    """
    try:
        with contextlib.closing(
            redis.Redis.from_url(redis_url, socket_connect_timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S)
        ) as client:
            client.set(PROBE, b"", ex=KEEP_S)
            alive = client.zrevrangebyscore(
                PROCESSES, "+inf", time.time() - KEEP_S, start=0, num=PROCESSES_MAX
            )
    except (redis.RedisError, OSError) as error:
        raise CannotRun(f"Redis takes no writes: {error}; nothing was changed") from None
    if alive:
        raise InConflict(
            f"{len(alive)} processes of a ledger use this Redis, and would lose their read models: stop them"
            f" (if they were killed, wait {KEEP_S} seconds), or name another Redis by REDIS_URL"
        )
