"""Folds a batch of records into changes of documents, knowing nothing of where they are kept.

`folding` is a generator: it yields what it `Wanted` and is sent what was `Found`, so that one piece
of code folds into Redis, awaiting each answer, and into memory.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Final

import orjson

from events.event import Event, Poison, Record
from projections.batch import Batch, Target, Targets, Underivable, where
from projections.catalogue import STEPS
from projections.membership import by_department
from projections.projection import documents_named
from projections.wanted import NOTHING, Found, Wanted
from readmodels.changes import Changes, Sums, add_contributions, summed
from readmodels.documents import Document, Ref
from readmodels.kinds import KINDS

TURN_DOCUMENTS: Final = 2_000

Folding = Generator[Wanted, Found, Changes]


def folding(
    records: Sequence[Record | Poison],
    parked: Collection[Ref],
    discarded: Collection[int] = frozenset(),
) -> Folding:
    """Fold records in their order, those at `discarded` positions excepted (see `projections.discards`).

    Raises Underivable in batches of several records only.
    """
    plan = [(record, targets_of(record)) for record in records if record.position not in discarded]
    batch = Batch(parked)
    yield from load(batch, plan)
    for record, targets in plan:
        if isinstance(record, Poison):
            batch.park(record, record.error, [documents_named(record.stream)])
        elif targets:
            batch.fold(record, targets)
    while True:
        try:
            return (yield from changes(batch))
        except Underivable as error:
            if len(plan) > 1:
                raise
            record, targets = plan[0]
            if not stop(batch, record, error):
                return parked_whole(record, targets, batch, str(error))


def targets_of(record: Record | Poison) -> Targets:
    if isinstance(record, Poison):
        return []
    event: Event = record.event
    return [
        Target(step, (), step.group(event))
        if step.group is not None
        else Target(step, tuple(Ref(step.kind, key) for key in step.touches(event)), None)
        for step in STEPS.get(type(event), ())
    ]


def load(batch: Batch, plan: Sequence[tuple[Record | Poison, Targets]]) -> Generator[Wanted, Found, None]:
    """Load what the plan touches; the members of groups in a second round, where there are any."""
    targets = [target for _, some in plan for target in some]
    refs = dict.fromkeys(ref for target in targets for ref in target.refs)
    for ref in begun(plan):
        if ref in refs:
            del refs[ref]
            batch.loaded([ref], {})
    kinds = {target.group: target.step.kind for target in targets if target.group is not None}
    found = yield Wanted(refs, kinds)
    batch.loaded(refs, found.documents)
    for group, kind in kinds.items():
        batch.groups[group] = {Ref(kind, key): None for key in found.members.get(group, ())}
    members = [ref for group in batch.groups.values() for ref in group if ref not in batch.now]
    if members:
        batch.loaded(members, (yield Wanted(members)).documents)


def begun(plan: Iterable[tuple[Record | Poison, Targets]]) -> Iterator[Ref]:
    """Documents whose own streams begin here: nobody knows anything of them yet."""
    for record, _ in plan:
        if record.version == 1:
            yield documents_named(record.stream)


def changes(batch: Batch) -> Folding:
    """What the batch changes: documents and their places, then the summaries they add up to."""
    result = Changes(parked=batch.newly_parked, dead_letters=batch.dead_letters)
    sums: Sums = {}
    failed: dict[Ref, str] = {}
    for place, (ref, after) in enumerate(batch.now.items(), start=1):
        before = batch.before[ref]
        if after is not before:
            try:
                derive(result, sums, ref, before, after)
            except Underivable as error:
                failed[ref] = str(error)
        if place % TURN_DOCUMENTS == 0:
            yield NOTHING
    if failed:
        raise Underivable(next(iter(failed.values())), failed.keys())
    yield from by_department(batch, result, sums)
    deltas = {ref: delta for ref, delta in sums.items() if any(delta.values())}
    if deltas:
        found = yield Wanted(deltas)
        for ref, delta in deltas.items():
            add_up(result, ref, found.documents.get(ref), delta)
    return result


def add_up(result: Changes, ref: Ref, old: Document | None, delta: Mapping[str, int]) -> None:
    try:
        result.replace(KINDS[ref.kind], ref, old, summed(ref, old, delta))
    except (OverflowError, TypeError) as error:
        raise Underivable(where(error)) from error


def derive(
    result: Changes,
    sums: Sums,
    ref: Ref,
    before: Document | None,
    after: Document | None,
) -> None:
    kind = KINDS[ref.kind]
    try:
        # What JSON cannot hold must stop its own document only, not whoever writes it.
        orjson.dumps(after)
        result.replace(kind, ref, before, after)
        add_contributions(kind, before, after, sums)
    except Exception as error:
        raise Underivable(where(error), (ref,)) from error


def stop(batch: Batch, record: Record | Poison, error: Underivable) -> bool:
    """Stop the documents that an event made underivable; False when others are to blame, or none."""
    changed = [ref for ref in error.refs if ref in batch.now and batch.now[ref] is not batch.before[ref]]
    if not changed or len(changed) < len(error.refs):
        return False
    for ref in changed:
        batch.now[ref] = batch.before[ref]
    batch.park(record, str(error), changed)
    return True


def parked_whole(record: Record | Poison, targets: Targets, batch: Batch, error: str) -> Changes:
    stopped = Batch(batch.parked, batch.before, dict(batch.before), batch.groups)
    stopped.park(record, error, [ref for _, ref in stopped.reached(targets)])
    return Changes(parked=stopped.newly_parked, dead_letters=stopped.dead_letters)
