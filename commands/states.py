"""The states of streams: the most recently used ones are held on to, and brought up to date when read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from commands.desk import Held, empty, folded
from events.event import Record


class Reader(Protocol):
    async def read_streams(self, streams: Collection[str], after: int = 0) -> Mapping[str, Sequence[Record]]:
        """Each stream's records after version `after`, in order."""
        ...


class States:
    """Frozen states by stream, `states_max` at most; what is cached may be outdated, but was once so."""

    def __init__(self, reader: Reader, states_max: int) -> None:
        self._reader = reader
        self._states_max = states_max
        self._held: OrderedDict[str, Held] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def cached(self, stream: str) -> Held | None:
        held = self._held.get(stream)
        if held is not None:
            self._held.move_to_end(stream)
        return held

    async def read(self, streams: Collection[str]) -> dict[str, Held]:
        """The streams as they are now, in one round trip.

        Only what came after the cached versions is read, and the last cached event: where that is
        missing, the log was restored to an earlier moment and the cached state never happened.
        """
        known = {stream: self.cached(stream) or empty(stream) for stream in streams}
        after = max(0, min((held.version for held in known.values()), default=0) - 1)
        records = await self._reader.read_streams(known.keys(), after)
        lost = [stream for stream, held in known.items() if not _goes_on(held, records.get(stream, ()))]
        if lost:
            self.drop(lost)
            return await self.read(known.keys())
        current = {stream: _advanced(held, stream, records.get(stream, ())) for stream, held in known.items()}
        self.keep(current)
        return current

    def keep(self, states: Mapping[str, Held]) -> None:
        """Keeps what is newer than what is there; empty streams are not worth a place."""
        for stream, held in states.items():
            known = self._held.get(stream)
            if held.version and (known is None or known.version <= held.version):
                self._held[stream] = held._replace(fresh=False)
                self._held.move_to_end(stream)
        while len(self._held) > self._states_max:
            self._held.popitem(last=False)

    def clear(self) -> None:
        self._held.clear()

    def drop(self, streams: Collection[str]) -> None:
        for stream in streams:
            self._held.pop(stream, None)


def _goes_on(held: Held, records: Sequence[Record]) -> bool:
    return held.version == 0 or any(record.version == held.version for record in records)


def _advanced(held: Held, stream: str, records: Sequence[Record]) -> Held:
    news = (record.event for record in records if record.version > held.version)
    return folded(held._replace(fresh=True), stream, news)
