"""Backing a ledger up, while it runs or not: all tables as they were at one moment."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import psycopg
from psycopg import sql

from api.exits import CannotRun, NotThere
from api.operators.backups import DUMP, FORMAT, Backup, Dump, key_check
from api.operators.drafts import Draft, said_plainly
from api.operators.instruments import instruments
from api.operators.manifests import CHUNK_BYTES, write_manifest
from api.operators.postgres_tools import last_words, tools_for
from api.settings import Settings
from api.version import version
from commands.context import SYSTEM
from commands.operations import BackUpLedger, permitted
from events.connections import reason
from events.errors import StoreError
from events.instants import now
from events.keys import Keyring, WrongMasterKey
from events.migrate import pending

FOLDER: Final = Path(__file__).parent / "sql"
FACTS, TABLES = ((FOLDER / f"backup_{name}.sql").read_bytes() for name in ("facts", "tables"))
CONNECT_TIMEOUT_S: Final = 10
LOCK_TIMEOUT_MS: Final = 30_000
BEGIN: Final = b"""
begin transaction isolation level repeatable read, read only;
set local idle_in_transaction_session_timeout = 0;
set local statement_timeout = 0;
"""
KEEPALIVE: Final[dict[str, Any]] = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""In seconds, and times: networks forget connections on which nothing is said while the dump is made."""

SOMEBODYS_KEY: Final = b"select user_id, wrapped_key from user_keys limit 1"
OPTIONS: Final = ("--format=custom", "--no-owner", "--no-privileges", "--encoding=UTF8", "--no-password")

Progress = Callable[[int], None]
Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Made:
    """`is_recorded` is whether the log remembers it, which needs a database that can be written to."""

    backup: Backup
    is_recorded: bool

    def as_json(self) -> dict[str, Any]:
        """What an operator wants to know; the manifest has more."""
        backup = self.backup
        return {
            "made_at": backup.made_at,
            "log_id": backup.log_id,
            "position": backup.last_position,
            "rows": sum(backup.rows.values()),
            "bytes": backup.dump.bytes,
            "sha256": backup.dump.sha256,
            "is_recorded": self.is_recorded,
        }


def back_up(settings: Settings, target: Path, why: str, progress: Progress = lambda _: None) -> Made:
    """Write the new folder `target`; `progress` is told the bytes so far.

    A ledger that runs goes on meanwhile. Nothing is left of a backup that fails. Raises InConflict when the
    target exists, NotThere where there is no ledger, CannotRun, Refusal.
    """
    permitted(why, SYSTEM)
    with said_plainly(target):
        draft = Draft(target)
        try:
            backup = _written(settings, draft.path, progress)
            draft.must_be_free()
            is_recorded = _recorded(settings, backup, why)
            draft.keep()
        finally:
            draft.remove()
    return Made(backup, is_recorded)


def _written(settings: Settings, folder: Path, progress: Progress) -> Backup:
    try:
        # Closed without a commit: whether this connection outlives the dump makes no difference to it.
        with contextlib.closing(_connected(settings.database_url)) as connection:
            connection.execute(BEGIN + f"set local lock_timeout = {LOCK_TIMEOUT_MS}".encode())
            backup = _dumped(connection, settings, folder, progress)
    except psycopg.errors.LockNotAvailable:
        raise CannotRun(
            f"somebody has kept a table of the ledger locked for {LOCK_TIMEOUT_MS // 1000} seconds: see who"
            " waits or works in pg_stat_activity and pg_locks, then back up again"
        ) from None
    except psycopg.errors.UndefinedTable:
        raise NotThere("the database holds no ledger: there is nothing to back up") from None
    except psycopg.Error as error:
        raise CannotRun(f"the database cannot be read: {reason(error)}") from None
    write_manifest(folder, backup.as_json())
    return backup


def _connected(database_url: str) -> Connection:
    return psycopg.connect(database_url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, **KEEPALIVE)


def _dumped(connection: Connection, settings: Settings, folder: Path, progress: Progress) -> Backup:
    """The dump and the counts see the same moment: both look at this connection's snapshot."""
    facts = connection.execute(FACTS).fetchone()
    snapshot = connection.execute("select pg_export_snapshot()").fetchone()
    if facts is None or snapshot is None:
        raise NotThere("the database holds no ledger: there is nothing to back up")
    _must_open_a_key(connection.execute(SOMEBODYS_KEY).fetchone(), settings.master_key)
    log_id, schema, server, position, event_id, migrations = facts
    return Backup(
        format=FORMAT,
        taskledger=version(),
        made_at=now(),
        postgresql=server,
        schema=schema,
        migrations=dict(sorted(migrations.items())),
        log_id=log_id,
        last_position=position,
        last_event_id=event_id,
        rows=_rows(connection),
        master_key_check=key_check(settings.master_key),
        dump=_dump(settings.database_url, server, (schema, str(snapshot[0])), folder, progress),
    )


def _rows(connection: Connection) -> Mapping[str, int]:
    found = {}
    for (table,) in connection.execute(TABLES).fetchall():
        row = connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table))).fetchone()
        found[table] = int(row[0]) if row else 0
    return found


def _must_open_a_key(found: tuple[int, bytes] | None, master_key: bytes) -> None:
    """A backup says which master key it needs: that has to be the right one. Raises CannotRun."""
    if found is None:
        return
    try:
        Keyring(master_key).learn([found[0]], {found[0]: found[1]})
    except WrongMasterKey:
        raise CannotRun(
            "the master key is not the one of this ledger, and nothing can be restored with another one: give"
            " the right TASKLEDGER_MASTER_KEY, or the data folder that holds it"
        ) from None


def _dump(database_url: str, server: int, seen: tuple[str, str], folder: Path, progress: Progress) -> Dump:
    """`seen` is the schema and the snapshot. What extensions made is none of the ledger's."""
    tools, (schema, snapshot) = tools_for(server, database_url), seen
    pattern = '"' + schema.replace('"', '""') + '"'
    options = (
        *OPTIONS,
        f"--schema={pattern}",
        f"--snapshot={snapshot}",
        f"--lock-wait-timeout={LOCK_TIMEOUT_MS}",
    )
    with tempfile.TemporaryFile() as said, (folder / DUMP).open("xb") as file:
        process = tools.start("pg_dump", *options, said=said, stdout=subprocess.PIPE)
        try:
            assert process.stdout, "it is a pipe"
            dump = _kept(process.stdout, file, progress)
            if process.wait():
                raise CannotRun(f"pg_dump failed: {last_words(said)}")
        finally:
            process.kill()
            process.communicate()
    return dump


def _kept(source: IO[bytes], file: IO[bytes], progress: Progress) -> Dump:
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK_BYTES):
        file.write(chunk)
        digest.update(chunk)
        size += len(chunk)
        progress(size)
    file.flush()
    os.fsync(file.fileno())
    return Dump(DUMP, size, digest.hexdigest())


def _recorded(settings: Settings, backup: Backup, why: str) -> bool:
    """Not before an upgrade is migrated, nor on a full disk: a backup is needed there all the same."""
    if pending(settings.database_url):
        return False
    try:
        asyncio.run(_record(settings, BackUpLedger(position=backup.last_position, reason=why)))
    except StoreError:
        return False
    return True


async def _record(settings: Settings, command: object) -> None:
    async with instruments(settings) as tools:
        await tools.record(command)
