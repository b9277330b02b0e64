"""What stood still and is folded again is as if it never had; what is discarded, as if it never happened."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from events.event import Event, Poison, Record
from events.operations import DeadLettersRetried, EventDiscarded
from events.projects import ProjectCreated, ProjectDeleted, ProjectStatusChanged
from events.tasks import TaskAssigned, TaskCreated, TaskHoursBooked, TaskStatusChanged
from events.users import UserDeleted
from projections.catalogue import STEPS
from projections.dead_letters import Settlement
from projections.folding import folding
from projections.live import Live
from projections.memory import fold
from projections.projection import Step
from projections.reach import WAYS, own_stream, streams_reaching, streams_through
from projections.standing import Reached, members_before
from projections.wanted import Found
from projections.writer import Writer
from readmodels.changes import AMOUNT_MAX, DeadLetter
from readmodels.connecting import call
from readmodels.documents import Document, Ref
from readmodels.keys import Keys
from readmodels.memory import MemoryModel
from tests.folding import GENERATION, Letters, Told, begun, client, everything, fold_parts
from tests.histories import batches, histories, history, splits, spoiled

IN_REDIS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
Log = list[Record | Poison]


def operation(event: Event, position: int) -> Record:
    at = "2027-01-01T00:00:00.000000Z"
    return Record(
        event, "operations", position, position, f"op-{position}", at, 1, "admin", "cli", "r", None, "c"
    )


def moved(records: Sequence[Record | Poison], by: int) -> Log:
    return [record._replace(position=record.position + by) for record in records]


def stopping(letters: Sequence[DeadLetter]) -> list[int]:
    return sorted({letter.position for letter in letters if not letter.held_back})


async def contents(redis: Redis) -> dict[str, object]:
    held = await everything(redis, Keys(GENERATION).prefix)
    assert held.pop("checkpoint")
    return held


def told(letters: Sequence[DeadLetter]) -> set[tuple[int, Ref, str, bool]]:
    """Letters without how they are spread over several calls."""
    return {
        (letter.position, ref, letter.error, letter.held_back)
        for letter in letters
        for ref in letter.documents
    }


def test_own_streams_bear_the_names_of_their_documents() -> None:
    """What `projections.reach` rests on: a step without a group is about the event's own document."""
    for event_type, steps in STEPS.items():
        for step in steps:
            if step.group is None:
                assert step.kind == event_type.STREAM


def test_streams_reach_a_document_by_its_groups() -> None:
    assert {(way.kind, way.category) for way in WAYS} == {
        ("task", "project"), ("task", "user"), ("risk", "project"), ("expense", "project"),
    }  # fmt: skip
    assert streams_through("task", "task:of:9") == {"project-9"}
    assert streams_through("risk", "task:of:9") == set()
    assert own_stream(Ref("risk", "3")) == "risk-3"
    assert streams_reaching(Ref("task", "1"), ["task:own:7", "task:own:8", "task:of:9"]) == {
        "task-1", "user-7", "user-8", "project-9",
    }  # fmt: skip


@IN_REDIS
@given(
    records=histories(),
    sizes=splits(),
    seed=st.integers(0, 1_000),
    place=st.floats(0, 1),
    chosen=st.integers(0, 2**20),
)
async def test_what_is_mended_and_retried_is_level_with_a_fresh_fold(
    redis_url: str, records: list[Record], sizes: list[int], seed: int, place: float, chosen: int
) -> None:
    """Some of what fails is mended in the midst of a history, and retried; the rest stands still."""
    middle = 1 + int(place * (len(records) - 1))
    broken = spoiled(records, seed, percent=15)
    letters = Letters()
    async with client(redis_url) as redis:
        log: Log = list(broken[:middle])
        live = await begun(redis, letters, log=log)
        await fold_parts(live, batches(broken[:middle], sizes))
        positions = [each for each in stopping(letters) if chosen >> (each % 20) & 1]
        later = {each.position for each in records[middle:]}
        mended = [
            good if good.position in positions or good.position in later else bad
            for good, bad in zip(records, broken, strict=True)
        ]
        retry = operation(DeadLettersRetried(tuple(positions), "mended"), middle + 1)
        log[:] = [*mended[:middle], retry, *moved(mended[middle:], 1)]
        await fold_parts(live, batches(log[middle:], sizes))
        held = await contents(redis)

        fresh = Letters()
        await (await begun(redis, fresh)).fold(log, "ready")
        assert held == await contents(redis)
    assert told(letters) == told(fresh)


@IN_REDIS
@given(
    records=histories(),
    sizes=splits(),
    seed=st.integers(0, 1_000),
    place=st.floats(0, 1),
    chosen=st.integers(0, 2**20),
)
async def test_a_fold_that_knows_of_discards_is_level_with_one_that_hears_of_them(
    redis_url: str, records: list[Record], sizes: list[int], seed: int, place: float, chosen: int
) -> None:
    middle = 1 + int(place * (len(records) - 1))
    broken = spoiled(records, seed, percent=15)
    letters = Letters()
    async with client(redis_url) as redis:
        log: Log = list(broken[:middle])
        live = await begun(redis, letters, log=log)
        await fold_parts(live, batches(log, sizes))
        positions = [each for each in stopping(letters) if chosen >> (each % 20) & 1]
        log += [operation(EventDiscarded(each, "no use"), middle + n) for n, each in enumerate(positions, 1)]
        log += moved(broken[middle:], len(positions))
        await fold_parts(live, batches(log[middle:], sizes))
        held = await contents(redis)

        fresh = Letters()
        await (await begun(redis, fresh, discarded=positions)).fold(log, "ready")
        assert held == await contents(redis)
    assert told(letters) == told(fresh)


def born(task_id: int, project_id: int | None = 9) -> TaskCreated:
    return TaskCreated(task_id, project_id, 7, f"Task {task_id}", "", "medium", "pending", None, None, (7,))


def placed(*events: Event) -> Log:
    """Events as records, with versions as their streams have them."""
    versions: dict[str, int] = {}
    log: Log = []
    for position, event in enumerate(events, 1):
        versions[event.stream] = versions.get(event.stream, 0) + 1
        record = operation(event, position)
        log.append(record._replace(stream=event.stream, version=versions[event.stream]))
    return log


def unread(record: Record | Poison) -> Poison:
    assert isinstance(record, Record)
    topic = record.event.TOPIC
    return Poison(record.stream, record.version, record.position, topic, record.recorded_at, "no such type")


PROJECT = ProjectCreated(9, 7, "Bridge", "", 0, None, None, "active")


async def repaired(redis: Redis, broken: Log, mended: Log, letters: Letters) -> Live:
    """`broken` folded, and what failed retried at the end of the log, as `mended` reads by then."""
    log = list(broken)
    live = await begun(redis, letters, log=log)
    await live.fold(broken, "ready")
    retry = operation(DeadLettersRetried(tuple(stopping(letters)), "mended"), len(log) + 1)
    log[:] = [*mended, retry]
    await live.fold([retry], "ready")
    return live


async def level(redis: Redis, log: Log) -> bool:
    held = await contents(redis)
    await (await begun(redis)).fold(log, "ready")
    return held == await contents(redis)


async def test_a_document_whose_first_event_was_poison_comes_to_life(redis: Redis) -> None:
    mended = placed(PROJECT, born(1), TaskStatusChanged(1, "completed"), born(2))
    letters = Letters()
    live = await repaired(redis, [mended[0], unread(mended[1]), *mended[2:]], mended, letters)
    assert (live.parked, letters) == (set(), [])
    assert await level(redis, mended)


async def test_what_a_poison_event_would_have_reached_is_folded_again_as_well(redis: Redis) -> None:
    """Nobody knew that the unreadable event was the end of a project, with all that was in it."""
    mended = placed(PROJECT, born(1), born(2), ProjectDeleted(9), born(3, None))
    letters = Letters()
    live = await repaired(redis, [*mended[:3], unread(mended[3]), mended[4]], mended, letters)
    assert (live.parked, letters) == (set(), [])
    assert await level(redis, mended)


async def test_what_fails_again_stands_still_and_says_so(redis: Redis) -> None:
    log = placed(
        PROJECT, born(1), TaskHoursBooked(1, 100, ({"user_id": 7},)), TaskStatusChanged(1, "completed")
    )
    letters = Letters()
    live = await repaired(redis, log, log, letters)
    assert live.parked == {Ref("task", "1")}
    assert [(letter.position, letter.held_back) for letter in letters] == [(3, False), (4, True)]
    assert await level(redis, log)


async def test_one_document_that_cannot_take_an_event_stops_alone(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event may reach many documents: that one of them is broken must not stop its neighbours."""
    log = placed(PROJECT, born(1), born(2), ProjectStatusChanged(9, "completed"))
    [step] = [step for step in STEPS[ProjectStatusChanged] if step.kind == "task"]

    def broken_for_1(document: Document | None, event: Event, record: Record) -> Document | None:
        if document and document["id"] == 1:
            raise ValueError("broken")
        return step.fold(document, event, record)

    steps = [
        each._replace(fold=broken_for_1) if each is step else each for each in STEPS[ProjectStatusChanged]
    ]
    letters = Letters()
    with monkeypatch.context() as broken:
        broken.setitem(STEPS, ProjectStatusChanged, tuple(steps))
        live = await begun(redis, letters, log=log)
        await live.fold(log, "ready")
        assert live.parked == {Ref("task", "1")}
        assert [letter.documents for letter in letters] == [(Ref("task", "1"),)]
    retry = operation(DeadLettersRetried((4,), "mended"), 5)
    await live.fold([retry], "ready")
    assert (live.parked, letters) == (set(), [])
    assert await level(redis, log)


async def test_what_no_sum_could_hold_is_taken_once_there_is_room(redis: Redis) -> None:
    """The only failure that may heal without any code being mended: by what happened to others."""

    def booking(task_id: int, hours: int, cost: int) -> TaskHoursBooked:
        credit = {"user_id": 7, "centihours": hours, "hourly_rate_cents": 1, "cost_cents": cost}
        return TaskHoursBooked(task_id, hours, (credit,))

    log = placed(
        PROJECT, born(1), born(2), booking(1, 1, AMOUNT_MAX), booking(2, 1, 5), booking(1, 0, -AMOUNT_MAX)
    )
    letters = Letters()
    live = await begun(redis, letters, log=log)
    await live.fold(log[:5], "ready")
    assert live.parked == {Ref("task", "2")}
    again = operation(DeadLettersRetried((5,), "try"), 6)
    log[:] = [*log[:5], again, *moved(log[5:], 1)]
    await live.fold(log[5:6], "ready")
    assert live.parked == {Ref("task", "2")}
    assert [letter.error.split()[0] for letter in letters] == ["OverflowError"]
    log.append(operation(DeadLettersRetried((5,), "room by now"), 8))
    await live.fold(log[6:], "ready")
    assert (live.parked, letters) == (set(), [])

    held = await contents(redis)
    await fold_parts(await begun(redis, log=log), [[record] for record in log])
    assert held == await contents(redis)


async def test_a_runner_that_dies_between_the_letters_and_the_read_model_repairs_it_all_the_same(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    mended = placed(PROJECT, born(1), TaskStatusChanged(1, "completed"))
    log: Log = [mended[0], unread(mended[1]), mended[2]]
    letters = Letters()
    live = await begun(redis, letters, log=log)
    await live.fold(log, "ready")
    start, parked = live.checkpoint, set(live.parked)
    log[1] = mended[1]
    log.append(operation(DeadLettersRetried((2,), "mended"), 4))

    async def dies(*_: object, **__: object) -> None:
        raise OSError("killed")

    with monkeypatch.context() as killed:
        killed.setattr(Writer, "apply", dies)
        with pytest.raises(OSError, match="killed"):
            await live.fold(log[3:], "ready")
    assert letters == []
    assert await live_parked(redis) == {b"task:1"}

    live.checkpoint, live.parked = start, parked
    await live.fold(log[3:], "ready")
    assert (live.parked, letters) == (set(), [])
    assert await level(redis, mended)


async def live_parked(redis: Redis) -> set[bytes]:
    members: set[bytes] = await call(redis, "SMEMBERS", Keys(GENERATION).parked)
    return members


async def test_many_documents_are_repaired_some_at_a_time(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.repairs.DOCUMENTS_AT_ONCE_MAX", 2)
    mended = placed(PROJECT, *map(born, range(1, 8)), ProjectDeleted(9))
    settlements: list[Settlement] = []
    letters = Letters()
    settle = letters.settle

    async def counted(settlement: Settlement) -> None:
        settlements.append(settlement)
        await settle(settlement)

    monkeypatch.setattr(letters, "settle", counted)
    live = await repaired(redis, [*mended[:8], unread(mended[8])], mended, letters)
    assert live.parked == set()
    assert [len(each.refs) for each in settlements] == [2, 2, 2, 2, 0]
    assert await level(redis, mended)


def test_a_fold_in_memory_leaves_out_what_is_discarded() -> None:
    records = history(Random(5), 200)
    left_out = {record.position for record in records if record.position % 7 == 0}
    known, cut = MemoryModel(), MemoryModel()
    for model, some, discarded in (
        (known, records, left_out),
        (cut, [record for record in records if record.position not in left_out], set()),
    ):
        fold(some, model, discarded)
    assert known.documents == cut.documents
    assert known.indexes == cut.indexes


def test_a_batch_of_discarded_events_only_changes_nothing() -> None:
    poison = unread(placed(PROJECT)[0])
    steps = folding([poison], set(), {1})
    next(steps)
    with pytest.raises(StopIteration) as done:
        steps.send(Found({}, {}))
    assert (done.value.value.parked, done.value.value.dead_letters) == (set(), [])


def failing_for(task_id: int, step: Step) -> Step:
    def broken(document: Document | None, event: Event, record: Record) -> Document | None:
        if document is not None and document["id"] == task_id:
            raise ValueError("broken")
        return step.fold(document, event, record)

    return step._replace(fold=broken)


REACHING_GROUPS: list[tuple[Event, Sequence[Event]]] = [
    (ProjectDeleted(9), ()),
    (UserDeleted(7), ()),
    (UserDeleted(8), ()),
    (UserDeleted(8), (TaskAssigned(2, (6,)), TaskAssigned(3, (8, 6)))),
    (ProjectStatusChanged(9, "completed"), (TaskStatusChanged(2, "completed"),)),
]


@pytest.mark.parametrize(("event", "later"), REACHING_GROUPS)
async def test_discarded_it_comes_undone_where_it_was_taken_too(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, event: Event, later: Sequence[Event]
) -> None:
    """Of a group one document stopped and the others went on, perhaps out of the group."""
    steps = [failing_for(1, step) if step.kind == "task" else step for step in STEPS[type(event)]]
    monkeypatch.setitem(STEPS, type(event), tuple(steps))
    before = (PROJECT, born(1), born(2), born(3, None), TaskAssigned(2, (8, 6)), TaskAssigned(1, (8,)))
    happened = placed(*before, event, *later)
    at = len(before) + 1
    log = [*happened, operation(EventDiscarded(at, "wrong"), len(happened) + 1)]
    letters = Letters()
    live = await begun(redis, letters, log=log)
    await live.fold(log[:-1], "ready")
    assert live.parked == {Ref("task", "1")}
    await live.fold(log[-1:], "ready")
    assert (live.parked, letters) == (set(), [])
    held = await contents(redis)
    await (await begun(redis, discarded={at})).fold(log, "ready")
    assert held == await contents(redis)


async def test_who_stood_in_a_group_is_told_by_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers that are alike, and documents that came or went, are told apart."""
    monkeypatch.setattr("projections.standing.READ_EVENTS", 2)
    monkeypatch.setattr("projections.standing.STORIES_AT_ONCE_MAX", 1)
    log = placed(
        PROJECT, born(1), born(2), born(99, None), TaskAssigned(2, (8,)), TaskAssigned(2, (6,)),
        born(9, None), TaskAssigned(1, (8,)),
    )  # fmt: skip

    async def members(group: str, number: str, position: int) -> list[str]:
        reached = [Reached("task", group, number, position)]
        return sorted(ref.id for ref in await members_before(reached, Told(log), ()))

    assert await members("task:of:9", "9", 9) == ["1", "2"]
    assert await members("task:of:9", "9", 3) == ["1"]
    assert await members("task:own:8", "8", 6) == ["2"]
    assert await members("task:own:8", "8", 7) == []
    assert await members("task:own:8", "8", 9) == ["1"]
    assert await members("task:of:1", "1", 9) == []
