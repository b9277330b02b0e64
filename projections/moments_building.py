"""Builds a moment: folds the log up to its position, from the beginning or from an earlier moment near it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeGuard

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from events.store import EventStore
from projections.bulk import DEFAULT, BulkSettings, is_loadable, load
from projections.bulk_messages import Sources
from projections.discards import discarded
from projections.live import Live
from projections.moments import Base, Claim, generation_of
from projections.writer import Checkpoint, Fenced, Lost, Move, Writer, keys_under
from readmodels.changes import DeadLetter
from readmodels.connecting import call
from readmodels.keys import MOMENTS, PERMITTED, Keys
from readmodels.scripts import Script, script

FOLDER: Final = Path(__file__).parent / "lua"
COPY, COPY_PART = (script(FOLDER, name) for name in ("copy", "copy_part"))
COPY_ENTRIES_MAX: Final = 10_000
COPY_KEYS_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Job:
    """What to build, for whoever holds the claim, and `base`, what to begin from if it is still there."""

    claim: Claim
    base: Base | None = None


async def build(
    store: EventStore,
    redis: Redis,
    job: Job,
    batch_events_max: int,
    *,
    sources: Sources | None = None,
    bulk: BulkSettings = DEFAULT,
) -> None:
    """Make the moment's keys; readers may have them once this returns and the claim is made `ready`.

    A long log is folded in processes of their own where its `sources` are given.
    Raises StoreError, and what Writer raises: Fenced or Lost when somebody else has taken over, or when
    the log is another one by now.
    """
    await call(redis, "SADD", MOMENTS, job.claim.number)
    writer = Writer(redis, generation_of(job.claim.number))
    checkpoint = await _begun(store, redis, writer, job)
    end = job.claim.place.position
    if sources is not None and is_loadable(checkpoint, end, bulk):
        checkpoint = await load(sources, store, writer, checkpoint, end, _no_letters, settings=bulk)
    live = Live(writer, checkpoint, await writer.parked(), _no_letters, discarded=await discarded(store, end))
    while live.checkpoint.position < end:
        position = live.checkpoint.position
        records = await store.read(position, min(batch_events_max, end - position))
        if not records:
            raise Lost("of another log", position)
        await live.fold(records, "filling")
    if end and live.checkpoint.recorded_at != job.claim.place.recorded_at:
        raise Lost("of another log", end)
    await live.fold([], "ready")


async def _begun(store: EventStore, redis: Redis, writer: Writer, job: Job) -> Checkpoint:
    """Where the fold begins: at the base, or at nothing."""
    claim = job.claim
    found = await writer.seize(claim.epoch)
    log_id = await store.log_id()
    base = job.base if job.base and await _can_begin_from(store, job.base, claim) else None
    if base is not None and base == claim.carried and _is_whole(found, base, log_id):
        return await _moved(writer, ("ready", base.position), found)
    await writer.clear(log_id)
    if base is not None and base != claim.carried:
        start = await _copied(redis, writer, base)
        if start is not None:
            return start
        await writer.clear(log_id)
    return Checkpoint(claim.epoch, "filling", 0, log_id, "")


async def _can_begin_from(store: EventStore, base: Base, claim: Claim) -> bool:
    """What was discarded after the base, the base has folded."""
    return await discarded(store, claim.place.position) == await discarded(store, base.position)


def _is_whole(found: Checkpoint | None, base: Base, log_id: str) -> TypeGuard[Checkpoint]:
    """Whether Redis still has the model that is to be carried on."""
    return found is not None and (found.state, found.position, found.log_id) == (
        "ready", base.position, log_id,
    )  # fmt: skip


async def _moved(writer: Writer, held: tuple[str, int], base: Checkpoint) -> Checkpoint:
    """Note that the model is at the base now, and is not to be read; `held` is what was noted before."""
    move = Move(*held, "filling", base.position, base.event_id, base.recorded_at)
    await writer.apply([], move)
    return base._replace(epoch=writer.epoch, state="filling")


async def _no_letters(_: Sequence[DeadLetter]) -> None:
    """Operators hear of dead letters from the generation that follows the log."""


async def _copied(redis: Redis, writer: Writer, base: Base) -> Checkpoint | None:
    """The checkpoint of a copy of the base; None when the base went away meanwhile, or cannot be copied."""
    original = Keys(generation_of(base.number))
    before = await _checkpoint_of(redis, original)
    if before is None or before.position != base.position:
        return None
    try:
        async for found in keys_under(redis, original.prefix):
            names = [name for name in map(bytes.decode, found) if _is_copied(name, original)]
            for start in range(0, len(names), COPY_KEYS_MAX):
                await _copy(redis, writer, original, names[start : start + COPY_KEYS_MAX])
    except ResponseError:
        return None
    if await _checkpoint_of(redis, original) != before:
        return None
    return await _moved(writer, ("filling", 0), before)


def _is_copied(name: str, original: Keys) -> bool:
    """Whose eyes are on the original is no part of it."""
    return name != original.checkpoint and not name.startswith(tuple(map(original.index, PERMITTED)))


async def _copy(redis: Redis, writer: Writer, original: Keys, names: list[str]) -> None:
    words = (writer.epoch, original.prefix, writer.keys.prefix, COPY_ENTRIES_MAX, *names)
    long = await _run(redis, writer, COPY, [], *words)
    for key, kind in zip(long[::2], long[1::2], strict=True):
        target = writer.keys.prefix + key.decode().removeprefix(original.prefix)
        cursor = b"0"
        while True:
            part = (writer.epoch, kind, cursor, COPY_ENTRIES_MAX)
            (cursor,) = await _run(redis, writer, COPY_PART, [key, target], *part)
            if cursor == b"0":
                break


async def _run(redis: Redis, writer: Writer, asked: Script, keys: list[Any], *words: Any) -> list[bytes]:
    """What a copying script answers behind the epoch. Raises Fenced, Lost."""
    epoch, *rest = await call(redis, "EVAL", asked.text, 1 + len(keys), writer.keys.checkpoint, *keys, *words)
    if epoch is None:
        raise Lost("absent")
    if int(epoch) != writer.epoch:
        raise Fenced(int(epoch))
    return list(rest)


async def _checkpoint_of(redis: Redis, keys: Keys) -> Checkpoint | None:
    """The checkpoint of a moment that can be read; None of any other."""
    names = ("epoch", "state", "position", "log_id", "event_id", "recorded_at")
    found = await call(redis, "HMGET", keys.checkpoint, *names)
    if found[1] != b"ready":
        return None
    return Checkpoint(int(found[0]), "ready", int(found[2]), *map(bytes.decode, found[3:]))
