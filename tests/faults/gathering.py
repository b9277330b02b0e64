"""Gathering evidence at the end of a trial: the log, the read model, and two other folds of the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from redis.asyncio import Redis

from events.event import Poison, Record
from events.keys import Keyring
from events.log import Log
from events.postgres import open_log
from events.store import EventStore
from projections.discards import discarded
from projections.writer import keys_under, unlink
from readmodels.connecting import connect
from readmodels.keys import Keys
from tests.faults.client_wire import deadline_s
from tests.faults.evidence import Entry, Evidence
from tests.faults.plain_fold import Unfamiliar, documents_of
from tests.faults.plain_sums import Named
from tests.faults.primaries import GENERATION
from tests.folding import begun

if TYPE_CHECKING:
    from tests.faults.laboratory import Lab

SCRATCH: Final = 1_000_000
"""How far the generation that is folded for comparison is from any real one."""

EVENTS_MAX: Final = 1_000_000
PAGE_EVENTS: Final = 10_000
READ_BY: Final[Mapping[bytes, tuple[str, ...]]] = {
    b"none": ("GET",),
    b"string": ("GET",),
    b"hash": ("HGETALL",),
    b"set": ("SMEMBERS",),
    b"zset": ("ZRANGE", "0", "-1", "WITHSCORES"),
}
"""By what command a key is read, with what comes after its name."""


async def gather(
    lab: Lab,
    before: Mapping[str, Mapping[str, float]],
    after: Mapping[str, Mapping[str, float]],
    *,
    may_lose_acknowledged: bool = False,
) -> Evidence:
    """Everything there is to know, when nobody writes any more."""
    redis = connect(lab.redis_url)
    try:
        async with open_log(lab.database_url) as log, EventStore(log, Keyring(lab.master_key)) as store:
            entries, records = await _entries(log), await _records(store)
            ((generation,),) = await lab.postgres.ask(GENERATION)
            checkpoint, held = await _held(redis, generation)
            left_out = await discarded(store, len(records))
            folded = await _folded(redis, generation + SCRATCH, records, left_out)
            return Evidence(
                lab.history,
                entries,
                await store.log_id(),
                checkpoint,
                held,
                folded,
                _plain(records),
                before,
                after,
                {part.name: part.take_deaths() for part in lab.parts},
                deadline_s(lab),
                may_lose_acknowledged,
            )
    finally:
        await redis.aclose()


async def _entries(log: Log) -> list[Entry]:
    found: list[Entry] = []
    while page := await log.read(found[-1].position if found else 0, PAGE_EVENTS):
        found += [
            Entry(
                one.position,
                one.stream,
                one.version,
                one.topic,
                one.event_id,
                one.recorded_at,
                one.request_id,
            )
            for one in page
        ]
        assert len(found) <= EVENTS_MAX, "a trial never comes to so many events"
    return found


async def _records(store: EventStore) -> list[Record | Poison]:
    found: list[Record | Poison] = []
    while page := await store.read(found[-1].position if found else 0, PAGE_EVENTS):
        found += page
    return found


async def _held(redis: Redis, generation: int) -> tuple[dict[str, str], dict[str, Any]]:
    """The checkpoint, and every other key of a generation with what it holds."""
    prefix, held = Keys(generation).prefix, {}
    async for keys in keys_under(redis, prefix):
        for key, value in zip(keys, await _values(redis, keys), strict=True):
            held[key.decode().removeprefix(prefix)] = value
    found = held.pop("checkpoint", {})
    return {name.decode(): value.decode() for name, value in found.items()}, held


async def _values(redis: Redis, keys: Sequence[bytes]) -> list[Any]:
    """What keys hold, in two round trips for all of them."""
    async with redis.pipeline(transaction=False) as asked:
        for key in keys:
            asked.type(key)
        kinds = await asked.execute()
        for key, kind in zip(keys, kinds, strict=True):
            command, *rest = READ_BY[kind]
            asked.execute_command(command, key, *rest)
        return list(await asked.execute())


async def _folded(
    redis: Redis, scratch: int, records: Sequence[Record | Poison], left_out: Iterable[int]
) -> dict[str, Any]:
    """What one fold of the whole log into nothing makes, key by key; nothing of it stays in Redis."""
    try:
        live = await begun(redis, generation=scratch, discarded=list(left_out))
        for start in range(0, len(records), PAGE_EVENTS):
            await live.fold(records[start : start + PAGE_EVENTS], "ready")
        return (await _held(redis, scratch))[1]
    finally:
        await unlink(redis, Keys(scratch).prefix)


def _plain(records: Sequence[Record | Poison]) -> Named | str:
    try:
        return documents_of(records)
    except Unfamiliar as reason:
        return str(reason)
