"""What every test may ask for: a migrated database, a clean Redis, an event loop that never blocks."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import psycopg
import pytest
import redis
from blockbuster import blockbuster
from blockbuster.blockbuster import BlockBuster, BlockingError
from psycopg import sql
from redis.asyncio import Redis

from api import passwords
from api.embedded_valkey import Valkey
from events.log import Log
from events.memory import MemoryLog
from events.postgres import open_log
from events.store import EventStore, open_store
from tests.folding import client
from tests.projecting import MASTER_KEY
from tests.quick_passwords import COSTLY, QUICK
from tests.servers import Servers, are_given, own_valkey, servers, short_folder

if TYPE_CHECKING:
    from tests.http import Taskflow

WORKERS_MAX: Final = 4
"""Processes that share the tests: each has a PostgreSQL and a Valkey of its own."""

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

_numbers = itertools.count(1)

# What a shell script starts in the background ignores Ctrl-C, and so would the programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process for each processor; none besides pytest's own where that is quicker or has to be.

    A few files are done before further processes have started their servers, and servers that
    somebody else has given are there once.
    """
    only_files = all(Path(argument.partition("::")[0]).is_file() for argument in config.args)
    return 0 if only_files or are_given() else min(os.cpu_count() or 1, WORKERS_MAX)


def pytest_configure(config: pytest.Config) -> None:
    if config.option.numprocesses and are_given():
        raise pytest.UsageError("processes would share the servers that TEST_…_URL name: add -n 0")


@pytest.fixture(scope="session")
def test_servers() -> Iterator[Servers]:
    """Real PostgreSQL and Valkey servers, shared by the whole run."""
    with servers() as started:
        yield started


@pytest.fixture(scope="session")
def maintenance(test_servers: Servers) -> Iterator[Connection]:
    """The connection by which databases are made and dropped."""
    with psycopg.connect(test_servers.postgres, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def template_database(test_servers: Servers, maintenance: Connection) -> Iterator[str]:
    """The name of a database that is migrated once and copied for each test."""
    from events.migrate import migrate

    with a_database(maintenance, "taskledger_template", "template1") as name:
        migrate(test_servers.database(name))
        yield name


@pytest.fixture
def database_url(test_servers: Servers, maintenance: Connection, template_database: str) -> Iterator[str]:
    """The URL of a fresh, migrated database of this test's own."""
    with a_database(maintenance, f"taskledger_test_{next(_numbers)}", template_database) as name:
        yield test_servers.database(name)


@pytest.fixture
def empty_database_url(test_servers: Servers, maintenance: Connection) -> Iterator[str]:
    """The URL of a database without any table."""
    with a_database(maintenance, f"taskledger_empty_{next(_numbers)}", "template1") as name:
        yield test_servers.database(name)


@pytest.fixture
def redis_url(test_servers: Servers) -> str:
    """The URL of an empty Redis database; the server behind it is shared."""
    return an_empty_redis(test_servers)


def an_empty_redis(test_servers: Servers) -> str:
    url = test_servers.redis_database(next(_numbers))
    client = redis.Redis.from_url(url)
    client.flushdb()
    client.close()
    return url


@pytest.fixture(params=["memory", "postgres"])
def log_place(request: pytest.FixtureRequest) -> str | None:
    """Where a test's log is kept: a test that asks runs on every implementation."""
    return request.getfixturevalue("database_url") if request.param == "postgres" else None


@pytest.fixture
async def log(log_place: str | None) -> AsyncIterator[Log]:
    if log_place is None:
        yield MemoryLog()
    else:
        async with open_log(log_place) as postgres_log:
            yield postgres_log


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[EventStore]:
    """An event store on a ledger of this test's own."""
    async with open_store(database_url, MASTER_KEY) as opened:
        yield opened


@pytest.fixture(name="redis")
async def connected_redis(redis_url: str) -> AsyncIterator[Redis]:
    async with client(redis_url) as connected:
        yield connected


@pytest.fixture(scope="session")
def logs() -> Iterator[None]:
    """Logging as servers do it, from the event loop through a queue into a thread."""
    from api.logs import logging_to

    with logging_to("json", "info"):
        yield


@pytest.fixture
async def taskflow(database_url: str, redis_url: str, logs: None) -> AsyncIterator[Taskflow]:
    """TaskFlow Pro on a ledger of this test's own, its projector running, its admin signed in."""
    from tests.http import taskflow_running

    async with taskflow_running(database_url, redis_url) as server:
        yield server


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    """A Valkey of this test's own, to be stopped at will."""
    with short_folder() as folder, own_valkey(folder, durable=True) as server:
        yield server


@pytest.fixture
async def mortal(database_url: str, valkey: Valkey, logs: None) -> AsyncIterator[Taskflow]:
    """A server whose read model is in `valkey`."""
    from tests.http import taskflow_running

    async with taskflow_running(database_url, valkey.url(), caught_up_timeout_s=0.5) as server:
        yield server


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords cost next to nothing in this process, unless a test asks for `costly_passwords`."""
    monkeypatch.setattr(passwords, "_hasher", QUICK)


@pytest.fixture
def costly_passwords(quick_passwords: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords as servers keep them."""
    monkeypatch.setattr(passwords, "_hasher", COSTLY)


@pytest.fixture(autouse=True)
def never_blocking(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test in which anything blocks the event loop, even where the error is swallowed."""
    seen: list[str] = []

    class Blocked(BlockingError):
        def __init__(self, function: str) -> None:
            super().__init__(function)
            seen.append(function)

    monkeypatch.setattr(blockbuster, "BlockingError", Blocked)
    guard = BlockBuster()
    for function in guard.functions.values():
        # Each new connection looks the client's own version up, a small file that is always cached.
        function.can_block_in("redis/utils.py", "get_lib_version")
        # pytest copies every log line to a file.
        function.can_block_in("logging/__init__.py", "emit")
    guard.activate()
    try:
        yield
    finally:
        guard.deactivate()
    assert not seen, f"the event loop was blocked by {', '.join(seen)}"


@contextmanager
def a_database(maintenance: Connection, name: str, template: str) -> Iterator[str]:
    """A copy of `template` under this name; one that an interrupted run has left is dropped before."""
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    # Files are copied as they are: what that costs a server in checkpoints is nothing without fsync.
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
    maintenance.execute(drop)
    maintenance.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield name
    finally:
        maintenance.execute(drop)
