"""Folds a log from its beginning into a model in memory, deriving everything once, at the end."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from typing import Final

from events.event import Poison, Record
from events.store import EventStore
from projections import memory
from projections.batch import Batch, Underivable
from projections.bulk_derive import Derivation, summaries
from projections.bulk_groups import GROUPED_KINDS, basis_of, differ
from projections.discards import discarded
from projections.folding import targets_of
from projections.membership import department_in
from projections.projection import documents_named
from readmodels.changes import Changes
from readmodels.documents import Document, Ref
from readmodels.kinds import KINDS
from readmodels.memory import MemoryModel

BATCH_EVENTS: Final = 1_000
TURN_DOCUMENTS: Final = 500
DOCUMENTS_MAX: Final = 500_000
BASES: Final = {kind: basis_of(KINDS[kind]) for kind in GROUPED_KINDS}

Records = Sequence[Record | Poison]


class TooLarge(Exception):
    """There are more documents than this process should hold: have them folded into Redis."""


async def fold_into_memory(store: EventStore, end: int, *, documents_max: int = DOCUMENTS_MAX) -> MemoryModel:
    """The model of the events up to position `end`, the same as folding them in batches makes.

    Nothing of the log stays in memory but its documents, `documents_max` at the most: TooLarge is raised
    beyond. Others have their turn every few hundredths of a second. Raises Unavailable.
    """
    left_out = await discarded(store, end)
    try:
        return await _folded(store, end, left_out, documents_max)
    except Underivable:
        # Which event is to blame is known only when everything is derived after each one.
        model = MemoryModel()
        async for records in _batches(store, end):
            memory.fold(records, model, left_out)
        return model


async def _folded(store: EventStore, end: int, left_out: Collection[int], documents_max: int) -> MemoryModel:
    whole, last = WholeLog(), ""
    async for records in _batches(store, end):
        whole.tell(records, left_out)
        last = records[-1].recorded_at
        if len(whole.now) > documents_max:
            raise TooLarge(f"more than {documents_max} documents up to position {end}")
    model = MemoryModel()
    for changes in whole.changes():
        model.apply(changes, end, last)
        await asyncio.sleep(0)
    return model


async def _batches(store: EventStore, end: int) -> AsyncIterator[Records]:
    position = 0
    while position < end:
        records = await store.read(position, min(BATCH_EVENTS, end - position))
        if not records:
            return
        yield records
        position = records[-1].position


class WholeLog(Batch):
    """A batch that is the whole log: it is told the log piece by piece, and nothing has to be loaded."""

    def __init__(self) -> None:
        super().__init__(parked=())
        self.now = defaultdict(lambda: None)
        self.groups = defaultdict(dict)

    def tell(self, records: Records, left_out: Collection[int]) -> None:
        for record in records:
            if record.position in left_out:
                continue
            if isinstance(record, Poison):
                self.park(record, record.error, [documents_named(record.stream)])
            elif targets := targets_of(record):
                self.fold(record, targets)

    def changes(self) -> Iterator[Changes]:
        """All that follows, some documents at a time. Raises Underivable."""
        derivation = Derivation(self._department_of)
        for ref, document in self.now.items():
            if document is not None:
                derivation.add(ref, document)
            if len(derivation.changes.documents) >= TURN_DOCUMENTS:
                yield derivation.take()
        last = derivation.take()
        last.parked, last.dead_letters = self.newly_parked, self.dead_letters
        yield last
        sums = list(derivation.sums.items())
        for start in range(0, len(sums), TURN_DOCUMENTS):
            yield summaries(dict(sums[start : start + TURN_DOCUMENTS]))

    def _put(self, ref: Ref, document: Document | None) -> None:
        before, self.now[ref] = self.now[ref], document
        basis = BASES.get(ref.kind)
        if basis is None or document is None:
            return
        if before is None or differ(basis(before), basis(document)):
            for group in KINDS[ref.kind].groups(document):
                self.groups[group][ref] = None

    def _department_of(self, user_id: int) -> int | None:
        return department_in(self.now.get(Ref("user", str(user_id))))
