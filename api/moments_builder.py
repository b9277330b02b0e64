"""Builds moments for a server's requests, one at a time, while the claim and the memory last."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.errors import TryLater
from api.moments_process import built_elsewhere
from api.moments_worker import Order
from api.settings import Settings
from events.errors import StoreError
from events.positions import Place
from events.store import EventStore
from projections.bulk_messages import Sources
from projections.moments import LEASE_TTL_S, Base, Claim, Found, KeptMoments, NoRoom, Unread, forget
from projections.moments_building import Job, build
from projections.writer import Fenced, Lost
from readmodels.model import NotReady

NO_ROOM_RETRY_AFTER_S: Final = 60
HOLD_INTERVAL_S: Final = LEASE_TTL_S / 4
SPARING_KEEP_S: Final = 30.0
"""How long an unused moment is kept while memory is short."""
INLINE_BATCH_EVENTS_MAX: Final = 100
COPIED_SHARE: Final = 10
"""A moment is another one's base where less than one in so many of the events is folded after that."""
UNREAD_DEADLINES: Final = 2
"""After so many times the longest that a request may take, nobody reads any more what they had asked for."""

TROUBLE: Final = (StoreError, RedisError, OSError, TimeoutError, Lost, Fenced, NotReady)

log = structlog.get_logger(__name__)


class Builder:
    """Builds one moment at a time; `large` is a client of Redis that waits longer."""

    def __init__(
        self, settings: Settings, kept: KeptMoments, store: EventStore, redis: Redis, large: Redis
    ) -> None:
        self._settings = settings
        self._kept = kept
        self._store = store
        self._redis = redis
        self._large = large
        self._unread_s = UNREAD_DEADLINES * settings.request_deadline_s
        self._claiming = asyncio.Lock()
        self._place: Place | None = None
        self._build: asyncio.Task[None] | None = None

    @property
    def is_building(self) -> bool:
        return self._build is not None and not self._build.done()

    async def begin(self, place: Place, user_id: int, lost: Found | None) -> None:
        """Build the moment here, unless somebody else does. Raises NoRoom, TryLater, NotReady."""
        async with self._claiming:
            if self.is_building:
                if self._place == place:
                    return
                raise NoRoom("Another moment is being made ready; ask again")
            await self._must_have_memory()
            unread = Unread(self._base_events_max(place), self._unread_s)
            claim = await self._kept.claim(place, user_id, lost, unread)
            if claim is not None:
                self._place = place
                self._build = asyncio.create_task(self._built(claim))
                self._build.add_done_callback(_noticed)

    async def wait(self, place: Place, elsewhere_s: float) -> None:
        """Wait until a moment is built here, or `elsewhere_s` for what happens elsewhere. Raises TryLater."""
        if self._build is None or self._build.done() or self._place != place:
            await asyncio.sleep(elsewhere_s)
            return
        try:
            await asyncio.shield(self._build)
        except TROUBLE as error:
            raise TryLater("What is asked of the past could not be made ready; ask again") from error

    async def close(self) -> None:
        """Give up what is being built."""
        if self._build is not None:
            self._build.cancel()
            await asyncio.gather(self._build, return_exceptions=True)

    async def _built(self, claim: Claim) -> None:
        """Build, for as long as the claim and the memory last."""
        begun = asyncio.get_running_loop().time()
        work = asyncio.create_task(self._made(claim))
        try:
            await first_of(work, self._guard(claim), timeout_s=self._settings.moment_build_timeout_s)
            if not await self._kept.ready(claim):
                raise Lost("somebody else's", claim.place.position)
        except BaseException as error:
            if not isinstance(error, asyncio.CancelledError | TryLater):
                log.warning("moment_not_built", position=claim.place.position, reason=repr(error))
            # A task of its own: what is cancelled itself cannot ask Redis any more.
            await asyncio.create_task(forget(self._kept, self._redis, claim))
            raise
        took_s = asyncio.get_running_loop().time() - begun
        log.info("moment_built", position=claim.place.position, seconds=round(took_s, 2))

    async def _made(self, claim: Claim) -> None:
        await self._kept.sweep(self._redis)
        job = Job(claim, claim.carried or await self._base(claim.place))
        to_fold = claim.place.position - (job.base.position if job.base else 0)
        if to_fold <= self._settings.moment_inline_events_max:
            await build(self._store, self._large, job, INLINE_BATCH_EVENTS_MAX)
            return
        settings = self._settings
        sources = Sources(settings.database_url, settings.redis_url, settings.master_key)
        await built_elsewhere(Order(job, sources, settings.log_format, settings.log_level))

    async def _base(self, place: Place) -> Base | None:
        return await self._kept.base(place, self._base_events_max(place))

    def _base_events_max(self, place: Place) -> int:
        return min(self._settings.moment_base_events_max, place.position // COPIED_SHARE)

    async def _guard(self, claim: Claim) -> None:
        """Hold the claim and look at the memory, until one of them is lost."""
        while True:
            await asyncio.sleep(HOLD_INTERVAL_S)
            if not await self._kept.hold(claim):
                raise Lost("somebody else's", claim.place.position)
            await self._must_have_memory()

    async def _must_have_memory(self) -> None:
        """The live read model must go on growing. Raises TryLater where Redis is too full for more."""
        try:
            percent = await used_percent(self._redis)
            if percent > self._settings.moment_memory_percent_max:
                await self._kept.tidy(self._redis, SPARING_KEEP_S)
                percent = await used_percent(self._redis)
        except (RedisError, OSError, TimeoutError) as error:
            raise NotReady(f"Redis cannot be asked: {error}") from error
        if percent > self._settings.moment_memory_percent_max:
            log.warning("moment_refused", redis_memory_percent=round(percent, 1))
            raise TryLater(
                "There is no memory left to show the past at this moment; operators are told",
                NO_ROOM_RETRY_AFTER_S,
            )


def _noticed(build: asyncio.Task[None]) -> None:
    """Whoever waited has been told; nobody has to wait."""
    if not build.cancelled():
        build.exception()


async def used_percent(redis: Redis) -> float:
    """How much of its memory Redis uses; of the machine's where Redis has no limit of its own."""
    memory = await redis.info("memory")
    limit = int(memory.get("maxmemory", 0)) or int(memory.get("total_system_memory", 0))
    return 100 * int(memory["used_memory"]) / limit if limit else 0.0


async def first_of(work: asyncio.Task[None], guard: Coroutine[Any, Any, None], *, timeout_s: float) -> None:
    """Wait for `work`; what `guard` raises, or too much time, ends it. Raises TimeoutError."""
    guarding = asyncio.create_task(guard)
    try:
        async with asyncio.timeout(timeout_s):
            await asyncio.wait({work, guarding}, return_when=asyncio.FIRST_COMPLETED)
        await (work if work.done() else guarding)
    finally:
        for task in (work, guarding):
            task.cancel()
        await asyncio.gather(work, guarding, return_exceptions=True)
