"""Exporting the log into a folder: whole or not at all, in bounded memory."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from api.exits import NotThere
from api.operators.drafts import Draft, said_plainly
from api.operators.event_files import (
    COMPRESSED,
    EVENTS,
    FORMAT,
    KEYS,
    Manifest,
    Part,
    Sink,
    line_of,
)
from api.operators.instruments import Instruments
from api.operators.manifests import write_manifest
from api.version import version
from commands.operations import ExportLog, permitted
from events.instants import now
from events.log import Stored

BATCH_EVENTS: Final = 2_000
BATCH_KEYS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to export: `first` and `last` are positions, both included; without `last` all there is."""

    target: Path
    first: int = 1
    last: int | None = None
    is_compressed: bool = False
    has_keys: bool = True
    reason: str


Progress = Callable[[int, int], None]
"""Told how many of how many events are done."""


async def export(place: Instruments, order: Order, progress: Progress = lambda _, __: None) -> Manifest:
    """Write the folder `order.target` and say what is in it.

    It is recorded, in the log itself, before the folder is there: what has left can be taken back by nobody.
    Nothing is left of one that fails. Raises InConflict when the target exists, NotThere when there are
    no such events, CannotRun where it cannot be written, Refusal, and what the store raises.
    """
    permitted(order.reason, place.actor)
    head = await place.store.head()
    last = head if order.last is None else min(order.last, head)
    if order.first > last:
        raise NotThere(f"there are no events from {order.first} on: the log ends at position {head}")
    with said_plainly(order.target):
        async with _draft(order.target) as draft:
            manifest = await _written(place, order, last, draft.path, progress)
            await asyncio.to_thread(draft.must_be_free)
            await place.record(
                ExportLog(first=order.first, last=last, with_keys=order.has_keys, reason=order.reason)
            )
            await asyncio.to_thread(draft.keep)
    return manifest


async def _written(place: Instruments, order: Order, last: int, folder: Path, progress: Progress) -> Manifest:
    ends, events = await _events(place, order, last, folder, progress)
    keys = await _keys(place, folder) if order.has_keys else None
    manifest = Manifest(
        format=FORMAT,
        taskledger=await asyncio.to_thread(version),
        made_at=now(),
        log_id=await place.store.log_id(),
        first_position=order.first,
        last_position=last,
        first_at=ends[0].recorded_at,
        last_at=ends[1].recorded_at,
        last_event_id=ends[1].event_id,
        events=events,
        user_keys=keys,
    )
    await asyncio.to_thread(write_manifest, folder, manifest.as_json())
    return manifest


async def _events(
    place: Instruments, order: Order, last: int, folder: Path, progress: Progress
) -> tuple[tuple[Stored, Stored], Part]:
    name = EVENTS + (COMPRESSED if order.is_compressed else "")
    sink = await asyncio.to_thread(Sink, folder / name, is_compressed=order.is_compressed)
    first_event = stored = None
    position = order.first - 1
    try:
        while position < last:
            batch = await place.store.log.read(position, min(BATCH_EVENTS, last - position))
            await asyncio.to_thread(sink.write, [line_of(stored) for stored in batch])
            first_event, stored = first_event or batch[0], batch[-1]
            position = stored.position
            progress(position - order.first + 1, last - order.first + 1)
        assert first_event, "there is at least one event"
        assert stored, "there is at least one event"
        return (first_event, stored), await asyncio.to_thread(sink.finish)
    finally:
        await asyncio.to_thread(sink.close)


async def _keys(place: Instruments, folder: Path) -> Part:
    """The keys of people as they are kept: encrypted under the master key, which is in no export."""
    sink = await asyncio.to_thread(Sink, folder / KEYS)
    user_id = 0
    try:
        while rows := await place.database.rows("export_user_keys", after=user_id, limit=BATCH_KEYS):
            await asyncio.to_thread(sink.write, [_key_line(*row) for row in rows])
            user_id = rows[-1][0]
        return await asyncio.to_thread(sink.finish)
    finally:
        await asyncio.to_thread(sink.close)


def _key_line(user_id: int, wrapped_key: bytes, created_at: str) -> bytes:
    wrapped = base64.b64encode(wrapped_key).decode()
    return orjson.dumps({"user_id": user_id, "wrapped_key": wrapped, "created_at": created_at}) + b"\n"


@asynccontextmanager
async def _draft(target: Path) -> AsyncIterator[Draft]:
    draft = await asyncio.to_thread(Draft, target)
    try:
        yield draft
    finally:
        await asyncio.to_thread(draft.remove)
