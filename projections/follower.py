"""Follows the log with one generation: takes it over or begins it anew, fills it, keeps it up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from events.event import Poison, Record
from events.store import EventStore
from projections import bulk
from projections.bulk_messages import Sources
from projections.counts import FoldCounts
from projections.dead_letters import Settlement
from projections.discards import discarded
from projections.live import Live, identity
from projections.repairs import Repairs
from projections.writer import Checkpoint, Lost, Writer
from readmodels.changes import DeadLetter

log = structlog.get_logger(__name__)

Records = Sequence[Record | Poison]


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """Bounds of a runner, times in seconds.

    While a generation is being filled nobody reads it, and its batches may be larger. An idle
    runner looks every `idle_check_s` whether Redis still holds what it wrote. A projector looks every
    `feed_check_s` which generations there are to feed, and every `tidy_interval_s` which are outdated.
    With `sources`, a long log comes into an empty generation through processes of their own (see
    `projections.bulk`).
    """

    batch_events_max: int = 1_000
    filling_batch_events_max: int = 20_000
    idle_check_s: float = 0.25
    feed_check_s: float = 0.25
    tidy_interval_s: float = 60.0
    acquire_interval_s: float = 0.5
    retry_min_s: float = 0.05
    retry_max_s: float = 0.5
    redis_timeout_s: float = 30.0
    sources: Sources | None = None
    counts: FoldCounts = field(default_factory=FoldCounts)
    loading: bulk.BulkSettings = bulk.DEFAULT


class Letters(Protocol):
    """Where operators find what was not folded, as `projections.dead_letters.Letterbox` keeps it."""

    async def keep(self, letters: Sequence[DeadLetter]) -> None: ...

    async def settle(self, settlement: Settlement) -> None: ...

    async def forget(self, after: int) -> None: ...


class Follower:
    """Folds the log into the generation that `writer` writes, for as long as its epoch holds.

    While `gate` is not set it stands still. Raises StoreError, and what Writer raises; Lost means to
    attach again.
    """

    def __init__(
        self,
        store: EventStore,
        writer: Writer,
        letters: Letters,
        settings: RunnerSettings,
        gate: asyncio.Event | None = None,
    ) -> None:
        self._store = store
        self._writer = writer
        self._letters = letters
        self._settings = settings
        self._gate = gate or opened()
        self._has_attached = False

    async def attach(self, epoch: int, end: int | None = None) -> Live:
        """Take the generation over where it stands, or begin it anew when that cannot be trusted.

        One that is not complete yet is going to be at position `end` (None: where the log ends).
        """
        checkpoint = await self._writer.seize(epoch)
        if checkpoint is None or not await self._is_trusted(checkpoint):
            self._say_why(checkpoint)
            log_id = await self._store.log_id()
            await self._forget()
            await self._writer.clear(log_id)
            checkpoint = Checkpoint(epoch, "filling", 0, log_id, "")
        self._has_attached = True
        await self._letters.forget(checkpoint.position)
        return Live(
            self._writer,
            checkpoint,
            await self._writer.parked(),
            self._letters.keep,
            discarded=await self._left_out(checkpoint, end),
            repairs=Repairs(self._store, self._letters.settle),
        )

    async def _left_out(self, checkpoint: Checkpoint, end: int | None) -> frozenset[int]:
        """What is discarded by where the generation is first read; a later discard repairs it at its place.

        Two generations at the same position hold the same that way, also where folding is paused short
        of a discard.
        """
        if checkpoint.state == "ready":
            end = checkpoint.position
        return await discarded(self._store, await self._store.head() if end is None else end)

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
        trusted = {"filling", "ready", *([bulk.LOADING] if self._settings.sources else [])}
        if checkpoint.state not in trusted or checkpoint.log_id != await self._store.log_id():
            return False
        with suppress(Lost):
            await self._read(checkpoint, 0)
            return True
        return False

    async def fill(self, live: Live) -> None:
        """Fold up to where the log ends now; before that nobody reads the generation."""
        if live.checkpoint.state == "ready":
            return
        end = await self._store.head()
        await self._load(live, end)
        async with aclosing(self._batches(live.checkpoint, end)) as batches:
            async for records in batches:
                await self._gate.wait()
                await self._fold(live, records, "filling")
        await live.fold([], "ready")
        log.info("read_model_ready", position=live.checkpoint.position)

    async def _load(self, live: Live, end: int) -> None:
        """Fold a long log into an empty generation by stream, in several processes."""
        sources, settings = self._settings.sources, self._settings.loading
        if sources is None or not bulk.is_loadable(live.checkpoint, end, settings):
            return
        await self._gate.wait()
        live.checkpoint = await bulk.load(
            sources, self._store, self._writer, live.checkpoint, end, self._letters.keep, settings=settings
        )
        live.parked = await self._writer.parked()

    async def _fold(self, live: Live, records: Records, state: str) -> None:
        began = time.perf_counter()
        await live.fold(records, state)
        self._settings.counts.note(len(records), time.perf_counter() - began)

    async def advance(self, live: Live, end: int) -> None:
        """Fold up to position `end` exactly, which the log must have reached; Lost when it has not."""
        while live.checkpoint.position < end:
            limit = min(self._settings.filling_batch_events_max, end - live.checkpoint.position)
            records = await self._read(live.checkpoint, limit)
            if not records:
                raise Lost("of another log", live.checkpoint.position)
            await self._fold(live, records, live.checkpoint.state)

    async def follow(self, live: Live) -> None:
        """Fold what is appended, within moments, until something is lost."""
        while True:
            await self._gate.wait()
            records = await self._read(live.checkpoint, self._settings.batch_events_max)
            if records:
                await self._fold(live, records, "ready")
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


def opened() -> asyncio.Event:
    """A gate that lets everything through."""
    gate = asyncio.Event()
    gate.set()
    return gate
