"""`taskledger up`: everything a ledger needs, started in order, watched, and stopped in order."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api import preflight
from api.bootstrap import DEVELOPMENT_PASSWORD, EMAIL, USERNAME, prepare
from api.data_folder import DataFolder, temporary_folder
from api.embedded import has_own_key
from api.embedded import servers as databases
from api.environ import environ
from api.exits import CannotRun
from api.opening import folder_at, must_have_its_key, must_suit, settings_for
from api.settings import Settings
from api.signals import Stopped, listened_to
from api.supervisor import Supervisor
from api.team import Team, projectors, servers
from api.terminal import say
from events.migrate import migrate

READY_INTERVAL_S: Final = 0.05
EXPLAIN_AFTER_S: Final = 10.0


@dataclass(frozen=True)
class Options:
    """What the command line says; `data` None is the folder beside the program."""

    data: Path | None
    ephemeral: bool
    host: str
    port: int
    taskforge_port: int
    workers: int

    @property
    def ports(self) -> dict[str, int]:
        """By the options that choose them."""
        return {"--port": self.port, "--taskforge-port": self.taskforge_port}


def up(options: Options) -> None:
    """Run until Ctrl-C. Raises CannotRun when something stands in the way."""
    started_at = time.monotonic()
    with listened_to() as asked, contextlib.suppress(Stopped), _folder(options) as folder, folder.hold():
        given = environ()
        _check(options, folder, given)
        if has_own_key(given):
            folder.master_key()
        durable = not options.ephemeral
        with (
            _team(options, folder) as team,
            team.loaded(),
            databases(folder, given, durable=durable) as found,
        ):
            env = preflight.environment(options.host, given)
            with asked.held():
                default_login = prepared(settings_for(found, folder, given, env, serves=True), given)
            with team.running():
                supervisor = Supervisor((*found.started, *team.workers), say)
                _wait_until_ready(options, supervisor)
                place = _place(options, folder, given)
                _greet(options, place, env, default_login, time.monotonic() - started_at)
                team.watch(supervisor, asked)


def prepared(settings: Settings, given: Mapping[str, str]) -> bool:
    """Bring the schema up to date and see to the first admin; whether the development login works."""
    migrate(settings.database_url)
    return asyncio.run(prepare(settings, given))


@contextlib.contextmanager
def _team(options: Options, folder: DataFolder) -> Iterator[Team]:
    """Where there are several servers, the projector has a spare as well."""
    data = ("--data", str(folder.path))
    with servers(data, options.host, options.ports, options.workers) as found:
        yield Team(projectors(data, 1 if options.workers == 1 else 2), found)


def _check(options: Options, folder: DataFolder, given: Mapping[str, str]) -> None:
    """What can be known before anything is started."""
    if options.ephemeral and (given.get("DATABASE_URL") or given.get("REDIS_URL")):
        raise CannotRun(
            "--ephemeral keeps nothing, but DATABASE_URL or REDIS_URL names a server that stays: unset them"
        )
    preflight.ports_are_free(options.host, options.ports)
    env = preflight.environment(options.host, given)
    must_suit(folder, given, env, serves=True, is_ephemeral=options.ephemeral)
    preflight.named_servers(given)
    must_have_its_key(folder, given)


@contextlib.contextmanager
def _folder(options: Options) -> Iterator[DataFolder]:
    if options.ephemeral:
        with temporary_folder() as folder:
            yield folder
    else:
        yield folder_at(options.data)


def _wait_until_ready(options: Options, supervisor: Supervisor) -> None:
    """A long log may take a while to fold: the wait is explained, not ended."""
    explain_at = time.monotonic() + EXPLAIN_AFTER_S
    while not (answer := _readiness(options)).startswith("200"):
        supervisor.look(starting=True)
        if time.monotonic() > explain_at:
            say(f"not ready yet: /readyz answers {answer or 'nothing'}")
            explain_at = time.monotonic() + EXPLAIN_AFTER_S
        time.sleep(READY_INTERVAL_S)


def _readiness(options: Options) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(options.host, options.host)  # noqa: S104
    connection = http.client.HTTPConnection(host, options.port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return f"{answer.status} {answer.read(2000).decode(errors='replace')}"
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def local(host: str) -> str:
    """The name by which this machine reaches a server that listens on `host`."""
    return "localhost" if host in ("127.0.0.1", "0.0.0.0", "::", "::1") else host  # noqa: S104


def _place(options: Options, folder: DataFolder, given: Mapping[str, str]) -> str:
    """Where the data are, in words."""
    if given.get("DATABASE_URL"):
        return "in the database that DATABASE_URL names"
    return "thrown away at the end (--ephemeral)" if options.ephemeral else str(folder.path)


def _greet(options: Options, place: str, env: str, default_login: bool, took_s: float) -> None:
    url, forge_url = (f"http://{local(options.host)}:{port}" for port in options.ports.values())
    login = (
        f"{USERNAME} / {DEVELOPMENT_PASSWORD} (development only)"
        if default_login
        else f"{USERNAME}, with your password"
    )
    say("")
    say(f"TaskLedger is ready after {took_s:.1f} s. Ctrl-C stops it.", style="bold green")
    say(f"  TaskFlow Pro API   {url}/api")
    say(f"  TaskForge API      {forge_url}/api, and {url}/taskforge/api")
    say(f"  sign in            {login}; in a browser: {url}/login")
    say(f"                     TaskForge asks for the email address instead: {EMAIL}")
    if env == "development":
        say(f"  documentation      {url}/api/docs and {forge_url}/api/docs")
    say(f"  data               {place}")
    say(f"  health             {url}/readyz")
    say("Try next, in a second terminal:")
    body = f'{{"username": "{USERNAME}", "password": "{DEVELOPMENT_PASSWORD if default_login else "…"}"}}'
    say(f"  curl -c cookies.txt -H 'Content-Type: application/json' -d '{body}' {url}/api/auth/login")
    say(f"  curl -b cookies.txt {url}/api/projects")
    body = body.replace(f'"username": "{USERNAME}"', f'"email": "{EMAIL}"')
    say(f"  curl -H 'Content-Type: application/json' -d '{body}' {forge_url}/api/auth/login")
    say("")
