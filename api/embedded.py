"""The servers that a ledger needs: embedded ones in its data folder, or those that the environment names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from api.data_folder import DataFolder
from api.embedded_postgres import FAST, Postgres
from api.embedded_valkey import Valkey
from api.exits import CannotRun
from api.settings import variable

DATABASE: Final = "taskledger"
CONNECTIONS_MAX: Final = 500
"""Enough for as many workers as the command line allows."""


@dataclass(frozen=True)
class Servers:
    """Where the two servers are, and the ones among them that this process has started."""

    database_url: str
    redis_url: str
    started: tuple[Postgres | Valkey, ...] = ()


@contextlib.contextmanager
def servers(folder: DataFolder, environ: Mapping[str, str], *, durable: bool = True) -> Iterator[Servers]:
    """The servers for as long as the block lasts; whoever calls this holds `folder`.

    `durable` false trades safety for speed: for data that is thrown away. Raises CannotRun.
    """
    postgres = None if environ.get("DATABASE_URL") else _postgres(folder, durable=durable)
    valkey = None if environ.get("REDIS_URL") else Valkey(folder.valkey, folder.sockets, durable=durable)
    started = tuple(server for server in (postgres, valkey) if server)
    try:
        for server in reversed(started):
            server.start()
        for server in started:
            server.wait_ready()
        yield Servers(
            postgres.ensure_database(DATABASE) if postgres else environ["DATABASE_URL"],
            valkey.url() if valkey else environ["REDIS_URL"],
            started,
        )
    finally:
        for server in reversed(started):
            server.stop()


@contextlib.contextmanager
def servers_of(folder: DataFolder, environ: Mapping[str, str]) -> Iterator[Servers]:
    """The servers of a ledger whether it is running or not: those of a running `up` are shared."""
    if environ.get("DATABASE_URL") and environ.get("REDIS_URL"):
        yield Servers(environ["DATABASE_URL"], environ["REDIS_URL"])
    elif folder.held():
        yield _running(folder, environ)
    else:
        with folder.hold():
            if has_own_key(environ):
                folder.master_key()
            with servers(folder, environ) as found:
                yield found


def has_own_key(environ: Mapping[str, str]) -> bool:
    """Whether the master key is the folder's: nobody gives it, and the ledger is not in another database."""
    return not environ.get(variable("master_key")) and not environ.get("DATABASE_URL")


def _running(folder: DataFolder, environ: Mapping[str, str]) -> Servers:
    postgres, valkey = _postgres(folder, durable=True), Valkey(folder.valkey, folder.sockets)
    if not environ.get("DATABASE_URL") and not postgres.answers():
        raise CannotRun(f"the ledger in {folder.path} is being started or stopped: try again in a moment")
    return Servers(
        environ.get("DATABASE_URL") or postgres.url(DATABASE), environ.get("REDIS_URL") or valkey.url()
    )


def _postgres(folder: DataFolder, *, durable: bool) -> Postgres:
    settings = (f"max_connections={CONNECTIONS_MAX}", *(() if durable else FAST))
    return Postgres(folder.postgres, folder.sockets, settings)
