"""The runner: follows the log and keeps one generation of read models up to it, for good."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from events.connections import Connections
from events.errors import StoreError, Unavailable
from events.store import EventStore
from projections import dead_letters
from projections.follower import Follower, RunnerSettings
from projections.generations import generation_of, mark_ready
from projections.lease import Lease, LeaseLost
from projections.writer import Fenced, Lost, Writer
from readmodels.changes import DeadLetter

log = structlog.get_logger(__name__)

TROUBLE: Final = (StoreError, RedisError, OSError, TimeoutError, LeaseLost, Fenced)
DATABASE_CONNECTIONS_MAX: Final = 2


class Runner:
    """Folds the log into one generation while it holds the lease; else it waits as a spare.

    Any number of runners may run. `run` ends only by being cancelled: a database or a Redis that is
    away is waited for, a read model that was lost is folded again from the beginning of the log.
    """

    def __init__(
        self,
        store: EventStore,
        redis: Redis,
        connections: Connections,
        generation: int,
        settings: RunnerSettings | None = None,
    ) -> None:
        self.settings = settings or RunnerSettings()
        self.generation = generation
        self.lease = Lease(connections, f"generation-{generation}")
        self._redis = redis
        self._connections = connections
        writer = Writer(redis, generation, self.settings.redis_timeout_s)
        self._follower = Follower(store, writer, self._keep, self.settings)
        self._seen_epoch = 0
        self._ready = asyncio.Event()
        self._said = ""

    async def run(self) -> None:
        pause_s = self.settings.retry_min_s
        while True:
            self._ready.clear()
            try:
                await self._acquire()
                await self._hold()
            except* TROUBLE as troubles:
                self._note(troubles.exceptions[0])
            longer_s = min(2 * pause_s, self.settings.retry_max_s)
            pause_s = self.settings.retry_min_s if self._ready.is_set() else longer_s
            await asyncio.sleep(pause_s)

    async def _acquire(self) -> None:
        while not await self.lease.acquire(self._seen_epoch):  # noqa: ASYNC110 - the holder is elsewhere
            await asyncio.sleep(self.settings.acquire_interval_s)
        log.info("projector_holds_the_lease", generation=self.generation, epoch=self.lease.epoch)

    async def _hold(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.lease.keep())
                tasks.create_task(self._project())
                tasks.create_task(self._tidy())
        finally:
            with suppress(Unavailable):
                await self.lease.release()

    def _note(self, trouble: BaseException) -> None:
        if isinstance(trouble, Fenced):
            self._seen_epoch = trouble.epoch
        reason = f"{type(trouble).__name__}: {trouble}"
        # Once is enough for a server that stays away.
        if self._ready.is_set() or reason != self._said:
            log.warning("projector_stopped", generation=self.generation, reason=reason)
        self._said = reason

    async def _project(self) -> None:
        while True:
            try:
                live = await self._follower.attach(self.lease.epoch)
                await self._follower.fill(live)
                self._ready.set()
                await self._follower.follow(live)
            except Lost as lost:
                reason = str(lost.__cause__ or lost)
                log.warning("read_model_lost", generation=self.generation, state=lost.state, reason=reason)
                # What Redis refuses, it refuses again at once.
                refused = lost.state == "torn"
                await asyncio.sleep(self.settings.retry_max_s if refused else self.settings.retry_min_s)

    async def _keep(self, letters: Sequence[DeadLetter]) -> None:
        """Tell operators of events that were not folded, and keep them."""
        for letter in letters:
            documents = [f"{ref.kind}:{ref.id}" for ref in letter.documents]
            where = {"position": letter.position, "stream": letter.stream, "topic": letter.topic}
            if letter.held_back:
                log.warning("event_held_back", **where, documents=documents)
            else:
                log.error("event_parked", **where, documents=documents, error=letter.error)
        await dead_letters.keep(self._connections, self.generation, letters)

    async def _tidy(self) -> None:
        """Once this generation is in use, remove those that nobody goes back to."""
        await self._ready.wait()
        for number in await mark_ready(self._connections, self._redis, self.generation):
            log.info("generation_removed", generation=number)


async def run_projector(
    store: EventStore, redis: Redis, database_url: str, settings: RunnerSettings | None = None
) -> None:
    """Project the log of `store` into the generation that fits this code, until cancelled.

    `redis` is a client that answers in bytes, as `readmodels.connecting.connect` makes it. Any
    number of projectors may run: one works, the others take over within 5 s.
    """
    settings = settings or RunnerSettings()
    connections = Connections(database_url, connections_max=DATABASE_CONNECTIONS_MAX)
    try:
        generation = await found_generation(connections, settings.retry_max_s)
        await Runner(store, redis, connections, generation, settings).run()
    finally:
        await connections.close()


def collect_garbage_rarely() -> None:
    """For a process that only projects: a batch is much that lives shortly and refers to nothing in circles.

    With the usual thresholds a third of the time goes into looking through it in vain.
    """
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


async def found_generation(connections: Connections, retry_s: float) -> int:
    """The number of the generation that fits this code, waiting for the database if need be."""
    while True:
        try:
            return await generation_of(connections)
        except Unavailable as error:
            log.warning("projector_waits_for_the_database", reason=str(error))
            await asyncio.sleep(retry_s)
