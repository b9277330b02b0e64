"""The states of streams: the most recently used ones are held on to, and brought up to date when read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from commands.desk import Held, empty, folded
from commands.sharing import Shared
from events.errors import StoreError, Unavailable
from events.event import Record


class Reader(Protocol):
    async def read_since(self, versions: Mapping[str, int]) -> Mapping[str, Sequence[Record] | None]:
        """Each stream's records after its version; None where the stream has not come to it."""
        ...


class States:
    """Frozen states by stream, `states_max` at most; what is cached may be outdated, but was once so."""

    def __init__(self, reader: Reader, states_max: int) -> None:
        self._reader = reader
        self._states_max = states_max
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._shared = Shared(self._read_for_all)

    def __len__(self) -> int:
        return len(self._held)

    def cached(self, stream: str) -> Held | None:
        held = self._held.get(stream)
        if held is not None:
            self._held.move_to_end(stream)
        return held

    async def read(self, streams: Collection[str]) -> Mapping[str, Held]:
        """The streams as they are now, in one round trip, which all share who ask about cached ones.

        Only what came after the cached versions is read. Others may take long to be read from their
        beginning, so nobody else waits for them.
        """
        if not all(stream in self._held for stream in streams):
            return await self._read(streams)
        try:
            found = await self._shared.ask(streams)
        except StoreError as error:
            if not isinstance(error, Unavailable):
                # What cannot be read shall not hold up others again: from now on it is read apart.
                self.drop(streams)
            raise
        return {stream: found[stream] for stream in streams}

    def keep(self, states: Mapping[str, Held]) -> None:
        """Keeps what is newer than what is there; empty streams are not worth a place."""
        for stream, held in states.items():
            known = self._held.get(stream)
            if held.version and (known is None or known.version <= held.version):
                self._held[stream] = held._replace(fresh=False) if held.fresh else held
                self._held.move_to_end(stream)
        while len(self._held) > self._states_max:
            self._held.popitem(last=False)

    def clear(self) -> None:
        self._held.clear()

    def drop(self, streams: Collection[str]) -> None:
        for stream in streams:
            self._held.pop(stream, None)

    async def _read_for_all(self, questions: Sequence[Collection[str]]) -> Sequence[Mapping[str, Held]]:
        wanted = dict.fromkeys(stream for streams in questions for stream in streams)
        return [await self._read(wanted.keys())] * len(questions)

    async def _read(self, streams: Collection[str]) -> Mapping[str, Held]:
        """A stream that ends before its cached version: the log was restored, the state never happened."""
        known = {stream: self.cached(stream) or empty(stream) for stream in streams}
        news = await self._reader.read_since({stream: held.version for stream, held in known.items()})
        lost = [stream for stream, records in news.items() if records is None]
        if lost:
            self.drop(lost)
            return await self._read(streams)
        current = {stream: _advanced(held, stream, news[stream] or ()) for stream, held in known.items()}
        self.keep(current)
        return current


def _advanced(held: Held, stream: str, records: Sequence[Record]) -> Held:
    return folded(held._replace(fresh=True), stream, (record.event for record in records))
