"""The parts run apart, as production does: the schema, the API, the projector."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from api import loops, preflight
from api.bootstrap import prepare
from api.data_folder import DataFolder
from api.environ import environ
from api.exits import CannotRun
from api.lifeline import Lifeline
from api.listeners import Ports, bound, inherited
from api.logs import logging_to
from api.opening import folder_at, must_suit, opened
from api.process_name import name_process
from api.settings import Settings
from api.signals import Stopped, listened_to
from api.supervisor import Supervisor
from api.team import Team, projectors, servers
from api.terminal import say
from api.up import prepared
from events.migrate import pending


def migrate(data: Path | None) -> list[str]:
    """Bring the database up to date, and see to the first admin; names of what had to be applied.

    Raises CannotRun.
    """
    folder, given, env = _named(data, "127.0.0.1")
    preflight.named_servers(given)
    with opened(folder, given, env) as settings:
        missing = pending(settings.database_url)
        prepared(settings, given)
    return missing


def serve(
    data: Path | None,
    host: str,
    ports: Mapping[str, int],
    *,
    workers: int,
    lifeline: int | None,
    sockets: str,
) -> None:
    """Serve until a signal says stop. With `workers` above 1, that many processes share the ports.

    `ports` are TaskFlow Pro's and TaskForge's, by the options that choose them. Who is started by such a
    process has a `lifeline` to it and `sockets` from it.
    """
    from api.serve import serve as serve_forever

    followed = _followed(lifeline)
    folder, given, env = _named(data, host)
    if followed is None:
        preflight.ports_are_free(host, ports)
        must_suit(folder, given, env, serves=True)
        preflight.named_servers(given)
    with opened(folder, given, env, serves=True) as settings:
        if followed is None:
            _must_be_prepared(settings, given)
        if workers > 1:
            _in_several(data, host, ports, workers)
        else:
            listeners = inherited(sockets) if sockets else bound(host, Ports(*ports.values()))
            serve_forever(settings, listeners, followed)


def project(data: Path | None, *, with_spare: bool, lifeline: int | None) -> None:
    """Fold events into read models until a signal says stop; a spare is a second process that stands by."""
    from api.projecting import projecting

    followed = _followed(lifeline)
    folder, given, env = _named(data, "127.0.0.1")
    if followed is None:
        must_suit(folder, given, env)
        preflight.named_servers(given)
    with (
        opened(folder, given, env) as settings,
        logging_to(settings.log_format, settings.log_level),
    ):
        if followed is None:
            _must_be_prepared(settings, given)
        if with_spare:
            _watched(Team(projectors(_words(data), 2)))
        else:
            loops.run(projecting(settings, followed))


def _named(data: Path | None, host: str) -> tuple[DataFolder, Mapping[str, str], str]:
    """Where the data are, what the environment says, and whether this is production."""
    given = environ()
    return folder_at(data), given, preflight.environment(host, given)


def _must_be_prepared(settings: Settings, given: Mapping[str, str]) -> None:
    missing = pending(settings.database_url)
    if missing:
        raise CannotRun("the database is not up to date: run `taskledger migrate` first")
    asyncio.run(prepare(settings, given))


def _followed(lifeline: int | None) -> Lifeline | None:
    if lifeline is None:
        return None
    followed = Lifeline(lifeline)
    followed.follow()
    name_process()
    return followed


def _in_several(data: Path | None, host: str, ports: Mapping[str, int], workers: int) -> None:
    with servers(_words(data), host, ports, workers) as found:
        _watched(Team(servers=found))


def _watched(team: Team) -> None:
    with listened_to() as asked, contextlib.suppress(Stopped), team.running():
        team.watch(Supervisor(team.workers, say), asked)


def _words(data: Path | None) -> Sequence[str]:
    return ("--data", str(data)) if data else ()
