"""Logs made of histories: real ones, in which spoiled records cannot be read, and lists read as logs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import count

from events.event import Poison, Record
from events.log import Metadata, RawAppend, RawEvent
from events.mapper import new_event_id
from events.store import Append, EventStore

_numbers = count(1)

# Whatever a fold might look at besides the event itself.
SOMEBODY = Metadata(7, "admin", "taskflow", None, None, "ChangeTask")


async def append_all(store: EventStore, records: Sequence[Record | Poison]) -> int:
    """Append a history; what is spoiled in it gets a type that nobody knows. The last position."""
    position = 0
    for record in records:
        if isinstance(record, Poison):
            raw = RawEvent(record.stream, record.version, "task.imagined", b"{}", new_event_id())
            [outcome] = await store.log.append_group([RawAppend(f"raw-{next(_numbers)}", (raw,))])
            assert not isinstance(outcome, Exception)
            position = outcome.position
        else:
            events = ((record.event, record.version),)
            append = Append(f"whole-{next(_numbers)}", events, metadata=SOMEBODY)
            position = (await store.append(append)).position
    return position


class StoreOf(EventStore):
    """Records that are read as a log, with what cannot be read in its place; nothing can be appended."""

    def __init__(self, records: Sequence[Record | Poison]) -> None:
        self.records = records

    async def read(self, after: int, limit: int) -> list[Record | Poison]:
        return list(self.records[after : after + limit])

    async def histories(self, streams: Collection[str]) -> list[Record | Poison]:
        return [record for record in self.records if record.stream in streams]
