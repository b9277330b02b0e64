"""PostgreSQL in the lab: a primary and its standby, to be killed, stopped, failed over and made again."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal

import psutil
import psycopg

from api.embedded import DATABASE
from api.embedded_postgres import Postgres, postgres_program
from api.processes import as_unprivileged, end, give_away
from tests.faults.nodes import family, kill, send, started

NODES: Final = ("pg-a", "pg-b")
"""Folders of the two servers; the first one begins as the primary."""

STANDBY: Final = "standby"
PRIMARY: Final = "pg-a"
"""The folder of the first primary."""

SETTINGS: Final = (
    "max_connections=200",
    "min_wal_size=48MB",
    "max_wal_size=256MB",
    "wal_keep_size=64MB",
    "wal_receiver_timeout=5s",
    "wal_retrieve_retry_interval=200ms",
)
FOLLOWS_TIMEOUT_S: Final = 30.0
BACKENDS_TIMEOUT_S: Final = 10.0
LOOK_INTERVAL_S: Final = 0.05
ENDS: Final[Mapping[str, signal.Signals]] = {
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}
"""How `pg_ctl stop` asks, by its modes."""

FOLLOWING = "select sync_state from pg_stat_replication where application_name = %s and state = 'streaming'"
HEAD = "select max(notification_id) from stored_events"
CANCEL_WAITS = (
    "select count(pg_cancel_backend(pid)) from pg_stat_activity where wait_event = 'SyncRep'",
    "select count(pg_terminate_backend(pid)) from pg_stat_activity where wait_event = 'SyncRep'",
)


class Cluster:
    """Two servers: `primary` takes writes, the other one follows it through a link at `replication_port`.

    With `is_synchronous` each commit waits for the standby, as soon as there is one.
    """

    def __init__(self, folder: Path, *, is_synchronous: bool, replication_port: Callable[[], int]) -> None:
        self._is_synchronous = is_synchronous
        self._replication_port = replication_port
        self.primary, self.standby = (
            Postgres(folder / name / "postgres", folder / name / "run", SETTINGS) for name in NODES
        )
        for node in (self.primary, self.standby):
            node.sockets.mkdir(parents=True, mode=0o700)
            give_away(node.sockets)
        self.has_standby = False
        self.failovers = 0

    @property
    def primary_url(self) -> str:
        """The ledger's database on the present primary, by its socket."""
        return self.primary.url(DATABASE)

    def socket(self) -> Path:
        """Where the present primary listens."""
        return self.primary.sockets / ".s.PGSQL.5432"

    async def begin(self) -> None:
        """Make the primary, with an empty database for the ledger."""
        await self.start()
        await asyncio.to_thread(self.primary.ensure_database, DATABASE)

    async def start(self) -> None:
        """Start the primary where it stands, if it does not run, and wait until it takes connections."""
        await asyncio.to_thread(started, self.primary)

    async def kill(self) -> None:
        """What `kill -9` of every one of the primary's processes does."""
        await asyncio.to_thread(kill, self.primary)

    async def kill_backend(self, chance: Callable[[list[psutil.Process]], psutil.Process]) -> None:
        """Kill one process that serves a client, after which PostgreSQL ends all of them and recovers.

        Raises TimeoutError where there never is one.
        """
        async with asyncio.timeout(BACKENDS_TIMEOUT_S):
            while not (backends := self.backends()):  # noqa: ASYNC110 - another process
                await asyncio.sleep(LOOK_INTERVAL_S)
        with suppress(psutil.NoSuchProcess):
            chance(backends).kill()

    async def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Stop the primary as `pg_ctl stop` does."""
        assert self.primary.process
        await asyncio.to_thread(end, self.primary.process, (ENDS[mode], 20.0))

    def suspend(self) -> None:
        """Freeze the primary: its connections stay and nobody answers."""
        send(self.primary, signal.SIGSTOP)

    def resume(self) -> None:
        send(self.primary, signal.SIGCONT)

    def suspend_standby(self) -> None:
        send(self.standby, signal.SIGSTOP)

    def resume_standby(self) -> None:
        send(self.standby, signal.SIGCONT)

    def backends(self) -> list[psutil.Process]:
        """The primary's processes that serve clients on the ledger's database."""
        return [one for one in family(self.primary)[1:] if f" {DATABASE} " in _title(one)]

    async def cancel_sync_waits(self, *, ends_connection: bool = False) -> int:
        """Cancel the waits for the standby that go on now, or end their connections; how many there were."""
        found = await self.ask(CANCEL_WAITS[ends_connection])
        return int(found[0][0])

    async def events_behind(self) -> int:
        """How many events of the log the standby lacks, also such that nobody was promised."""
        here = await self.ask(HEAD)
        there = await asyncio.to_thread(_rows, self.standby.url(DATABASE), HEAD, ())
        return int(here[0][0] or 0) - int(there[0][0] or 0)

    async def fail_over(self) -> None:
        """Kill the primary if it lives, and let the standby take its place; there is no standby then."""
        await self.kill()
        self.resume_standby()
        self.primary, self.standby = self.standby, self.primary
        self.has_standby = False
        self.failovers += 1
        await asyncio.to_thread(_promoted, self.primary)

    async def rebuild_standby(self) -> None:
        """Make the standby anew as a copy of the primary, and wait until it follows."""
        await asyncio.to_thread(self._copy)
        await asyncio.to_thread(started, self.standby)
        self.has_standby = True
        await self.until_followed()
        if self._is_synchronous:
            await self.ask(f"alter system set synchronous_standby_names = '{STANDBY}'")
            await self.ask("select pg_reload_conf()")
            await self.until_followed("sync")

    async def heal(self) -> None:
        """Both run, and the standby follows: restarted where that is enough, else made again."""
        self.resume()
        await self.start()
        if not self.has_standby:
            await self.rebuild_standby()
        self.resume_standby()
        await asyncio.to_thread(started, self.standby)
        await self.until_followed("sync" if self._is_synchronous else "async")

    async def until_followed(self, sync_state: str | None = None) -> None:
        """Wait until the standby streams from the primary. Raises TimeoutError."""
        async with asyncio.timeout(FOLLOWS_TIMEOUT_S):
            while not await self._is_followed(sync_state):  # noqa: ASYNC110 - another process
                await asyncio.sleep(LOOK_INTERVAL_S)

    async def _is_followed(self, sync_state: str | None) -> bool:
        """Not while it does not answer: it may be recovering."""
        with suppress(psycopg.OperationalError):
            found = await self.ask(FOLLOWING, STANDBY)
            return bool(found) and sync_state in (None, found[0][0])
        return False

    async def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the primary, asked past every link."""
        return await asyncio.to_thread(_rows, self.primary_url, query, values)

    async def end(self) -> None:
        """Stop both, whatever state they are in."""
        for node in (self.standby, self.primary):
            send(node, signal.SIGCONT)
            await asyncio.to_thread(node.stop)

    def _copy(self) -> None:
        self.standby.stop()
        folder = self.standby.folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        give_away(folder)
        program = [postgres_program("pg_basebackup"), "-D", str(folder), "-X", "stream", "-c", "fast"]
        source = ["-d", f"host={self.primary.sockets} user=postgres", "--no-sync"]
        subprocess.run(as_unprivileged([*program, *source]), check=True, capture_output=True, cwd="/")
        # What was set on the other one for itself, such as whom it waits for.
        (folder / "postgresql.auto.conf").write_text("")
        (folder / "standby.signal").touch()
        for name in ("postgresql.auto.conf", "standby.signal"):
            give_away(folder / name)
        follows = f"host=127.0.0.1 port={self._replication_port()} user=postgres sslmode=disable"
        conninfo = f"{follows} gssencmode=disable application_name={STANDBY}"
        self.standby.settings = (*SETTINGS, f"primary_conninfo={conninfo}")
        self.primary.settings = SETTINGS


def _promoted(node: Postgres) -> None:
    _rows(node.url("postgres"), "select pg_promote(true, 20)", ())


def _title(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""


def _rows(url: str, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        cursor = connection.execute(query.encode(), values)
        return cursor.fetchall() if cursor.description else []
