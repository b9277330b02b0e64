"""Loads a generation: folds a long log into an empty read model by stream, in several processes at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import structlog
from redis.asyncio import Redis

from events.connections import Connections
from events.store import EventStore
from projections.bulk_fold import merged, parked_by
from projections.bulk_messages import Order, Sources, sealed
from projections.bulk_notes import PLAN, bucket_field, departments_in, events_in, letters_in
from projections.bulk_plan import Plan, plan_in, plan_json, planned, sampled_positions
from projections.bulk_team import InOrder, Team, team
from projections.discards import discarded
from projections.encoding import Command, several
from projections.live import Keep, identity
from projections.queries import query, rows
from projections.writer import Checkpoint, Lost, Move, Writer
from readmodels.connecting import call, connect

log = structlog.get_logger(__name__)

SAMPLE: Final = query("bulk_sample")
LOADING: Final = "loading"
TOLD_EVERY_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class BulkSettings:
    """Bounds of a load. Logs of fewer than `events_min` events are sooner folded in order than divided.

    A range has about `range_events` events. A worker holds `documents_max` documents at the most, and what
    follows for indexes from `entries_max_bytes` of them; Redis carries out `part_max_bytes` at once, about.
    Summaries are added up in so many `buckets`, one at a time in each worker's memory.
    """

    workers: int = 2
    events_min: int = 20_000
    range_events: int = 50_000
    buckets: int = 16
    documents_max: int = 500
    entries_max_bytes: int = 16_000_000
    part_max_bytes: int = 1_000_000
    redis_timeout_s: float = 30.0


DEFAULT: Final = BulkSettings()


class Progress(NamedTuple):
    """How many of `total` events are folded, and how many a second since this load began or went on."""

    events: int
    total: int
    events_per_s: float


Tell = Callable[[Progress], None]


def is_loadable(checkpoint: Checkpoint, end: int, settings: BulkSettings = DEFAULT) -> bool:
    """Whether `load` may be called: for an unfinished load, and for what is empty when the log is long."""
    if checkpoint.state == LOADING:
        return True
    return checkpoint.state == "filling" and checkpoint.position == 0 and end >= settings.events_min


async def load(
    sources: Sources,
    store: EventStore,
    writer: Writer,
    checkpoint: Checkpoint,
    end: int,
    keep: Keep,
    *,
    settings: BulkSettings = DEFAULT,
    progress: Tell | None = None,
) -> Checkpoint:
    """Bring the generation that `writer` holds from nothing to position `end`; where it stands then.

    `checkpoint` is where it stands now: empty and filling, or loading, and then it is brought to the `end`
    that was meant when that began. A load that is broken off, however, goes on with the next call; ranges
    that are done are not done again. The state is filling afterwards, at `end`, or at 0 for a log whose
    documents do not follow from their own streams: that is logged, and the log is to be folded in order.

    Cancelling ends the processes. `progress` is called about ten times a second. `keep` is given all dead
    letters. Raises Unavailable, WorkerDied (an OSError), RedisError, and what Writer raises.
    """
    redis = connect(sources.redis_url, timeout_s=settings.redis_timeout_s)
    try:
        loading = Loading(sources, store, writer, redis, settings)
        checkpoint = await loading.begin(checkpoint, end)
        try:
            return await loading.carry_out(checkpoint, keep, progress)
        except InOrder as reason:
            log.warning("read_model_is_folded_in_order", generation=writer.keys.prefix, reason=str(reason))
            await writer.clear(checkpoint.log_id)
            return Checkpoint(writer.epoch, "filling", 0, checkpoint.log_id, "")
    finally:
        await redis.aclose()


class Loading:
    """One call of `load`."""

    def __init__(
        self, sources: Sources, store: EventStore, writer: Writer, redis: Redis, settings: BulkSettings
    ) -> None:
        self._sources = sources
        self._store = store
        self._writer = writer
        self._redis = redis
        self._settings = settings

    async def begin(self, checkpoint: Checkpoint, end: int) -> Checkpoint:
        """The checkpoint of a load, which stands at its end from the beginning."""
        if checkpoint.state == LOADING:
            return checkpoint
        found = await self._store.read(end - 1, 1)
        if not found:
            raise Lost("of another log", end)
        last = found[0]
        plan = plan_json(await self._plan(end)).decode()
        move = Move(checkpoint.state, checkpoint.position, LOADING, end, identity(last), last.recorded_at)
        noting: list[Command] = [["HSET", self._writer.keys.loading, PLAN, plan]]
        await self._writer.apply(noting, move)
        return checkpoint._replace(
            state=LOADING, position=end, event_id=move.event_id, recorded_at=move.recorded_at
        )

    async def carry_out(self, checkpoint: Checkpoint, keep: Keep, progress: Tell | None) -> Checkpoint:
        notes = await self._notes()
        plan = plan_in(notes[PLAN.encode()])
        clock = Clock(checkpoint.position, sum(events_in(notes).values()), progress)
        async with team(await self._order(checkpoint, plan), self._settings.workers, clock.count) as workers:
            await self._fold(workers, plan, notes)
            buckets = (bucket for bucket in range(plan.buckets) if bucket_field(bucket).encode() not in notes)
            await workers.share({"bucket": bucket} for bucket in buckets)
        return await self._finish(checkpoint, plan, keep)

    async def _fold(self, workers: Team, plan: Plan, notes: Mapping[bytes, bytes]) -> None:
        """All ranges that are not done yet: users first, because departments' figures rest on them."""
        done = events_in(notes)
        users, others = ([job for job in jobs if job["range"] not in done] for jobs in plan.jobs())
        await workers.share(users)
        await workers.everybody({"departments": departments_in(await self._notes())})
        await workers.share(others)

    async def _finish(self, checkpoint: Checkpoint, plan: Plan, keep: Keep) -> Checkpoint:
        notes = await self._notes()
        end = checkpoint.position
        if sum(events_in(notes).values()) != end:
            raise Lost("of another log", end)
        letters = merged(letters_in(notes))
        if letters:
            await keep(letters)
        keys = self._writer.keys
        parked = [f"{ref.kind}:{ref.id}" for ref in parked_by(letters)]
        commands: list[Command] = [
            *several("SADD", keys.parked, parked),
            ["DEL", keys.loading, *map(keys.loading_sums, range(plan.buckets))],
            ["DEL", *map(keys.loading_texts, range(plan.buckets))],
        ]
        move = Move(LOADING, end, "filling", end, checkpoint.event_id, checkpoint.recorded_at)
        await self._writer.apply(commands, move)
        return checkpoint._replace(state="filling")

    async def _plan(self, end: int) -> Plan:
        settings = self._settings
        connections = Connections(self._sources.database_url, connections_max=1)
        try:
            positions = sampled_positions(end, settings.range_events)
            streams = [row[0] for row in await rows(connections, SAMPLE, positions=positions)]
        finally:
            await connections.close()
        return planned(streams, end, settings.range_events, settings.buckets)

    async def _notes(self) -> Mapping[bytes, bytes]:
        """What is noted of this load: its plan, and what is done."""
        notes: Mapping[bytes, bytes] = await call(self._redis, "HGETALL", self._writer.keys.loading)
        if PLAN.encode() not in notes:
            raise Lost("absent")
        return notes

    async def _order(self, checkpoint: Checkpoint, plan: Plan) -> Order:
        return Order(
            database_url=self._sources.database_url,
            redis_url=self._sources.redis_url,
            master_key=sealed(self._sources.master_key),
            generation=self._writer.generation,
            epoch=self._writer.epoch,
            end=checkpoint.position,
            event_id=checkpoint.event_id,
            recorded_at=checkpoint.recorded_at,
            discarded=sorted(await discarded(self._store, checkpoint.position)),
            buckets=plan.buckets,
            documents_max=self._settings.documents_max,
            entries_max_bytes=self._settings.entries_max_bytes,
            part_max_bytes=self._settings.part_max_bytes,
            redis_timeout_s=self._settings.redis_timeout_s,
        )


class Clock:
    """Counts events and says now and then how many a second that are."""

    def __init__(self, total: int, events: int, progress: Tell | None) -> None:
        self._total = total
        self._events = self._before = events
        self._progress = progress
        self._started = time.monotonic()
        self._told = 0.0

    def count(self, events: int) -> None:
        self._events += events
        now = time.monotonic()
        is_due = now - self._told >= TOLD_EVERY_S or self._events == self._total
        if self._progress is not None and is_due:
            rate = (self._events - self._before) / max(now - self._started, 1e-9)
            self._progress(Progress(self._events, self._total, rate))
            self._told = now
