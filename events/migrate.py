"""Migrations: numbered SQL files, each applied once, in order, by one process at a time."""

from __future__ import annotations

import hashlib
from pathlib import Path

import psycopg

from events.errors import StoreError

FOLDER = Path(__file__).parent / "migrations"
APPLICATION_ROLE = Path(__file__).parent / "sql" / "application_role.sql"
# Two 32-bit halves of an advisory lock's key; the log's own lock has the same first half.
LOCK = "select pg_advisory_lock(1952543859, 2)"
RECORDS = """
create table if not exists schema_migrations (
    name       text primary key,
    checksum   text not null,
    applied_at timestamptz not null default clock_timestamp()
)"""


class MigrationChanged(StoreError):
    """A migration that was applied reads differently now, so nobody knows the schema any more."""


def migrate(database_url: str, *, lock_timeout_s: int = 60, connect_timeout_s: int = 10) -> list[str]:
    """Bring the database up to date; the names of the migrations applied, none when it was.

    Safe to run again, and by several processes at once: the others wait, `lock_timeout_s` at most,
    and find nothing left to do. Raises MigrationChanged, or psycopg.Error as the database gave it.
    """
    with psycopg.connect(database_url, autocommit=True, connect_timeout=connect_timeout_s) as connection:
        connection.execute(f"set lock_timeout = '{lock_timeout_s}s'")
        connection.execute(LOCK)
        connection.execute(RECORDS)
        names = [apply(connection, path) for path in unapplied(connection)]
        connection.execute(APPLICATION_ROLE.read_bytes())
        return names


def pending(database_url: str, *, connect_timeout_s: int = 10) -> list[str]:
    """The migrations still to be applied. Raises as `migrate` does."""
    with psycopg.connect(database_url, autocommit=True, connect_timeout=connect_timeout_s) as connection:
        if connection.execute("select to_regclass('schema_migrations')").fetchone() == (None,):
            return [path.name for path in files()]
        return [path.name for path in unapplied(connection)]


def apply(connection: psycopg.Connection, path: Path) -> str:
    with connection.transaction():
        connection.execute(path.read_bytes())
        connection.execute(
            "insert into schema_migrations (name, checksum) values (%s, %s)", (path.name, checksum(path))
        )
    return path.name


def unapplied(connection: psycopg.Connection) -> list[Path]:
    applied: dict[str, str] = dict(
        connection.execute("select name, checksum from schema_migrations").fetchall()
    )
    for path in files():
        if applied.get(path.name, checksum(path)) != checksum(path):
            raise MigrationChanged(
                f"migration {path.name} was changed after it was applied: restore the file, "
                "and put the change into a new migration"
            )
    return [path for path in files() if path.name not in applied]


def files() -> list[Path]:
    return sorted(FOLDER.glob("[0-9][0-9][0-9][0-9]_*.sql"))


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
