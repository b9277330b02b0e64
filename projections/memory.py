"""Folds records into a model in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from events.event import Poison, Record
from projections.batch import Underivable
from projections.folding import folding
from projections.wanted import Found
from readmodels.changes import Changes
from readmodels.memory import MemoryModel


def fold(
    records: Sequence[Record | Poison], model: MemoryModel, discarded: Collection[int] = frozenset()
) -> None:
    """Fold records, in their order, into what `model` holds; what it holds already is not folded again.

    What stands at `discarded` positions is left out (see `projections.discards`).
    """
    new = [record for record in records if record.position > model.at]
    if not new:
        return
    try:
        model.apply(changes_of(new, model, discarded), new[-1].position, new[-1].recorded_at)
    except Underivable:
        for record in new:
            model.apply(changes_of([record], model, discarded), record.position, record.recorded_at)


def changes_of(records: Sequence[Record | Poison], model: MemoryModel, discarded: Collection[int]) -> Changes:
    steps = folding(records, model.stopped, discarded)
    try:
        wanted = next(steps)
        while True:
            documents = {ref: model.documents[ref] for ref in wanted.refs if ref in model.documents}
            members = {group: [*model.indexes.get(group, ())] for group in wanted.groups}
            wanted = steps.send(Found(documents, members))
    except StopIteration as done:
        result: Changes = done.value
        return result
