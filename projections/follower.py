"""Follows the log with one generation: takes it over or begins it anew, fills it, keeps it up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass

import structlog

from events.event import Poison, Record
from events.store import EventStore
from projections.live import Keep, Live, identity
from projections.writer import Checkpoint, Lost, Writer

log = structlog.get_logger(__name__)

Records = Sequence[Record | Poison]


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """Bounds of a runner, times in seconds.

    While a generation is being filled nobody reads it, and its batches may be larger. An idle
    runner looks every `idle_check_s` whether Redis still holds what it wrote.
    """

    batch_events_max: int = 1_000
    filling_batch_events_max: int = 20_000
    idle_check_s: float = 0.25
    acquire_interval_s: float = 0.5
    retry_min_s: float = 0.05
    retry_max_s: float = 0.5
    redis_timeout_s: float = 30.0


class Follower:
    """Folds the log into the generation that `writer` writes, for as long as its epoch holds.

    Raises StoreError, and what Writer raises; Lost means to attach again.
    """

    def __init__(self, store: EventStore, writer: Writer, keep: Keep, settings: RunnerSettings) -> None:
        self._store = store
        self._writer = writer
        self._keep = keep
        self._settings = settings
        self._has_attached = False

    async def attach(self, epoch: int) -> Live:
        """Take the generation over where it stands, or begin it anew when that cannot be trusted."""
        checkpoint = await self._writer.seize(epoch)
        if checkpoint is None or not await self._is_trusted(checkpoint):
            self._say_why(checkpoint)
            log_id = await self._store.log_id()
            await self._forget()
            await self._writer.clear(log_id)
            checkpoint = Checkpoint(epoch, "filling", 0, log_id, "")
        self._has_attached = True
        return Live(self._writer, checkpoint, await self._writer.parked(), self._keep)

    async def _forget(self) -> None:
        """The log may have been restored: what it holds no more must stand in nobody's way.

        A position beyond its end now is in the model before anybody reads that again.
        """
        self._store.keyring.clear()
        await self._writer.forget_positions_after(await self._store.head())

    def _say_why(self, checkpoint: Checkpoint | None) -> None:
        if checkpoint is None and not self._has_attached:
            log.info("read_model_begins")
        else:
            log.warning("read_model_begins_anew", state=checkpoint.state if checkpoint else "absent")

    async def _is_trusted(self, checkpoint: Checkpoint) -> bool:
        """Whether it is whole, and of the log that we read: a restored log may have gone backwards."""
        if checkpoint.state not in {"filling", "ready"} or checkpoint.log_id != await self._store.log_id():
            return False
        with suppress(Lost):
            await self._read(checkpoint, 0)
            return True
        return False

    async def fill(self, live: Live) -> None:
        """Fold up to where the log ends now; before that nobody reads the generation."""
        if live.checkpoint.state == "ready":
            return
        async with aclosing(self._batches(live.checkpoint, await self._store.head())) as batches:
            async for records in batches:
                await live.fold(records, "filling")
        await live.fold([], "ready")
        log.info("read_model_ready", position=live.checkpoint.position)

    async def follow(self, live: Live) -> None:
        """Fold what is appended, within moments, until something is lost."""
        while True:
            records = await self._read(live.checkpoint, self._settings.batch_events_max)
            if records:
                await live.fold(records, "ready")
            elif not await self._store.wait(live.checkpoint.position, self._settings.idle_check_s):
                await self._look_after(live.checkpoint)

    async def _batches(self, checkpoint: Checkpoint, end: int) -> AsyncGenerator[Records, None]:
        """What follows the checkpoint, up to `end`; a batch is read while the one before is written."""
        limit = self._settings.filling_batch_events_max
        upcoming = asyncio.create_task(self._read(checkpoint, limit))
        try:
            while checkpoint.position < end:
                records = await upcoming
                if not records:
                    raise Lost("of another log", checkpoint.position)
                checkpoint = checkpoint._replace(
                    position=records[-1].position, event_id=identity(records[-1])
                )
                upcoming = asyncio.create_task(self._read(checkpoint, limit))
                yield records
        finally:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)

    async def _look_after(self, checkpoint: Checkpoint) -> None:
        """Notice a loss although nothing is to be written. Raises Lost, Fenced."""
        now = await self._writer.seize(self._writer.epoch)
        if now is None or (now.state, now.position) != (checkpoint.state, checkpoint.position):
            raise Lost(now.state if now else "absent", now.position if now else 0)

    async def _read(self, checkpoint: Checkpoint, limit: int) -> Records:
        """What follows the checkpoint, whose own event has to be where it was. Raises Lost."""
        if checkpoint.position == 0:
            return await self._store.read(0, limit) if limit else []
        found = await self._store.read(checkpoint.position - 1, limit + 1)
        if not found or identity(found[0]) != checkpoint.event_id:
            raise Lost("of another log", checkpoint.position)
        return found[1:]
