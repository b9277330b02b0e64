"""The runner: follows the log and keeps one generation of read models up to it, for good."""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from events.connections import Connections
from events.errors import StoreError, Unavailable
from events.store import EventStore
from projections.dead_letters import Letterbox
from projections.follower import Follower, RunnerSettings
from projections.generations import mark_ready, tidy
from projections.lease import LeaseLost, lease_of
from projections.writer import Fenced, Lost, Writer
from readmodels.connecting import stop_if_cancelled

log = structlog.get_logger(__name__)

TROUBLE: Final = (StoreError, RedisError, OSError, TimeoutError, LeaseLost, Fenced)


class Runner:
    """Folds the log into one generation while it holds the lease; else it waits as a spare.

    It stands still while `gate` is not set. Any number of runners may run. `run` ends only by being
    cancelled: a database or a Redis that is away is waited for, a read model that was lost is folded
    again from the beginning of the log.
    """

    def __init__(
        self,
        store: EventStore,
        redis: Redis,
        connections: Connections,
        generation: int,
        settings: RunnerSettings | None = None,
        gate: asyncio.Event | None = None,
    ) -> None:
        self.settings = settings or RunnerSettings()
        self.generation = generation
        self.lease = lease_of(connections, generation)
        self._redis = redis
        self._connections = connections
        writer = Writer(redis, generation, self.settings.redis_timeout_s)
        letters = Letterbox(connections, generation)
        self._follower = Follower(store, writer, letters, self.settings, gate)
        self._seen_epoch = 0
        self._ready = asyncio.Event()
        self._said = ""

    async def run(self) -> None:
        pause_s = self.settings.retry_min_s
        while True:
            self._ready.clear()
            try:
                # Before Python 3.13 a task whose group failed looks as if it had been cancelled, ever after.
                await asyncio.create_task(self._turn())
            except* TROUBLE as troubles:
                self._note(troubles.exceptions[0])
            # A group that fails in the moment in which it is cancelled forgets the latter.
            stop_if_cancelled()
            longer_s = min(2 * pause_s, self.settings.retry_max_s)
            pause_s = self.settings.retry_min_s if self._ready.is_set() else longer_s
            await asyncio.sleep(pause_s)

    async def _turn(self) -> None:
        await self._acquire()
        await self._hold()

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

    async def _tidy(self) -> None:
        """While readers go to this generation, remove those that nobody goes back to."""
        await self._ready.wait()
        removed = await mark_ready(self._connections, self._redis, self.generation)
        while True:
            for number in removed:
                log.info("generation_removed", generation=number)
            await asyncio.sleep(self.settings.tidy_interval_s)
            removed = await tidy(self._connections, self._redis, self.generation)


def collect_garbage_rarely() -> None:
    """For what projects or serves: batches and requests live shortly and refer to little in circles.

    With the usual thresholds a third of a projector's time goes into looking through them in vain. What is
    there when this is called stays.
    """
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
