"""The servers that the tests run against: embedded ones, or those that TEST_…_URL name."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from psycopg.conninfo import make_conninfo

from api.embedded_postgres import FAST, Postgres
from api.embedded_valkey import Valkey
from api.processes import give_away

VALKEY_DATABASES = 64
SETTINGS = ("max_connections=200", "min_wal_size=32MB", "max_wal_size=128MB", *FAST)

MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory: there a database is copied in a tenth of the time."""

MEMORY_FREE_MIN_BYTES = 4 * 2**30
"""Four processes of a test run need less than half of it for their servers' data."""


@dataclass(frozen=True)
class Servers:
    """`postgres` is a connection string to the maintenance database, `redis` a URL without database."""

    postgres: str
    redis: str
    redis_databases: int

    def database(self, name: str) -> str:
        """The connection string of another database on the same server."""
        if self.postgres.startswith(("postgresql:///postgres?", "postgres:///postgres?")):
            return self.postgres.replace("/postgres?", f"/{name}?", 1)
        return make_conninfo(self.postgres, dbname=name)

    def redis_database(self, number: int) -> str:
        return f"{self.redis}{'&' if '?' in self.redis else '?'}db={number % self.redis_databases}"


def are_given() -> bool:
    """Whether any server is somebody else's, which processes of one run would take from each other."""
    return bool(os.environ.get("TEST_DATABASE_URL") or os.environ.get("TEST_REDIS_URL"))


@contextmanager
def servers() -> Iterator[Servers]:
    """Servers for a test session; gone with it, however it ends."""
    with ExitStack() as stack:
        postgres, redis = os.environ.get("TEST_DATABASE_URL"), os.environ.get("TEST_REDIS_URL")
        databases = VALKEY_DATABASES if not redis else 16
        folder = stack.enter_context(short_folder(quick_parent()))
        if not postgres:
            postgres = stack.enter_context(own_postgres(folder, *SETTINGS)).url("postgres")
        if not redis:
            redis = stack.enter_context(own_valkey(folder, databases)).url().partition("?")[0]
        yield Servers(postgres, redis, databases)


def quick_parent() -> Path:
    """Where servers keep data that nobody wants to keep: in memory, if there is plenty."""
    with suppress(OSError):
        free = min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available)
        if free >= MEMORY_FREE_MIN_BYTES and os.access(MEMORY, os.W_OK | os.X_OK):
            return MEMORY
    return Path("/tmp")


@contextmanager
def short_folder(parent: Path = Path("/tmp")) -> Iterator[Path]:
    """A temporary folder whose path is short enough for sockets, whatever TMPDIR says."""
    folder = Path(tempfile.mkdtemp(prefix="taskledger-test-", dir=parent))
    (folder / "run").mkdir(mode=0o700)
    give_away(folder / "run")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def own_postgres(folder: Path, *settings: str) -> Iterator[Postgres]:
    """A PostgreSQL of the test's own, to be stopped or killed at will."""
    postgres = Postgres(folder / "postgres", folder / "run", settings)
    try:
        postgres.start()
        postgres.wait_ready()
        yield postgres
    finally:
        postgres.stop()


@contextmanager
def own_valkey(folder: Path, databases: int = 16, *, durable: bool = False) -> Iterator[Valkey]:
    """A Valkey of the test's own, to be stopped or killed at will."""
    valkey = Valkey(folder / "valkey", folder / "run", durable=durable, databases=databases)
    try:
        valkey.start()
        valkey.wait_ready()
        yield valkey
    finally:
        valkey.stop()
