"""Folds records into a read model in Redis as the runner does, without a log to read them from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from events.event import Poison, Record
from projections.dead_letters import Settlement
from projections.live import Live
from projections.remembered import REMEMBERED_MAX
from projections.repairs import Repairs
from projections.writer import Checkpoint, Writer
from readmodels.changes import DeadLetter
from readmodels.connecting import call, connect

GENERATION = 1


class Letters(list[DeadLetter]):
    """Dead letters, kept in a list."""

    async def keep(self, letters: Sequence[DeadLetter]) -> None:
        self.extend(letters)

    async def settle(self, settlement: Settlement) -> None:
        """What was folded again has those letters that are in the settlement, and no others."""
        refs = set(settlement.refs)
        rest = [(letter, tuple(ref for ref in letter.documents if ref not in refs)) for letter in self]
        kept = [letter._replace(documents=documents) for letter, documents in rest if documents]
        self[:] = [*kept, *settlement.letters]

    async def forget(self, after: int) -> None:
        self[:] = [letter for letter in self if letter.position <= after]


class Told:
    """The log, for repairs: `records` are all that there are."""

    def __init__(self, records: Sequence[Record | Poison]) -> None:
        self._records = records

    async def read(self, after: int, limit: int) -> list[Record | Poison]:
        return sorted(
            (record for record in self._records if record.position > after),
            key=lambda record: record.position,
        )[:limit]

    async def histories(self, streams: Collection[str]) -> list[Record | Poison]:
        return [record for record in self._records if record.stream in streams]

    async def read_at(self, positions: Collection[int]) -> list[Record | Poison]:
        return [record for record in self._records if record.position in positions]


async def begun(
    redis: Redis,
    letters: Letters | None = None,
    *,
    log: Sequence[Record | Poison] | None = None,
    discarded: Collection[int] = (),
    generation: int = GENERATION,
    script_words_max: int = 200_000,
    script_max_bytes: int = 8_000_000,
    remembered_max: int = REMEMBERED_MAX,
) -> Live:
    """An empty generation, ready for its first record; repairs are carried out if it is given the `log`."""
    letters = Letters() if letters is None else letters
    writer = Writer(redis, generation)
    await writer.seize(1)
    await writer.clear("log")
    start = Checkpoint(1, "filling", 0, "log", "")
    live = Live(
        writer,
        start,
        set(),
        letters.keep,
        discarded=discarded,
        repairs=None if log is None else Repairs(Told(log), letters.settle),
        script_words_max=script_words_max,
        script_max_bytes=script_max_bytes,
        remembered_max=remembered_max,
    )
    await live.fold([], "ready")
    return live


async def fold_parts(live: Live, parts: Sequence[Sequence[Record | Poison]]) -> None:
    for part in parts:
        if part:
            await live.fold(part, "ready")


@asynccontextmanager
async def client(redis_url: str) -> AsyncIterator[Redis]:
    redis = connect(redis_url)
    try:
        yield redis
    finally:
        await redis.aclose()


async def everything(redis: Redis, prefix: str) -> dict[str, object]:
    """All keys under a prefix with what they hold, for comparing two read models."""
    found: dict[str, object] = {}
    async for key in redis.scan_iter(match=f"{prefix}*", count=10_000):
        assert isinstance(key, bytes)
        found[key.decode()[len(prefix) :]] = await held(redis, key)
    return found


async def held(redis: Redis, key: bytes) -> object:
    kind = await call(redis, "TYPE", key)
    if kind == b"string":
        return await call(redis, "GET", key)
    if kind == b"zset":
        return await call(redis, "ZRANGE", key, 0, -1, "WITHSCORES")
    if kind == b"set":
        return sorted(await call(redis, "SMEMBERS", key))
    return await call(redis, "HGETALL", key)
