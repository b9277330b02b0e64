"""Serving both APIs over HTTP until a signal says stop."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog
from aiohttp import web

from api import loops
from api.app import background, opened
from api.core import Core
from api.health import Health
from api.lifeline import Lifeline, beats
from api.listeners import Listeners, Ports
from api.logs import logging_to
from api.runner import Runner
from api.settings import Settings
from api.signals import on_stop
from api.sites import taskflow_site, taskforge_site
from projections.runner import collect_garbage_rarely

ACCEPT_TURN_S: Final = 0.01
READY_CHECK_S: Final = 0.2

log = structlog.get_logger(__name__)


def serve(settings: Settings, listeners: Listeners, lifeline: Lifeline | None = None) -> None:
    """Serve at `listeners` until SIGINT or SIGTERM, then finish what is running and return.

    Raises `events.errors.Unavailable` when the database cannot be reached.
    """
    _allow_open_files()
    with logging_to(settings.log_format, settings.log_level):
        loops.run(serving(settings, listeners, lifeline))


async def serving(settings: Settings, listeners: Listeners, lifeline: Lifeline | None = None) -> None:
    """One that replaces another server lets that one work until it is ready itself."""
    async with background(beats(lifeline)), opened(settings) as core:
        if lifeline and lifeline.is_replacement:
            await _ready(core)
        stop = asyncio.Event()
        # Whoever is let in has to be answered: from here on nothing ends us at once.
        on_stop(stop.set)
        async with listening(core, listeners) as ports:
            collect_garbage_rarely()
            log.info(
                "serving",
                port=ports.taskflow,
                taskforge_port=ports.taskforge,
                registration=settings.registration,
            )
            if lifeline:
                lifeline.tell_ready()
            await stop.wait()
            log.info("stopping")


@asynccontextmanager
async def listening(core: Core, listeners: Listeners) -> AsyncIterator[Ports]:
    """Both APIs served; yields the ports that they have. In the end requests under way have their time."""
    runners = [Runner(site(core), core) for site in (taskflow_site, taskforge_site)]
    ports = listeners.ports
    try:
        # TaskFlow Pro's comes last: whoever is told there that all is ready finds both.
        for runner, sockets in reversed([*zip(runners, listeners, strict=True)]):
            await runner.setup()
            for each in sockets:
                await web.SockSite(runner, each, backlog=core.settings.accept_queue_max).start()
        yield ports
    finally:
        kept = listeners.copies()
        for runner in runners:
            await runner.listen_no_more()
        # The loop forgets its own sockets within one turn.
        await asyncio.sleep(ACCEPT_TURN_S)
        for runner, sockets in zip(runners, kept, strict=True):
            await runner.take_in(sockets)
        await asyncio.gather(*(runner.drained() for runner in runners))
        await asyncio.gather(*(runner.cleanup() for runner in runners if runner.server))
        listeners.close()


async def _ready(core: Core) -> None:
    health = Health(core)
    while not all(found["ok"] for found in (await health.checks()).values()):  # noqa: ASYNC110
        await asyncio.sleep(READY_CHECK_S)


def _allow_open_files() -> None:
    """Each connection is an open file: the soft limit, most often 1024, is a default of old times."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
