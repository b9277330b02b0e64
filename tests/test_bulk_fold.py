"""Folding by stream comes to what folding in order comes to, whatever the log holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.event import Poison, Record
from events.keys import Keyring
from events.memory import MemoryLog
from events.projects import ProjectCreated, ProjectDeleted, ProjectStatusChanged
from events.store import EventStore
from events.tasks import TaskCreated, TaskHoursBooked, TaskStatusChanged, TaskTagged
from events.users import UserDeleted, UserRegistered
from projections import bulk_fold
from projections.batch import Underivable
from projections.bulk_derive import Derivation, add_all, add_sums, in_buckets, summaries, sums_in
from projections.bulk_fold import StreamFold, Unsplittable, merged, parked_by, unsplittable_types
from projections.bulk_groups import GROUPED_KINDS, GROUPED_TYPES, Grouped, differ
from projections.bulk_memory import TooLarge, fold_into_memory
from projections.bulk_plan import FIRST, LAST, USERS, Range, plan_in, plan_json, planned, sampled_positions
from projections.catalogue import STEPS
from projections.membership import department_in
from projections.memory import fold
from projections.projection import Step
from readmodels.changes import Sums, add
from readmodels.documents import Document, Ref
from readmodels.kinds import KINDS
from readmodels.memory import MemoryModel
from tests.histories import VARIED, Mix, World, histories, history, spoiled
from tests.logs import StoreOf, append_all
from tests.projecting import MASTER_KEY

LAWS = settings(max_examples=150, deadline=None)

# Groups at their busiest: few things, and projects and users that often change or go.
CROWDED = Mix(users=4, projects=8, tasks=10, risks=3, expenses=3, new=12, end=12)

Records = Sequence[Record | Poison]


def in_order(records: Records, discarded: Collection[int] = ()) -> MemoryModel:
    model = MemoryModel()
    fold(records, model, discarded)
    return model


def by_stream(records: Records, discarded: Collection[int] = (), buckets: int = 3) -> MemoryModel:
    """As the worker processes do it, in one."""
    streams: defaultdict[str, list[Record | Poison]] = defaultdict(list)
    for record in records:
        streams[record.stream].append(record)
    fold_ = StreamFold(Grouped(record for record in records if isinstance(record, Record)), discarded)
    stories = [fold_.fold(stream, streams[stream]) for stream in sorted(streams)]
    cards = {story.ref.id: story.document for story in stories if story.ref.kind == "user"}
    derivation = Derivation(lambda user_id: department_in(cards.get(str(user_id))))
    for story in stories:
        if story.document is not None:
            derivation.add(story.ref, story.document)
    model, last = MemoryModel(), records[-1]
    changes = derivation.take()
    changes.dead_letters = merged(fold_.letters)
    changes.parked = parked_by(changes.dead_letters)
    model.apply(changes, last.position, last.recorded_at)
    for bucket in in_buckets(derivation.sums, buckets):
        sums: Sums = {}
        add_sums(sums, sums_in(bucket))
        model.apply(summaries(sums), last.position, last.recorded_at)
    return model


def contents(model: MemoryModel) -> tuple[object, ...]:
    letters = sorted(model.dead_letters, key=lambda letter: (letter.position, letter.held_back))
    return (model.documents, dict(model.indexes), model.texts, model.stopped, letters, model.at)


def bytes_of(model: MemoryModel) -> dict[Ref, list[str]]:
    """The order of fields, which equal documents may differ in."""
    return {ref: list(document) for ref, document in model.documents.items()}


@LAWS
@given(records=histories(200))
def test_a_whole_history_by_stream_is_the_history_in_order(records: list[Record]) -> None:
    assert contents(by_stream(records)) == contents(in_order(records))
    assert bytes_of(by_stream(records)) == bytes_of(in_order(records))


@LAWS
@given(records=histories(200, CROWDED), seed=st.integers(0, 1_000), percent=st.sampled_from([3, 10]))
def test_what_cannot_be_folded_stops_the_same_documents(
    records: list[Record], seed: int, percent: int
) -> None:
    broken = spoiled(records, seed, percent)
    assert contents(by_stream(broken)) == contents(in_order(broken))


@LAWS
@given(records=histories(150, CROWDED), seed=st.integers(0, 1_000))
def test_what_was_discarded_is_left_out(records: list[Record], seed: int) -> None:
    broken = spoiled(records, seed)
    random = Random(seed)
    discarded = frozenset(record.position for record in broken if random.randrange(8) == 0)
    assert contents(by_stream(broken, discarded)) == contents(in_order(broken, discarded))


def test_the_histories_of_these_laws_have_events_that_reach_groups_at_all_times() -> None:
    records = [record for seed in range(20) for record in history(Random(seed), 200, CROWDED)]
    counts = {each: sum(type(record.event) is each for record in records) for each in GROUPED_TYPES}
    assert counts.keys() == {ProjectStatusChanged, ProjectDeleted, UserDeleted}
    assert min(counts.values()) > 20


@LAWS
@given(records=histories(200, CROWDED), seed=st.integers(0, 1_000))
async def test_the_whole_log_in_memory_is_the_history_in_order(records: list[Record], seed: int) -> None:
    log = StoreOf(spoiled(records, seed))
    model = await fold_into_memory(log, len(records))
    assert contents(model) == contents(in_order(log.records))
    assert (model.at, model.recorded_at) == (len(records), records[-1].recorded_at)


async def test_a_part_of_a_log_in_memory_ends_where_it_should() -> None:
    records = history(Random(5), 400, CROWDED)
    model = await fold_into_memory(StoreOf(records), 150)
    assert contents(model) == contents(in_order(records[:150]))


async def test_a_real_log_folds_into_memory_as_it_does_in_order() -> None:
    async with EventStore(MemoryLog(), Keyring(MASTER_KEY)) as store:
        end = await append_all(store, spoiled(history(Random(6), 500, VARIED), 6))
        model = await fold_into_memory(store, end)
        assert contents(model) == contents(in_order(await store.read(0, end)))
        assert model.stopped


async def test_too_many_documents_are_refused() -> None:
    records = history(Random(5), 400)
    with pytest.raises(TooLarge):
        await fold_into_memory(StoreOf(records), 400, documents_max=50)


async def test_what_nothing_can_be_derived_from_is_found_in_order() -> None:
    """A booking beyond all bounds: sums that JSON does not hold."""
    records = overflowing()
    with pytest.raises(Underivable):
        by_stream(records)
    model = await fold_into_memory(StoreOf(records), len(records))
    assert contents(model) == contents(in_order(records))
    assert model.stopped


def overflowing() -> list[Record]:
    world = World(Random(3))
    while not (in_projects := [key for key, task in world.tasks.items() if task.project_id is not None]):
        world.next()
    task_id = in_projects[0]
    credit = {"user_id": world.users[0], "centihours": 2**62, "hourly_rate_cents": 1, "cost_cents": 1}
    other = {**credit, "user_id": world.users[0]}
    world.tell(TaskHoursBooked(task_id, 2**62, (credit, other)))
    world.tell(TaskStatusChanged(task_id, "completed"))
    return world.records


def test_every_step_can_be_folded_by_stream() -> None:
    """Whoever adds another one gets to know here that long logs would be folded in order from then on."""
    assert unsplittable_types() == frozenset()
    assert {step.kind for steps in STEPS.values() for step in steps} <= KINDS.keys()


def test_a_step_that_touches_other_documents_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    records = history(Random(1), 60)
    [step] = STEPS[TaskStatusChanged]
    elsewhere = Step(step.kind, step.fold, lambda event: ("1", str(event.task_id)), None)  # type: ignore[attr-defined]
    steps = {**bulk_fold.OWN_STEPS, "task": {**bulk_fold.OWN_STEPS["task"], TaskStatusChanged: elsewhere}}
    monkeypatch.setattr(bulk_fold, "OWN_STEPS", steps)
    with pytest.raises(Unsplittable, match="about another document"):
        by_stream(records)


def test_types_that_reach_a_kind_twice_or_another_kind_alone_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [step] = STEPS[TaskStatusChanged]
    monkeypatch.setitem(STEPS, TaskStatusChanged, (step, step._replace(group=lambda _: "task:all")))
    assert unsplittable_types() == {TaskStatusChanged}
    monkeypatch.setitem(STEPS, TaskStatusChanged, (step._replace(kind="project"),))
    assert unsplittable_types() == {TaskStatusChanged}


def test_an_event_in_a_stream_of_another_kind_is_refused() -> None:
    records = history(Random(1), 60)
    stray = next(place for place, record in enumerate(records) if record.stream.startswith("task-"))
    records[stray] = records[stray]._replace(stream="project-999", version=1)
    with pytest.raises(Unsplittable, match="may reach any document"):
        by_stream(records)


def test_versions_against_the_order_of_positions_are_refused() -> None:
    records = history(Random(1), 200)
    stream = next(record.stream for record in reversed(records) if record.version > 2)
    first, second, *_ = [record for record in records if record.stream == stream]
    fold_ = StreamFold(Grouped([]))
    with pytest.raises(Unsplittable, match="differ in their order"):
        fold_.fold(stream, [first, second._replace(position=first.position)])


class Watched(Mapping[str, Any]):
    """A document that notes what is read of it."""

    def __init__(self, document: Document) -> None:
        self.read: set[str] = set()
        self._document = document

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return self._document[name]

    def __iter__(self) -> Iterator[str]:
        self.read.update(self._document)
        return iter(self._document)

    def __len__(self) -> int:
        return len([*self])


@pytest.mark.parametrize("kind", sorted(GROUPED_KINDS))
def test_groups_rest_on_no_other_fields_than_their_kind_names(kind: str) -> None:
    """A fold by stream asks for them again only when one of these fields has become another."""
    read: set[str] = set()
    for document in all_of_their_time(kind):
        watched = Watched(document)
        list(KINDS[kind].groups(watched))
        read |= watched.read
    assert read == set(KINDS[kind].group_fields)


def all_of_their_time(kind: str) -> list[Document]:
    """The documents of a kind after each event of a history."""
    model, found = MemoryModel(), list[Document]()
    for record in history(Random(9), 600, CROWDED):
        fold([record], model)
        found += [document for ref, document in model.documents.items() if ref.kind == kind]
    return found


def test_what_the_groups_rest_on_differs_by_type_as_well() -> None:
    """`task:of:1` and `task:of:True` are two groups."""
    number = 10**6
    assert not differ((number, None), (number, None))
    assert differ((1, None), (True, None))
    assert differ(([1],), ([1],))


def test_what_reaches_a_document_by_several_groups_comes_in_order() -> None:
    """A task whose project closes and opens while its assignees go, one after the other."""
    world = World(Random(3))
    for number in (1, 2):
        world.tell(
            UserRegistered(number, f"u{number}", f"{number}@example.com", "a", "b", "user", None, True, 0)
        )
    world.tell(ProjectCreated(1, 1, "p", "", 0, None, None, "active"))
    world.tell(TaskCreated(1, 1, 1, "t", "", "low", "pending", None, None, (1, 2)))
    world.tell(ProjectStatusChanged(1, "completed"))
    world.tell(UserDeleted(2))
    world.tell(ProjectStatusChanged(1, "active"))
    world.tell(UserDeleted(1))
    world.tell(ProjectStatusChanged(1, "cancelled"))
    world.tell(TaskTagged(1, (5,)))
    for count in range(4, len(world.records) + 1):
        told = world.records[:count]
        assert contents(by_stream(told)) == contents(in_order(told))
    task = by_stream(world.records).documents[Ref("task", "1")]
    assert (task["in_closed_project"], task["assignee_ids"], task["tag_ids"]) == (True, [], [5])


def test_a_figure_is_a_number_even_where_an_event_says_yes_or_no() -> None:
    ordered: Sums = {}
    quick: Sums = {}
    for amounts in ({"estimated_centihours": True}, {"tasks": 1, "estimated_centihours": 2}):
        add([(Ref("own_tasks", "1"), amounts)], 1, ordered)
        add_all([(Ref("own_tasks", "1"), amounts)], quick)
        assert {ref: repr(dict(figures)) for ref, figures in quick.items()} == {
            ref: repr(figures) for ref, figures in ordered.items()
        }


def test_a_plan_covers_every_stream_once() -> None:
    records = history(Random(4), 3_000)
    names = sorted({record.stream for record in records} | {"admins", "zzz", "user", "userx-1", "a"})
    sample = sorted(records[position - 1].stream for position in sampled_positions(3_000, 200))
    plan = planned(sample, 3_000, 200, 4)
    for name in names:
        holding = [each for each in [*plan.users, *plan.others] if each.low <= name < each.high]
        assert len(holding) == 1, name
        assert (holding[0] in plan.users) == name.startswith("user-")
    assert len(plan.others) > 5
    assert plan_in(plan_json(plan)) == plan


def test_ranges_of_a_plan_are_of_about_the_size_asked_for() -> None:
    records = history(Random(4), 5_000)
    sample = sorted(records[position - 1].stream for position in sampled_positions(5_000, 500))
    plan = planned(sample, 5_000, 500, 4)
    sizes = [
        sum(each.low <= record.stream < each.high for record in records)
        for each in [*plan.users, *plan.others]
    ]
    assert sum(sizes) == 5_000
    assert max(sizes) < 1_000


def test_an_empty_sample_gives_ranges_of_everything() -> None:
    assert planned([], 1, 100, 1).users == [USERS]
    assert planned([], 1, 100, 1).others == [Range(FIRST, USERS.low), Range(USERS.high, LAST)]
