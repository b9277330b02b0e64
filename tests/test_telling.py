"""What the history of an object says: applied to nothing, the listed differences give the object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cli.audit_options import Kind
from api.operators.readable import BOOKKEEPING, readable
from api.operators.telling import OBJECTS, Difference, Told, differences, streams_of, told
from events.event import Event, Poison, Record
from events.projects import ProjectCreated, ProjectDeleted, ProjectDetailsChanged, ProjectStatusChanged
from events.tasks import TaskAssigned, TaskCreated, TaskDetailsChanged
from events.users import PasswordChanged, UserDeleted
from projections.memory import fold
from projections.reach import own_stream
from readmodels.documents import Document, Ref
from readmodels.memory import MemoryModel
from tests.given import NOW
from tests.histories import LONG_LIVED, histories, history, spoiled

PROJECT = Ref("project", "1")
CREATED = ProjectCreated(1, 7, "Bridge", "", 5_000_000, None, NOW, "active")
TASK = TaskCreated(3, 1, 7, "Dig", "", "high", "pending", None, 850, (8,))


def log(*events: Event) -> list[Record]:
    versions: dict[str, int] = {}
    found = []
    for position, event in enumerate(events, start=1):
        version = versions[event.stream] = versions.get(event.stream, 0) + 1
        who = (7, "manager", "taskflow", f"request-{position}", None, type(event).__name__)
        found.append(Record(event, event.stream, version, position, f"id-{position}", NOW, *who))
    return found


def applied(object_: Mapping[str, Any] | None, differences: Iterable[Difference]) -> dict[str, Any]:
    """What somebody makes of the differences who knows nothing else."""
    return {**(object_ or {}), **{each.field: each.new for each in differences}}


def told_object(story: Sequence[Told]) -> dict[str, Any] | None:
    known: dict[str, Any] | None = None
    for each in story:
        changes = differences(each.before, each.after)
        assert [change.old for change in changes] == [(known or {}).get(change.field) for change in changes]
        known = None if each.effect == "removed" else applied(known, changes) if each.effect else known
    return known


def without_bookkeeping(document: Document | None) -> dict[str, Any] | None:
    if document is None:
        return None
    return {name: value for name, value in readable(document).items() if name not in BOOKKEEPING}


def refs_in(records: Iterable[Record | Poison]) -> list[Ref]:
    parts = (record.stream.partition("-") for record in records)
    return list(dict.fromkeys(Ref(kind, number) for kind, _, number in parts if kind in OBJECTS))


def story_of(ref: Ref, records: Sequence[Record | Poison], discarded: Sequence[int] = ()) -> list[Told]:
    """As `history.story` reads it: of a few streams only, found on the way."""
    streams: frozenset[str] = frozenset()
    needed = frozenset({own_stream(ref)})
    found: list[Told] = []
    while needed - streams:
        streams |= needed
        found = list(told(ref, [each for each in records if each.stream in streams], discarded))
        needed = streams_of(ref, found)
    return found


@given(records=histories(120) | histories(120, LONG_LIVED))
def test_the_listed_differences_give_each_object_as_the_read_model_has_it(records: list[Record]) -> None:
    model = MemoryModel()
    fold(records, model)
    for ref in refs_in(records):
        assert told_object(story_of(ref, records)) == without_bookkeeping(model.documents.get(ref)), ref


def test_the_same_of_long_histories_with_everything_in_them() -> None:
    records = history(Random(3), 4_000, LONG_LIVED)
    model = MemoryModel()
    fold(records, model)
    refs = refs_in(records)
    assert {ref.kind for ref in refs} == set(OBJECTS)
    effects = set()
    for ref in refs:
        story = story_of(ref, records)
        assert told_object(story) == without_bookkeeping(model.documents.get(ref)), ref
        effects |= {(ref.kind, each.effect) for each in story if each.record.stream != own_stream(ref)}
    # What comes from other streams is there as well.
    assert effects >= {("task", "removed"), ("task", "changed"), ("risk", "removed"), ("expense", "removed")}


@given(records=histories(120), seed=st.integers(0, 1_000))
def test_what_stops_in_the_read_model_stops_in_the_history(records: list[Record], seed: int) -> None:
    broken = spoiled(records, seed)
    model = MemoryModel()
    fold(broken, model)
    for ref in refs_in(broken):
        story = story_of(ref, broken)
        assert told_object(story) == without_bookkeeping(model.documents.get(ref)), ref
        assert (ref in model.stopped) == any(each.note in ("unreadable", "failed") for each in story), ref


def test_a_change_is_told_with_the_old_and_the_new_value_in_decimals() -> None:
    changed = ProjectDetailsChanged(1, {"budget_cents": 5_000_001, "name": "Bridges"})
    created, renamed = story_of(PROJECT, log(CREATED, changed))
    assert (created.effect, renamed.effect) == ("created", "changed")
    assert differences(created.before, created.after) == [
        ("id", None, 1),
        ("owner_id", None, 7),
        ("name", None, "Bridge"),
        ("description", None, ""),
        ("budget", None, "50000.00"),
        ("start_date", None, None),
        ("end_date", None, NOW),
        ("status", None, "active"),
        ("created_at", None, NOW),
    ]
    assert differences(renamed.before, renamed.after) == [
        ("name", "Bridge", "Bridges"),
        ("budget", "50000.00", "50000.01"),
    ]


def test_a_task_is_told_what_happened_to_its_project_and_its_people() -> None:
    records = log(
        CREATED, TASK, ProjectDetailsChanged(1, {"name": "x"}), ProjectStatusChanged(1, "completed"),
        UserDeleted(8), UserDeleted(9), ProjectDeleted(1), TaskDetailsChanged(3, {"title": "late"}),
    )  # fmt: skip
    story = story_of(Ref("task", "3"), records)
    assert [(each.record.position, each.effect) for each in story] == [
        (2, "created"), (4, "changed"), (5, "changed"), (7, "removed"), (8, None),
    ]  # fmt: skip
    assert differences(story[1].before, story[1].after) == [("in_closed_project", False, True)]
    assert ("assignee_ids", [8], []) in differences(story[2].before, story[2].after)
    removed = differences(story[3].before, story[3].after)
    assert ("title", "Dig", None) in removed
    assert ("estimated_hours", "8.50", None) in removed


def test_people_who_were_assigned_for_a_while_only_are_found_too() -> None:
    records = log(CREATED, TASK, TaskAssigned(3, (9,)), TaskAssigned(3, (8,)), UserDeleted(9), UserDeleted(8))
    story = story_of(Ref("task", "3"), records)
    assert [each.record.position for each in story] == [2, 3, 4, 6]
    assert streams_of(Ref("task", "3"), story) == {"task-3", "project-1", "user-7", "user-8", "user-9"}


def test_an_event_of_its_own_is_told_even_if_it_changed_no_field() -> None:
    assert story_of(Ref("user", "8"), log(PasswordChanged(8)))[0].effect is None


def test_a_discarded_event_counts_for_nothing_and_is_told_all_the_same() -> None:
    records = log(CREATED, ProjectDetailsChanged(1, {"name": "x"}), ProjectDetailsChanged(1, {"name": "y"}))
    story = story_of(PROJECT, records, discarded=[2])
    assert [each.note for each in story] == [None, "discarded", None]
    assert differences(story[2].before, story[2].after) == [("name", "Bridge", "y")]


def test_what_nothing_can_be_derived_from_stops_the_object_as_it_does_in_the_read_model() -> None:
    records = log(CREATED, TASK, TaskDetailsChanged(3, {"priority": "huge"}), TaskAssigned(3, ()))
    story, model = story_of(Ref("task", "3"), records), MemoryModel()
    fold(records, model)
    assert [each.note for each in story] == [None, "failed", "held back"]
    assert model.stopped == {Ref("task", "3")}


def test_what_follows_an_unreadable_event_is_held_back() -> None:
    first, _, third = log(CREATED, ProjectDeleted(1), ProjectDetailsChanged(1, {"name": "y"}))
    poison = Poison("project-1", 2, 2, "project.deleted", NOW, "no such type")
    story = story_of(PROJECT, [first, poison, third])
    assert [each.note for each in story] == [None, "unreadable", "held back"]
    assert story[-1].after == story[0].after


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"cost_cents": -1, "estimated_centihours": None}, {"cost": "-0.01", "estimated_hours": None}),
        ({"budget_cents": 2**62}, {"budget": "46116860184273879.04"}),
        ({"credits": {"7": {"2025-07-01": 150}}}, {"credits": {"7": {"2025-07-01": "1.50"}}}),
        ({"bookings": {"2025-07": 2}, "deleted": False}, {"bookings": {"2025-07": 2}, "deleted": False}),
    ],
)
def test_money_and_hours_are_read_in_decimals(document: Document, expected: dict[str, Any]) -> None:
    assert readable(document) == expected


def test_the_command_line_knows_every_kind_that_has_a_history() -> None:
    assert set(Kind) == set(OBJECTS)
