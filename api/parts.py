"""The parts run apart, as production does: the schema, the API, the projector."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from api import preflight
from api.bootstrap import prepare
from api.exits import CannotRun
from api.logs import logging_to
from api.opening import folder_at, opened
from api.settings import Settings
from api.supervisor import Supervisor, Worker, follow
from api.terminal import say
from api.up import Stopped, as_words, prepared, running, stoppable, watch
from events.migrate import pending


def migrate(data: Path | None) -> list[str]:
    """Bring the database up to date, and see to the first admin; names of what had to be applied.

    Raises CannotRun.
    """
    preflight.named_servers(os.environ)
    with opened(folder_at(data), os.environ, environment("127.0.0.1")) as settings:
        missing = pending(settings.database_url)
        prepared(settings)
    return missing


def serve(
    data: Path | None,
    host: str,
    ports: Mapping[str, int],
    *,
    workers: int,
    reuse_port: bool,
    lifeline: int | None,
) -> None:
    """Serve until a signal says stop. With `workers` above 1, that many processes share the ports.

    `ports` are TaskFlow Pro's and TaskForge's, by the options that choose them.
    """
    from api.serve import Ports
    from api.serve import serve as serve_forever

    if lifeline is not None:
        follow(lifeline)
    else:
        preflight.ports_are_free(host, ports)
        preflight.named_servers(os.environ)
    with opened(folder_at(data), os.environ, environment(host), serves=True) as settings:
        if lifeline is None:
            _must_be_prepared(settings)
        if workers == 1:
            serve_forever(settings, host, Ports(*ports.values()), reuse_port=reuse_port)
        else:
            _share_ports(data, host, ports, workers)


def project(data: Path | None, *, lifeline: int | None) -> None:
    """Fold events into read models until a signal says stop."""
    from api.projecting import projecting

    if lifeline is not None:
        follow(lifeline)
    else:
        preflight.named_servers(os.environ)
    with (
        opened(folder_at(data), os.environ, environment("127.0.0.1")) as settings,
        logging_to(settings.log_format, settings.log_level),
    ):
        if lifeline is None:
            _must_be_prepared(settings)
        asyncio.run(projecting(settings))


def environment(host: str) -> str:
    return preflight.environment(host, os.environ)


def _must_be_prepared(settings: Settings) -> None:
    missing = pending(settings.database_url)
    if missing:
        raise CannotRun("the database is not up to date: run `taskledger migrate` first")
    asyncio.run(prepare(settings, os.environ))


def _share_ports(data: Path | None, host: str, ports: Mapping[str, int], workers: int) -> None:
    where: Sequence[str] = ("--data", str(data)) if data else ()
    arguments = ("serve", *where, "--host", host, *as_words(ports), "--reuse-port")
    servers = [Worker(f"server {n + 1}", arguments) for n in range(workers)]
    with stoppable(), contextlib.suppress(Stopped), running(*servers):
        watch(Supervisor(servers, say))
