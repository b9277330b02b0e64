"""Opening a ledger for a command: its data folder, its servers, its settings."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import psycopg

from api import preflight
from api.data_folder import DataFolder
from api.embedded import Servers, servers_of
from api.exits import CannotRun, NotThere
from api.processes import ROOT
from api.production import NO_ORIGINS, objections, readable_by_others
from api.settings import KEY_BYTES, Settings, variable

DATA: Final = ROOT / ".taskledger"

OWN_DATABASE: Final = "postgresql://"
OWN_REDIS: Final = "unix://"
"""Where the embedded servers will be: at sockets, which nobody else reaches."""

HAS_TABLES: Final = b"select to_regclass('user_keys') is not null"
FIRST_PERSON: Final = b"select exists (select from stored_events where originator_id = 'user-1')"
NO_KEY: Final = (
    "there is no master key for the ledger that DATABASE_URL names: give its own by"
    f" {variable('master_key')}, or name by --data the folder that has it: no other can read the names"
)


def folder_at(data: Path | None) -> DataFolder:
    """The data folder named on the command line, else the one beside the program."""
    return DataFolder((data or DATA).expanduser().absolute())


def ledger_at(data: Path | None, environ: Mapping[str, str]) -> DataFolder:
    """As `folder_at`, for a tool, which makes no ledger.

    Raises NotThere where the folder holds none and the environment names no database, CannotRun, as where
    the environment names one without its master key: a tool makes none.
    """
    folder = folder_at(data)
    if _is_without_key(folder, environ) and preflight.environment("127.0.0.1", environ) != "production":
        raise CannotRun(NO_KEY)
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
        must_have_its_key(folder, environ)
        yield settings_for(servers, folder, environ, env, serves=serves)


def settings_for(
    servers: Servers,
    folder: DataFolder,
    environ: Mapping[str, str],
    env: str,
    *,
    serves: bool = False,
    is_ephemeral: bool = False,
) -> Settings:
    """Raises SettingsError, and CannotRun with a line for each thing that production refuses.

    In production only who `serves` is asked for the secret of tokens: nobody else should have it. Secrets
    that the data folder has to keep are made when nothing speaks against the rest.
    """
    settings = _judged(servers, folder, environ, env, serves=serves, is_ephemeral=is_ephemeral)
    kept = [name for name in _SECRETS if _is_kept(name, environ, env)]
    if kept:
        folder.create()
    made: dict[str, Any] = {name: _SECRETS[name][0](folder) for name in kept}
    return replace(settings, **made)


def _judged(
    servers: Servers,
    folder: DataFolder,
    environ: Mapping[str, str],
    env: str,
    *,
    serves: bool,
    is_ephemeral: bool,
) -> Settings:
    """The settings, with others in the place of secrets that are still to be made; nothing is written."""
    is_production = env == "production"
    known: dict[str, Any] = {"database_url": servers.database_url, "redis_url": servers.redis_url, "env": env}
    refused: list[str] = []
    for (name, (kept, why)), file in zip(_SECRETS.items(), folder.secret_files(), strict=True):
        if _is_kept(name, environ, env):
            known[name] = kept(folder) if file.exists() else secrets.token_bytes(KEY_BYTES)
        elif not environ.get(variable(name)):
            known[name] = b""
            if serves or name != "jwt_secret":
                refused.append(f"{variable(name)} is not set: {why}; make one with: openssl rand -hex 32")
    if is_production and not environ.get(variable("cors_origins")):
        known["cors_origins"] = NO_ORIGINS
    settings = Settings.from_environment(environ, **known)
    if is_production:
        refused += objections(settings, environ, serves=serves, is_ephemeral=is_ephemeral)
        refused += [line for file in folder.secret_files() for line in readable_by_others(file)]
    if refused:
        raise CannotRun(as_one(refused))
    return settings


def must_suit(
    folder: DataFolder,
    environ: Mapping[str, str],
    env: str,
    *,
    serves: bool = False,
    is_ephemeral: bool = False,
) -> None:
    """What can be known of the settings before any server is started or asked. Raises as `settings_for`."""
    found = Servers(environ.get("DATABASE_URL") or OWN_DATABASE, environ.get("REDIS_URL") or OWN_REDIS)
    _judged(found, folder, environ, env, serves=serves, is_ephemeral=is_ephemeral)


def _is_kept(name: str, environ: Mapping[str, str], env: str) -> bool:
    """Whether the data folder has the secret: the environment has not, and need not."""
    return not environ.get(variable(name)) and (env != "production" or not environ.get("DATABASE_URL"))


def _is_without_key(folder: DataFolder, environ: Mapping[str, str]) -> bool:
    """Whether the environment names a database, and nothing gives the master key of it."""
    is_given = environ.get(variable("master_key")) or folder.has_master_key()
    return bool(environ.get("DATABASE_URL")) and not is_given


def must_have_its_key(folder: DataFolder, environ: Mapping[str, str]) -> None:
    """Raises CannotRun where a master key would be made for a ledger whose names are under another one."""
    if not _is_without_key(folder, environ):
        return
    with psycopg.connect(environ["DATABASE_URL"], connect_timeout=preflight.CONNECT_TIMEOUT_S) as connection:
        for question in (HAS_TABLES, FIRST_PERSON):
            if connection.execute(question).fetchone() != (True,):
                return
    raise CannotRun(NO_KEY)


def as_one(refused: Sequence[str]) -> str:
    """Several refusals as one message, a line for each."""
    if len(refused) == 1:
        return refused[0]
    return "\n- ".join([f"production does not start, for {len(refused)} reasons:", *refused])


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
