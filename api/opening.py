"""Opening a ledger for a command: its data folder, its servers, its settings."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from api.data_folder import DataFolder
from api.embedded import Servers, servers_of
from api.exits import CannotRun, NotThere
from api.processes import ROOT
from api.settings import Settings, variable

DATA: Final = ROOT / ".taskledger"


def folder_at(data: Path | None) -> DataFolder:
    """The data folder named on the command line, else the one beside the program."""
    return DataFolder((data or DATA).expanduser().absolute())


def ledger_at(data: Path | None, environ: Mapping[str, str]) -> DataFolder:
    """As `folder_at`, for a tool, which makes no ledger.

    Raises NotThere where the folder holds none and the environment names no database, CannotRun.
    """
    folder = folder_at(data)
    if not environ.get("DATABASE_URL") and not folder.held() and not folder.postgres.exists():
        raise NotThere(
            f"there is no ledger in {folder.path}: `taskledger up` makes one, --data names another folder"
        )
    return folder


@contextlib.contextmanager
def opened(
    folder: DataFolder, environ: Mapping[str, str], env: str, *, serves: bool = False
) -> Iterator[Settings]:
    """The settings of a ledger, running or not, whose servers can be used within the block."""
    with servers_of(folder, environ) as servers:
        yield settings_for(servers, folder, environ, env, serves=serves)


def settings_for(
    servers: Servers, folder: DataFolder, environ: Mapping[str, str], env: str, *, serves: bool = False
) -> Settings:
    """Raises SettingsError, and CannotRun where a secret has to be given and is not.

    In production only who `serves` is asked for the secret of tokens: nobody else should have it.
    """
    known: dict[str, Any] = {"database_url": servers.database_url, "redis_url": servers.redis_url, "env": env}
    for name, (kept, why) in _SECRETS.items():
        if not environ.get(variable(name)):
            if env != "production" or not environ.get("DATABASE_URL"):
                folder.create()
                known[name] = kept(folder)
            elif serves or name != "jwt_secret":
                raise CannotRun(f"{variable(name)} is not set: {why}; make one with: openssl rand -hex 32")
            else:
                known[name] = b""
    return Settings.from_environment(environ, **known)


_SECRETS: Final[Mapping[str, tuple[Callable[[DataFolder], bytes], str]]] = {
    "master_key": (
        DataFolder.master_key,
        "it protects the names of people, every process needs the same one, and losing it loses them",
    ),
    "jwt_secret": (
        DataFolder.jwt_secret,
        "it signs the tokens of TaskForge, every server needs the same one, and losing it signs people out",
    ),
}
"""How each secret is kept, and why production needs it given where it has no data folder."""
