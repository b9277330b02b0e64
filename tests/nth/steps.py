"""What projectors do, each with what has to be there before it: from a batch to a rebuild."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any, Final

from redis.asyncio import Redis

from api.core import Core
from api.errors import TryLater
from events.connections import Connections
from events.errors import StoreError
from events.event import Event
from events.log import RawAppend, RawEvent
from events.mapper import new_event_id
from events.operations import DeadLettersRetried, EventDiscarded
from events.store import Append, EventStore
from projections import rebuilds
from projections.follower import RunnerSettings
from projections.projector import run_projector
from projections.rebuild import GONE_ON_WITH, Rebuilding, Tools
from projections.rebuilds import Rebuild, Wish
from projections.switching import Switching
from readmodels.connecting import connect
from readmodels.model import NotReady
from tests.histories import history
from tests.nth.faults import Fault
from tests.nth.injector import Injector, beside
from tests.pasts import core_on, fresh, held, moment
from tests.projecting import append, is_the_fold_of_the_log, model_in

WITHIN_S: Final = 15.0
AWAY_S: Final = 0.05
LOOK_S: Final = 0.005
BATCH_EVENTS: Final = 4
EVENTS: Final = 5_000
ATTEMPTS_MAX: Final = 5
WHY: Final = "a test wants it"
SETTINGS: Final = RunnerSettings(acquire_interval_s=0.02, retry_min_s=0.01, retry_max_s=0.02)


class Scene:
    """A log that grows by one try after the other, and a read model of it."""

    def __init__(self, store: EventStore, redis_url: str, database_url: str, injector: Injector) -> None:
        self.store = store
        self.injector = injector
        self.database_url = database_url
        self.redis_url = redis_url
        self._records = iter(history(Random(7), EVENTS))
        self._operations = 0
        self._numbers = itertools.count(10**6)

    async def grows(self, count: int = BATCH_EVENTS) -> None:
        """What happens next; histories are short enough for a batch."""
        await append(self.store, list(itertools.islice(self._records, count)))

    async def stumbles(self) -> int:
        """An event that nobody can read; its position."""
        stream = f"task-{next(self._numbers)}"
        raw = RawEvent(stream, 1, "task.created", b"{}", new_event_id())
        [outcome] = await self.store.log.append_group([RawAppend(stream, (raw,))])
        assert not isinstance(outcome, Exception)
        return outcome.position

    async def is_operated(self, event: Event) -> None:
        self._operations += 1
        await self.store.append(Append(new_event_id(), ((event, self._operations),)))

    @asynccontextmanager
    async def struck(self, fault: Fault, nth: int) -> AsyncIterator[None]:
        """A block in which the fault strikes; one that stays is gone AWAY_S later."""
        with self.injector.armed(fault, nth):
            healing = asyncio.create_task(self._heal()) if fault.stays else None
            try:
                yield
            finally:
                if healing is not None:
                    healing.cancel()
                    await asyncio.gather(healing, return_exceptions=True)

    async def _heal(self) -> None:
        while self.injector.struck is None:  # noqa: ASYNC110 - whoever strikes tells nobody
            await asyncio.sleep(LOOK_S)
        await asyncio.sleep(AWAY_S)
        self.injector.disarm()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[Redis]:
        """A client for looking at what came of it, beside what is tried."""
        redis = connect(self.redis_url)
        try:
            with beside():
                yield redis
        finally:
            await redis.aclose()

    async def project(self, fault: Fault, nth: int) -> None:
        """Have a projector run until the read model is level with the log."""
        redis = connect(self.redis_url)
        work = run_projector(self.store, redis, self.database_url, SETTINGS)
        try:
            async with self.struck(fault, nth):
                await self._until_level(asyncio.create_task(work))
        finally:
            await redis.aclose()

    async def _until_level(self, projector: asyncio.Task[None]) -> None:
        try:
            async with asyncio.timeout(WITHIN_S), self.watching() as redis:
                model, head = await model_in(redis, self.database_url), await self.store.head()
                while not projector.done() and not await is_at(model.position, head):  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_S)
        finally:
            self.injector.disarm()
            projector.cancel()
            await asyncio.wait({projector}, timeout=WITHIN_S)
            assert projector.done(), "a projector that was cancelled goes on"
            with suppress(asyncio.CancelledError):
                await projector

    async def is_level(self) -> None:
        async with self.watching() as redis:
            await is_the_fold_of_the_log(redis, self.database_url, self.store)


async def is_at(position: Callable[[], Coroutine[Any, Any, int]], head: int) -> bool:
    with suppress(NotReady):
        return await position() >= head
    return False


async def a_batch(scene: Scene, fault: Fault, nth: int) -> None:
    await scene.grows()
    await scene.project(fault, nth)
    await scene.is_level()


async def a_fill(scene: Scene, fault: Fault, nth: int) -> None:
    """From nothing, after Redis was emptied."""
    await scene.grows(1)
    async with scene.watching() as redis:
        await redis.flushdb()
    await scene.project(fault, nth)
    await scene.is_level()


async def repairs(scene: Scene, fault: Fault, nth: int) -> None:
    """Of what stops its documents, one event is discarded and one is retried in vain."""
    discarded, retried = await scene.stumbles(), await scene.stumbles()
    await scene.grows(2)
    await scene.is_operated(EventDiscarded(discarded, WHY))
    await scene.is_operated(DeadLettersRetried((retried,), WHY))
    await scene.project(fault, nth)
    await scene.is_level()


async def a_rebuild(scene: Scene, fault: Fault, nth: int) -> None:
    """Whoever works on it goes on until it is done."""
    redis, connections = connect(scene.redis_url), Connections(scene.database_url)
    tools = Tools(
        store=scene.store,
        redis=redis,
        connections=connections,
        switching=Switching(_is_recorded, fed_for_s=1),
        settings=SETTINGS,
    )
    try:
        with beside():
            await _begun(connections)
        async with scene.struck(fault, nth):
            await _done(tools)
    finally:
        await redis.aclose()
        await connections.close()
    await scene.is_level()


async def _is_recorded(rebuild: Rebuild, live: int) -> None:
    assert rebuild.generation != live


async def _begun(connections: Connections) -> None:
    wish = Wish(purpose="rebuild", runs_in="projector", switch_if="equal")
    number = await rebuilds.new_generation(connections)
    assert await rebuilds.begin(connections, wish, number, None, WHY)


async def _done(tools: Tools) -> None:
    for _ in range(ATTEMPTS_MAX):
        with beside():
            asked = await rebuilds.unfinished(tools.connections)
        if asked is None:
            return
        with suppress(*GONE_ON_WITH):
            done = await Rebuilding(tools, asked).run()
            assert done.state == "done", done
            assert done.report is None or done.report["differences"] == 0, done
    raise AssertionError(f"a rebuild is not done after {ATTEMPTS_MAX} attempts")


async def a_moment(scene: Scene, fault: Fault, nth: int) -> None:
    """Asked for until it is there; each at a place of its own, so that it is built."""
    with beside():
        await scene.grows(2)
        position = await scene.store.head() - 1
    with beside():
        serving = core_on(scene.database_url, scene.redis_url)
        core = await serving.__aenter__()
    try:
        async with scene.struck(fault, nth):
            model = await _made(core, position)
        async with scene.watching() as redis:
            assert await held(redis, model) == await fresh(redis, scene.store, position)
    finally:
        await serving.__aexit__(None, None, None)


async def _made(core: Core, position: int) -> Any:
    for _ in range(ATTEMPTS_MAX):
        with suppress(TryLater, NotReady, StoreError):
            return await moment(core, position)
    raise AssertionError(f"a moment is not made after {ATTEMPTS_MAX} attempts")


Step = Callable[[Scene, Fault, int], Coroutine[Any, Any, None]]
STEPS: Final[tuple[Step, ...]] = (a_batch, a_fill, repairs, a_rebuild, a_moment)
