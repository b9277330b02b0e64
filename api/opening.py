"""Opening a ledger for a command: its data folder, its servers, its settings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from api.data_folder import DataFolder
from api.embedded import Servers, servers_of
from api.processes import ROOT, CannotRun
from api.settings import Settings

DATA: Final = ROOT / ".taskledger"


def folder_at(data: Path | None) -> DataFolder:
    """The data folder named on the command line, else the one beside the program."""
    return DataFolder((data or DATA).expanduser().absolute())


@contextlib.contextmanager
def opened(folder: DataFolder, environ: Mapping[str, str], env: str) -> Iterator[Settings]:
    """The settings of a ledger, running or not, whose servers can be used within the block."""
    with servers_of(folder, environ) as servers:
        yield settings_for(servers, folder, environ, env)


def settings_for(servers: Servers, folder: DataFolder, environ: Mapping[str, str], env: str) -> Settings:
    """Raises SettingsError, and CannotRun where a master key has to be given and is not."""
    known: dict[str, Any] = {"database_url": servers.database_url, "redis_url": servers.redis_url, "env": env}
    if not environ.get("TASKLEDGER_MASTER_KEY"):
        known["master_key"] = _kept_key(folder, environ, env)
    return Settings.from_environment(environ, **known)


def _kept_key(folder: DataFolder, environ: Mapping[str, str], env: str) -> bytes:
    if env == "production" and environ.get("DATABASE_URL"):
        raise CannotRun(
            "TASKLEDGER_MASTER_KEY is not set: it protects the names of people, every process needs the"
            " same one, and losing it loses them; make one with: openssl rand -hex 32"
        )
    folder.create()
    return folder.master_key()
