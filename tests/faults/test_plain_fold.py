"""The checker's own fold: it tells what the ledger's tells, or says that it cannot."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings

from events.event import Event, Record
from events.projects import ProjectCreated, ProjectDeleted
from projections.memory import fold
from readmodels.memory import MemoryModel
from tests.faults.plain_fold import BEGINNINGS, WITHOUT_EFFECT, Unfamiliar, documents_of
from tests.faults.plain_sums import Named
from tests.histories import Mix, histories

FAMILIAR = (
    BEGINNINGS
    | WITHOUT_EFFECT
    | {"project.details_changed", "task.details_changed", "tag.changed", "risk.details_changed"}
    | {"task.status_changed", "task.assigned", "task.tagged", "task.hours_booked", "user.sessions_ended"}
)
AS_IN_THE_LAB = Mix(users=2, departments=1, projects=2, tasks=16, new=20, end=0)


@settings(max_examples=60, deadline=None)
@given(histories(120, AS_IN_THE_LAB))
def test_both_folds_tell_the_same(records: list[Record]) -> None:
    familiar = [record for record in records if record.event.TOPIC in FAMILIAR]
    assert documents_of(familiar) == told(familiar)


def told(records: Iterable[Record]) -> Named:
    """The documents that projections make of the same events."""
    model = MemoryModel()
    fold(list(records), model)
    return {f"{ref.kind}:{ref.id}": dict(document) for ref, document in model.documents.items()}


def test_what_it_does_not_know_is_no_empty_answer() -> None:
    made = happened(ProjectCreated(1, 1, "Paint", "", 0, None, None, "active"), 1)
    gone = happened(ProjectDeleted(1), 2)
    with pytest.raises(Unfamiliar, match=r"project\.deleted at 2"):
        documents_of([made, gone])


def happened(event: Event, position: int) -> Record:
    return Record(event, "project-1", position, position, "", "2026-01-01T00:00:00.000000Z", *[None] * 6)
