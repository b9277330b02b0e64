"""Rebuilding: a generation is folded beside the live one, compared with it, and takes its place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from redis.asyncio import Redis

from events.connections import Connections
from events.errors import Unavailable
from events.store import EventStore
from projections import bulk, rebuilds
from projections.bulk import is_loadable
from projections.comparing import Comparison, Unsteady
from projections.dead_letters import Letterbox
from projections.differences import Differences
from projections.follower import Follower, RunnerSettings
from projections.generations import current_generation, generation_of, remove, unfeed
from projections.holding import Held, guarded, held, turn_of
from projections.lease import lease_of
from projections.live import Live
from projections.rebuilds import Progress, Rebuild
from projections.runner import TROUBLE
from projections.switching import NotSwitched, Switching, position_of, send_over
from projections.writer import Lost, Writer

log = structlog.get_logger(__name__)

TELL_INTERVAL_S: Final = 0.3
ATTEMPTS_MAX: Final = 3
RATED_SHARE: Final = 0.1
"""The part of the log that has to be folded in one go before the events a second are told."""

GONE_ON_WITH: Final = (*TROUBLE, Held, Lost, Unsteady, NotSwitched)
"""After these a rebuild can be gone on with; any other error would come again."""


class Cancelled(Exception):
    """An operator wants nothing of it to be left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What rebuilding works with; without `switching` nobody is sent anywhere."""

    store: EventStore
    redis: Redis
    connections: Connections
    switching: Switching | None
    settings: RunnerSettings = field(default_factory=RunnerSettings)


class Rebuilding:
    """One rebuild, worked on by this process; `progress` tells at any time how far it is.

    Whoever dies or is stopped on the way leaves a generation that the next one goes on with.
    """

    def __init__(self, tools: Tools, rebuild: Rebuild) -> None:
        self.progress = Progress()
        self._tools = tools
        self._rebuild = rebuild
        self._connections = tools.connections
        self._generation = rebuild.generation
        self._turn = turn_of(tools.connections)
        self._lease = lease_of(tools.connections, rebuild.generation)
        self._writer = Writer(tools.redis, rebuild.generation, tools.settings.redis_timeout_s)
        self._letters = Letterbox(tools.connections, rebuild.generation)
        self._follower = Follower(tools.store, self._writer, self._letters, tools.settings)

    async def run(self) -> Rebuild:
        """Fold, compare, switch as far as wished; what became of it.

        Raises Held, Unsteady, NotSwitched, StoreError, LeaseLost, and what `projections.writer.Writer`
        raises: after these it can be gone on with. Any other error fails it, and nothing of it is left.
        """
        async with held(self._turn):
            return await guarded(self._taken(), self._turn.keep())

    async def discard(self) -> Rebuild:
        """Leave nothing of it, where nobody is at work on it; it is done if readers go to it already.

        Raises Held, LeaseLost, StoreError, RedisError, OSError.
        """
        async with held(self._turn):
            return await guarded(self._discarded(), self._turn.keep())

    async def _discarded(self) -> Rebuild:
        return await self._ended("cancelled" if await self._emptied() else "done")

    async def _emptied(self) -> bool:
        """False when readers go to its generation, of which everything is left."""
        if await current_generation(self._connections) == self._generation:
            return False
        await unfeed(self._connections, self._generation)
        async with held(self._lease):
            removing = remove(self._connections, self._tools.redis, self._generation)
            return await guarded(removing, self._lease.keep())

    async def _taken(self) -> Rebuild:
        if await current_generation(self._connections) == self._generation:
            return await self._finish("done")
        running = await rebuilds.run(self._connections, self._rebuild, self._turn)
        if running is None:
            raise Held("it is finished, or was cancelled, by now")
        self._rebuild = running
        try:
            return await self._work()
        except BaseException as error:
            await self._broken_off(error)
            raise

    async def _broken_off(self, error: BaseException) -> None:
        reason = f"{type(error).__name__}: {error}" if isinstance(error, Exception) else None
        state = self._state_after(error)
        with suppress(*GONE_ON_WITH):
            await self._ended(state, error=reason)
            if state == "failed":
                await self._emptied()

    def _state_after(self, error: BaseException) -> str:
        if isinstance(error, Exception) and not isinstance(error, GONE_ON_WITH):
            return "failed"
        # What the projector could not do for now, or was stopped in, the next one takes up.
        is_final = self._rebuild.runs_in == "command" or isinstance(error, Unsteady | NotSwitched)
        return "stopped" if is_final else "requested"

    async def _work(self) -> Rebuild:
        live = await generation_of(self._connections)
        # One that was about to be switched to is fed by the projector, which lets go of it now.
        await unfeed(self._connections, self._generation)
        async with held(self._lease):
            try:
                found = await guarded(self._made(live), self._lease.keep(), self._watch())
            except Cancelled:
                return await self._removed("cancelled")
            report = None if found is None else found.as_json()
            if self._rebuild.purpose == "verification":
                return await self._removed("done", report)
            if not self._is_to_switch(found):
                return await self._finish("kept", report)
            self.progress.phase = "switching"
            if await self._told():
                return await self._removed("cancelled")
        assert self._tools.switching is not None, "whoever rebuilds can say so"
        await send_over(self._tools.redis, self._connections, self._tools.switching, self._rebuild, live)
        return await self._finish("done", report)

    def _is_to_switch(self, found: Differences | None) -> bool:
        if self._rebuild.switch_if == "equal":
            return found is not None and found.total == 0
        return self._rebuild.switch_if == "always"

    async def _removed(self, state: str, report: Mapping[str, Any] | None = None) -> Rebuild:
        await self._told()
        await remove(self._connections, self._tools.redis, self._generation)
        return await self._ended(state, report=report)

    async def _finish(self, state: str, report: Mapping[str, Any] | None = None) -> Rebuild:
        await self._told()
        return await self._ended(state, report=report)

    async def _ended(self, state: str, **told: Any) -> Rebuild:
        return await rebuilds.finish(self._connections, self._rebuild, self._turn, state, **told)

    async def _told(self) -> bool:
        """Tell how far it is; whether it shall stop. Raises Held when others have the turn by now."""
        return await rebuilds.tell(self._connections, self._rebuild, self._turn, self.progress)

    async def _watch(self) -> None:
        """Tell how far it is. Raises Cancelled."""
        while True:
            with suppress(Unavailable):
                if await self._told():
                    raise Cancelled
            await asyncio.sleep(TELL_INTERVAL_S)

    async def _made(self, live: int) -> Differences | None:
        """None when there is nothing to compare with, and no need to."""
        for _ in range(ATTEMPTS_MAX):
            try:
                position = await position_of(self._tools.redis, live)
                end = await self._tools.store.head() if position is None else position
                return await self._compared(live, await self._folded(end))
            except Lost as lost:
                log.warning("rebuild_begins_anew", generation=self._generation, reason=str(lost))
        raise NotSwitched(f"generation {self._generation} was lost {ATTEMPTS_MAX} times")

    async def _folded(self, end: int) -> Live:
        """Fold up to where the live one is: from then on both go on together."""
        self.progress.phase, self.progress.total = "folding", end
        own = await self._loaded(await self._follower.attach(self._lease.epoch, end), end)
        began, start = time.monotonic(), own.checkpoint.position
        step = self._tools.settings.filling_batch_events_max
        self.progress.done = start
        while (position := own.checkpoint.position) < end:
            await self._follower.advance(own, min(position + step, end))
            passed_s = max(time.monotonic() - began, 0.001)
            self._note(own.checkpoint.position, start, (own.checkpoint.position - start) / passed_s)
        if own.checkpoint.state != "ready":
            await own.fold([], "ready")
        return own

    async def _loaded(self, own: Live, end: int) -> Live:
        """The long part, by several processes."""
        sources, settings = self._tools.settings.sources, self._tools.settings.loading
        if sources is None or not is_loadable(own.checkpoint, end, settings):
            return own

        start: int | None = None

        def note(told: bulk.Progress) -> None:
            nonlocal start
            start = told.events if start is None else start
            self._note(told.events, start, told.events_per_s)

        await bulk.load(
            sources,
            self._tools.store,
            self._writer,
            own.checkpoint,
            end,
            self._letters.keep,
            settings=settings,
            progress=note,
        )
        return await self._follower.attach(self._lease.epoch, end)

    def _note(self, done: int, start: int, events_per_s: float) -> None:
        """How many events are done, the first `start` of them before. The rate of a few tells nothing."""
        self.progress.done = done
        if done - start >= self.progress.total * RATED_SHARE:
            self.progress.events_per_s = events_per_s

    async def _compared(self, live: int, own: Live) -> Differences | None:
        self.progress.phase = "comparing"

        async def advance(position: int) -> None:
            await self._follower.advance(own, position)

        comparison = Comparison(self._tools.redis, live, self._generation, own.checkpoint.position, advance)
        try:
            return await comparison.run()
        except Unsteady:
            if self._rebuild.switch_if != "always" or self._rebuild.purpose == "verification":
                raise
            return None
