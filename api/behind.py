"""Answers while the read model is behind or away: the same folds, over the streams that are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from events.event import Record
from events.store import EventStore
from projections.memory import fold
from readmodels.documents import Document, Ref
from readmodels.memory import MemoryModel
from readmodels.model import NotReady, Page, Query

OWN_STREAMS: Final = frozenset({"user", "department", "tag", "project", "task", "risk", "expense"})
"""Kinds whose documents are folds of one stream, named alike; all others are sums over many."""

UNKNOWN: Final[Document] = {"unknown": True}
"""Stands for a sum that nobody can tell at the moment."""


class Readable(Protocol):
    """What answers are made from: a read model, or the log itself."""

    async def fetch(self, refs: Iterable[Ref]) -> Mapping[Ref, Document]: ...

    async def page(self, query: Query) -> Page: ...


class StreamModel:
    """Fetches documents from the log itself, and sums and pages from `model` as long as it is there.

    About an object that was only just made (`is_new`) no sum or page can hold anything yet.
    """

    def __init__(self, store: EventStore, model: Readable, *, is_new: bool = False) -> None:
        self._store = store
        self._model = model
        self._is_new = is_new

    async def fetch(self, refs: Iterable[Ref]) -> Mapping[Ref, Document]:
        """As `readmodels.model.Model.fetch`; sums are UNKNOWN while the read model is away."""
        wanted = set(refs)
        own = {ref for ref in wanted if ref.kind in OWN_STREAMS}
        return {**await self._folded(own), **await self._sums(wanted - own)}

    async def page(self, query: Query) -> Page:
        if self._is_new:
            return Page([], 0, 0)
        return await self._model.page(query)

    async def _folded(self, refs: Iterable[Ref]) -> Mapping[Ref, Document]:
        names = {f"{ref.kind}-{ref.id}": ref for ref in refs}
        if not names:
            return {}
        found = await self._store.read_streams(names)
        memory = MemoryModel()
        fold(in_order(found.values()), memory)
        return await memory.fetch(names.values())

    async def _sums(self, refs: set[Ref]) -> Mapping[Ref, Document]:
        if self._is_new or not refs:
            return {}
        try:
            return await self._model.fetch(refs)
        except NotReady:
            return dict.fromkeys(refs, UNKNOWN)


def in_order(streams: Iterable[list[Record]]) -> list[Record]:
    return sorted((record for stream in streams for record in stream), key=lambda record: record.position)
