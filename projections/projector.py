"""The projector: feeds every generation of this code that readers go to, or may be sent back to."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from redis.asyncio import Redis

from events.connections import Connections
from events.errors import Unavailable
from events.store import EventStore
from projections import rebuilds
from projections.follower import RunnerSettings
from projections.generations import fed_generations, generation_of
from projections.holding import Held
from projections.rebuild import GONE_ON_WITH, Rebuilding, Tools
from projections.rebuilds import Rebuild
from projections.runner import Runner
from projections.switching import Switching

log = structlog.get_logger(__name__)

DATABASE_CONNECTIONS_MAX: Final = 6
REBUILD_RETRY_S: Final = 1.0


class Projector:
    """A runner for each generation to be fed, as the table of generations says from moment to moment.

    While an operator has paused folding, all of them stand still. Where `tools` can record a switch, it
    also works on the rebuilds that were asked for over HTTP, one at a time.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._connections = tools.connections
        self._settings = tools.settings
        self._gate = asyncio.Event()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._rebuilding: asyncio.Task[None] | None = None
        self._is_said = False

    async def run(self) -> None:
        """Until cancelled: a database that is away leaves everything as it is."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    await self._look(tasks)
                    await self._take_up(tasks)
                    self._is_said = False
                except Unavailable as error:
                    self._say(error)
                await asyncio.sleep(self._settings.feed_check_s)

    async def _look(self, tasks: asyncio.TaskGroup) -> None:
        fed = await fed_generations(self._connections)
        if fed.current is None:
            await generation_of(self._connections)
            fed = await fed_generations(self._connections)
        self._open_or_shut(fed.is_paused)
        for number in fed.numbers - self._running.keys():
            self._running[number] = tasks.create_task(self._runner(number).run())
        for number in self._running.keys() - fed.numbers:
            self._running.pop(number).cancel()
            log.info("generation_fed_no_more", generation=number)

    def _runner(self, number: int) -> Runner:
        tools = self._tools
        return Runner(tools.store, tools.redis, self._connections, number, self._settings, self._gate)

    async def _take_up(self, tasks: asyncio.TaskGroup) -> None:
        """Work on a rebuild that was asked for, as soon as nobody else does."""
        is_busy = self._rebuilding is not None and not self._rebuilding.done()
        if self._tools.switching is None or is_busy:
            return
        asked = await rebuilds.unfinished(self._connections)
        if asked and asked.runs_in == "projector" and asked.state in rebuilds.TO_BE_TAKEN_UP:
            self._rebuilding = tasks.create_task(self._rebuild(asked))

    async def _rebuild(self, asked: Rebuild) -> None:
        try:
            done = await Rebuilding(self._tools, asked).run()
            log.info("rebuild_ended", generation=done.generation, state=done.state)
        except Held:
            return
        except GONE_ON_WITH as error:
            reason = f"{type(error).__name__}: {error}"
            log.warning("rebuild_stopped", generation=asked.generation, reason=reason)
            await asyncio.sleep(REBUILD_RETRY_S)
        except Exception:
            # What readers read is fed on, whatever is wrong with what nobody reads yet.
            log.exception("rebuild_failed", generation=asked.generation)
            await asyncio.sleep(REBUILD_RETRY_S)

    def _open_or_shut(self, is_paused: bool) -> None:
        if is_paused:
            if self._gate.is_set() or not self._running:
                log.warning("projector_paused")
            self._gate.clear()
        else:
            self._gate.set()

    def _say(self, error: Unavailable) -> None:
        """Once is enough for a database that stays away."""
        if not self._is_said:
            log.warning("projector_waits_for_the_database", reason=str(error))
        self._is_said = True


async def run_projector(
    store: EventStore,
    redis: Redis,
    database_url: str,
    settings: RunnerSettings | None = None,
    *,
    switching: Switching | None = None,
) -> None:
    """Project the log of `store` into the generations that fit this code, until cancelled.

    `redis` is a client that answers in bytes, as `readmodels.connecting.connect` makes it. Any
    number of projectors may run: one works, the others take over within 5 s. With `switching` it works
    on rebuilds, too.
    """
    connections = Connections(database_url, connections_max=DATABASE_CONNECTIONS_MAX)
    tools = Tools(
        store=store,
        redis=redis,
        connections=connections,
        switching=switching,
        settings=settings or RunnerSettings(),
    )
    try:
        await Projector(tools).run()
    finally:
        await connections.close()
