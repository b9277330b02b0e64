"""What figures are measured on: a PostgreSQL and a Valkey of the run's own, databases for each figure."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
import redis

from api.embedded_postgres import Postgres
from api.embedded_valkey import Valkey
from benchmarks.processes import ended_well, python
from events.migrate import migrate
from tests.servers import VALKEY_DATABASES, own_postgres, own_valkey, short_folder

CONNECTIONS_MAX: Final = 300
EMPTY: Final = "made_empty"
"""The database with nothing but the schema, which others are copies of."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: `seconds` is how long one measurement of a rate goes on."""

    is_quick: bool
    repeats: int
    seconds: float


FULL: Final = Effort(is_quick=False, repeats=5, seconds=2.0)
QUICK: Final = Effort(is_quick=True, repeats=3, seconds=0.5)


@dataclass(frozen=True, slots=True)
class OwnServers:
    """URLs of a database and a Redis database that nobody else uses."""

    database_url: str
    redis_url: str


class ServerBench:
    """A `Bench` on real servers which keep their data as in production: PostgreSQL flushes every commit."""

    def __init__(self, postgres: Postgres, valkey: Valkey, folder: Path, effort: Effort) -> None:
        self.is_quick, self.repeats, self.seconds = effort.is_quick, effort.repeats, effort.seconds
        self.folder = folder
        self._postgres = postgres
        self._valkey = valkey
        self._numbers = itertools.count(1)
        self._given: list[tuple[str, str]] = []
        self._made = set[str]()

    def say(self, text: str) -> None:
        print(f"  {text}", file=sys.stderr, flush=True)

    def versions(self) -> dict[str, str]:
        """Of the two servers."""
        with psycopg.connect(self._postgres.url("postgres")) as connection:
            (postgres,) = connection.execute("show server_version").fetchone() or ("unknown",)
        with redis.Redis.from_url(self._valkey.url()) as connected:
            valkey = connected.info("server")["valkey_version"]
        return {"postgres": postgres, "valkey": valkey}

    async def empty(self) -> OwnServers:
        return self._copy(self._empty())

    async def without_schema(self) -> OwnServers:
        return self._copy("template1")

    async def with_log(self, events: int) -> OwnServers:
        return self._copy(await self._filled(events))

    def give_back(self) -> None:
        """Remove what the figure before was given, except the logs that others may want again."""
        while self._given:
            name, url = self._given.pop()
            self._maintain(f'drop database "{name}" with (force)')
            with redis.Redis.from_url(url) as connected:
                connected.flushdb()

    def _empty(self) -> str:
        if EMPTY not in self._made:
            self._maintain(f'create database "{EMPTY}"')
            migrate(self._postgres.url(EMPTY))
            self._made.add(EMPTY)
        return EMPTY

    async def _filled(self, events: int) -> str:
        name = f"made_{events}"
        if name not in self._made:
            self.say(f"making a log of {events:,} events, once")
            self._maintain(f'drop database if exists "{name}"')
            self._maintain(f'create database "{name}" template "{self._empty()}"')
            log = self.folder / "filling.log"
            made = ("-m", "benchmarks.made_history", self._postgres.url(name), str(events))
            with python(*made, log=log) as process:
                await ended_well(process, log)
            # Otherwise PostgreSQL does it of itself, in the middle of what is measured.
            self._maintain("vacuum (freeze, analyze)", name)
            self._made.add(name)
        return name

    def _copy(self, template: str) -> OwnServers:
        number = next(self._numbers)
        name = f"bench_{number}"
        # Copying files is the quicker way for a large database, which nobody is connected to.
        self._maintain(f'create database "{name}" template "{template}" strategy file_copy')
        redis_url = self._valkey.url(number % VALKEY_DATABASES)
        self._given.append((name, redis_url))
        return OwnServers(self._postgres.url(name), redis_url)

    def _maintain(self, statement: str, database: str = "postgres") -> None:
        with psycopg.connect(self._postgres.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def bench(effort: Effort) -> Iterator[ServerBench]:
    """Servers for one run; gone with it, however it ends."""
    with (
        short_folder() as folder,
        own_postgres(folder, f"max_connections={CONNECTIONS_MAX}") as postgres,
        own_valkey(folder, VALKEY_DATABASES, durable=True) as valkey,
    ):
        yield ServerBench(postgres, valkey, folder, effort)
