"""Snapshots: everything that a report speaks of at one position; one suite for both read models."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Mapping
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

import readmodels.memory
import readmodels.redis
from events.event import Event, Record
from projections.memory import fold
from projections.writer import Writer
from readmodels.connecting import call, connect
from readmodels.documents import Ref
from readmodels.keys import Keys
from readmodels.memory import MemoryModel
from readmodels.model import Model, NotReady, TooBusy
from readmodels.redis import RedisModel
from readmodels.reports.catalogue import REPORTS
from readmodels.reports.periods import Period
from readmodels.snapshots import CHUNK_DOCUMENTS, Scope, Selection, Snapshot, Tally, TooLarge
from readmodels.turns import Turns
from tests.folding import GENERATION, begun
from tests.histories import histories, history
from tests.reporting import at, project, task, told, user

KEYS = Keys(GENERATION)
LONG_AGO = "2020-01-01T00:00:00.000000Z"
LONG_AFTER = "2300-01-01T00:00:00.000000Z"

PROJECTS = Scope(
    (Selection("project", "project:sort:id"), Selection("project_figures", "project:sort:id")),
    (Tally("overdue", "project:sort:id", "task:open:due:project:"),),
)
USERS = Scope((Selection("user", "user:sort:id"),))


def in_memory(records: list[Record]) -> MemoryModel:
    model = MemoryModel()
    fold(records, model)
    return model


async def memory_model(_: Redis, records: list[Record]) -> Model:
    return in_memory(records)


async def redis_model(redis: Redis, records: list[Record]) -> Model:
    live = await begun(redis)
    if records:
        await live.fold(records, "ready")
    return RedisModel(redis, GENERATION)


@pytest.fixture(params=[memory_model, redis_model], ids=["memory", "redis"])
def model_of(request: pytest.FixtureRequest) -> Any:
    return request.param


async def test_it_holds_all_documents_in_the_order_of_their_ids(redis: Redis, model_of: Any) -> None:
    records = history(Random(3), 700)
    model: Model = await model_of(redis, records)
    held = in_memory(records).documents
    ids = sorted(document["id"] for ref, document in held.items() if ref.kind == "project")

    snapshot = await model.snapshot(PROJECTS, LONG_AGO)

    assert len(ids) > 20
    assert list(snapshot.documents("project")) == [held[Ref("project", str(each))] for each in ids]
    figures = {ref.id: document for ref, document in held.items() if ref.kind == "project_figures"}
    assert 0 < len(figures) < len(ids)
    assert snapshot.by_id("project_figures") == figures


async def test_it_speaks_of_the_last_event(redis: Redis, model_of: Any) -> None:
    records = history(Random(3), 40)
    model: Model = await model_of(redis, records)

    snapshot = await model.snapshot(USERS, LONG_AGO)

    assert (snapshot.position, snapshot.moment) == (40, records[-1].recorded_at)


async def test_after_a_quiet_night_it_speaks_of_the_day_that_began(redis: Redis, model_of: Any) -> None:
    model: Model = await model_of(redis, history(Random(3), 40))
    assert (await model.snapshot(USERS, LONG_AFTER)).moment == LONG_AFTER


async def test_of_an_empty_log_it_holds_nothing(redis: Redis, model_of: Any) -> None:
    model: Model = await model_of(redis, [])

    snapshot = await model.snapshot(PROJECTS, LONG_AGO)

    assert (snapshot.position, snapshot.moment, snapshot.size_bytes) == (0, LONG_AGO, 0)
    assert list(snapshot.documents("project")) == []
    assert snapshot.tally("overdue") == {}


async def test_a_tally_counts_what_stands_before_the_moment_or_at_it(redis: Redis, model_of: Any) -> None:
    records = told(
        ("2025-06-01", user(1)),
        ("2025-06-02", project(1)),
        ("2025-06-02", project(10)),
        ("2025-06-03", task(1, due="2025-07-01")),
        ("2025-06-03", task(2, due="2025-07-02T09:00")),
        ("2025-06-03", task(3, project_id=10, due="2025-07-02T09:00")),
    )
    model: Model = await model_of(redis, records)

    async def overdue(today: str) -> Mapping[str, int]:
        return (await model.snapshot(PROJECTS, at(today))).tally("overdue")

    # A due date without a time of day stands for its whole day.
    assert await overdue("2025-07-01") == {}
    assert await overdue("2025-07-02") == {"1": 1}
    assert await overdue("2025-07-02T08:59") == {"1": 1}
    assert await overdue("2025-07-02T09:00") == {"1": 2, "10": 1}


async def test_a_tally_is_of_the_snapshots_own_moment(redis: Redis, model_of: Any) -> None:
    """What the last event's moment leaves behind is overdue, also when the day began before it."""
    records = told(
        ("2025-06-01", user(1)),
        ("2025-06-02", project(1)),
        ("2025-06-03", task(1, due="2025-07-02T09:00")),
        ("2025-07-02T09:30", task(2, due="2025-07-02T09:31")),
    )
    model: Model = await model_of(redis, records)
    assert (await model.snapshot(PROJECTS, at("2025-07-02"))).tally("overdue") == {"1": 1}


async def test_scores_narrow_a_selection_and_include_both_ends(redis: Redis, model_of: Any) -> None:
    records = told(
        ("2025-01-01", user(1)),
        ("2025-01-01", user(12)),
        ("2025-01-01", project(1)),
        *((f"2025-{month:02}-05", task(month, (1, 12))) for month in range(1, 7)),
    )
    model: Model = await model_of(redis, records)
    work = Scope((Selection("work", "work:month", 202502, 202503),))

    found = (await model.snapshot(work, LONG_AGO)).documents("work")

    assert [each["id"] for each in found] == ["1:2025-02", "12:2025-02", "1:2025-03", "12:2025-03"]


async def test_it_can_be_sent_to_another_process(redis: Redis, model_of: Any) -> None:
    model: Model = await model_of(redis, history(Random(3), 200))
    snapshot = await model.snapshot(PROJECTS, LONG_AGO)
    assert pickle.loads(pickle.dumps(snapshot)) == snapshot


async def test_what_is_too_large_is_refused(
    redis: Redis, model_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model: Model = await model_of(redis, history(Random(3), 400))
    count = len(list((await model.snapshot(USERS, LONG_AGO)).documents("user")))
    for module in (readmodels.memory, readmodels.redis):
        monkeypatch.setattr(module, "SNAPSHOT_DOCUMENTS_MAX", count)
    assert (await model.snapshot(USERS, LONG_AGO)).size_bytes
    for module in (readmodels.memory, readmodels.redis):
        monkeypatch.setattr(module, "SNAPSHOT_DOCUMENTS_MAX", count - 1)
    with pytest.raises(TooLarge):
        await model.snapshot(USERS, LONG_AGO)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(records=histories(120), days=st.lists(st.integers(0, 250), min_size=2, max_size=2))
async def test_both_models_give_the_same_bytes(redis: Redis, records: list[Record], days: list[int]) -> None:
    ends = [records[min(day, len(records) - 1)].recorded_at for day in sorted(days)]
    memory, stored = in_memory(records), await redis_model(redis, records)
    for definition in REPORTS.values():
        scope = definition.scope(Period(*ends))
        for today in (LONG_AGO, ends[0], LONG_AFTER):
            assert await stored.snapshot(scope, today) == await memory.snapshot(scope, today)


async def test_many_documents_come_in_chunks(redis: Redis) -> None:
    count = 2 * CHUNK_DOCUMENTS + 1
    happened: list[tuple[str, Event]] = [("2025-01-02", project(number)) for number in range(1, count + 1)]
    # Sums are there for some only: they come in chunks of fewer documents than ids.
    happened += [("2025-01-03", task(number, project_id=number)) for number in range(1, count, 3)]
    records = told(("2025-01-01", user(1)), *happened)

    snapshot = await (await redis_model(redis, records)).snapshot(PROJECTS, LONG_AGO)

    assert [len(orjson.loads(chunk)) for chunk in snapshot.chunks["project"]] == [1_000, 1_000, 1]
    assert [each["id"] for each in snapshot.documents("project")] == list(range(1, count + 1))
    assert snapshot == await in_memory(records).snapshot(PROJECTS, LONG_AGO)


async def test_each_snapshot_is_the_fold_of_the_log_up_to_its_position(redis: Redis) -> None:
    """Taken while batches are folded: documents, counts and moment of one position, never of two."""
    records = history(Random(6), 1_500)
    live = await begun(redis)
    model = RedisModel(redis, GENERATION)
    taken: list[Snapshot] = []

    async def watch() -> None:
        while not taken or taken[-1].position < len(records):
            taken.append(await model.snapshot(PROJECTS, LONG_AGO))

    watching = asyncio.create_task(watch())
    for start in range(0, len(records), 30):
        await live.fold(records[start : start + 30], "ready")
    await watching

    by_position = {snapshot.position: snapshot for snapshot in taken}
    assert len(by_position) > 5
    for position, snapshot in list(by_position.items())[-10:]:
        assert snapshot == await in_memory(records[:position]).snapshot(PROJECTS, LONG_AGO)


async def test_a_listed_document_that_is_missing_is_damage(redis: Redis) -> None:
    records = history(Random(3), 400)
    model = await redis_model(redis, records)
    number = next(iter((await model.snapshot(PROJECTS, LONG_AGO)).by_id("project")))
    await redis.delete(KEYS.document(Ref("project", number)))

    with pytest.raises(NotReady):
        await model.snapshot(PROJECTS, LONG_AGO)
    assert await call(redis, "HGET", KEYS.checkpoint, "state") == b"damaged"


@pytest.mark.parametrize("state", ["clearing", "filling", "torn", "damaged"])
async def test_a_model_that_is_not_ready_gives_none(redis: Redis, state: str) -> None:
    model = await redis_model(redis, history(Random(3), 40))
    await call(redis, "HSET", KEYS.checkpoint, "state", state)
    with pytest.raises(NotReady):
        await model.snapshot(USERS, LONG_AGO)


async def test_small_snapshots_are_read_together_and_all_are_answered(redis: Redis) -> None:
    model = await redis_model(redis, history(Random(4), 200))
    await model.snapshot(PROJECTS, LONG_AGO)
    asked = [model.snapshot(PROJECTS, LONG_AGO) for _ in range(300)]
    assert all(isinstance(each, Snapshot) for each in await asyncio.gather(*asked))


async def test_large_ones_take_turns_and_not_too_many_wait() -> None:
    turns, running, most = Turns(large_bytes=10, waiting_max=5), 0, 0
    turns.note("large", 10)

    async def ask() -> None:
        nonlocal running, most
        async with turns.turn("large"):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    found = await asyncio.gather(*(ask() for _ in range(8)), return_exceptions=True)
    assert [type(each) for each in found] == [type(None)] * 5 + [TooBusy] * 3
    assert most == 1
    await ask()


async def test_who_leaves_while_waiting_makes_room() -> None:
    turns = Turns(large_bytes=10, waiting_max=2)
    async with turns.turn("unknown"):
        waiting = asyncio.create_task(asking(turns))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        after = asyncio.create_task(asking(turns))
        await asyncio.sleep(0)
        assert not after.done()
    await after


async def asking(turns: Turns) -> None:
    async with turns.turn("unknown"):
        pass


async def test_a_silent_redis_is_told_to_all_who_wait(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await redis_model(redis, history(Random(4), 200))
    monkeypatch.setattr(readmodels.redis, "SNAPSHOT_TIMEOUT_S", 0.3)
    model = RedisModel(redis, GENERATION)
    await call(redis, "CLIENT", "PAUSE", "800", "ALL")
    asked = [model.snapshot(PROJECTS, LONG_AGO) for _ in range(20)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(each) for each in found] == [NotReady] * 20
    await asyncio.sleep(0.6)
    assert isinstance(await model.snapshot(PROJECTS, LONG_AGO), Snapshot)


async def test_a_snapshot_may_take_longer_than_a_page(redis: Redis, redis_url: str) -> None:
    await redis_model(redis, history(Random(4), 200))
    impatient = connect(redis_url, timeout_s=0.2)
    patient = connect(redis_url, connections_max=1, timeout_s=20)
    model = RedisModel(impatient, GENERATION, 0.2, large=patient)
    await call(redis, "CLIENT", "PAUSE", "600", "ALL")
    with pytest.raises(NotReady):
        await model.fetch([Ref("user", "1")])
    assert isinstance(await model.snapshot(PROJECTS, LONG_AGO), Snapshot)
    await impatient.aclose()
    await patient.aclose()


async def test_a_lost_redis_gives_none(redis: Redis) -> None:
    model = await redis_model(redis, history(Random(3), 40))
    await redis.flushdb()
    with pytest.raises(NotReady):
        await model.snapshot(USERS, LONG_AGO)


async def test_a_generation_that_was_filled_and_then_opened_knows_its_moment(redis: Redis) -> None:
    records = history(Random(3), 40)
    live = await begun(redis)

    await live.fold(records, "filling")
    await live.fold([], "ready")

    snapshot = await RedisModel(redis, GENERATION).snapshot(USERS, LONG_AGO)
    assert (snapshot.position, snapshot.moment) == (40, records[-1].recorded_at)


async def test_whoever_takes_a_generation_over_knows_its_moment(redis: Redis) -> None:
    """A successor that folds nothing new says the same moment as before."""
    records = history(Random(3), 40)
    model = await redis_model(redis, records)
    writer = Writer(redis, GENERATION)

    checkpoint = await writer.seize(2)

    assert checkpoint is not None
    assert checkpoint.recorded_at == records[-1].recorded_at
    assert (await model.snapshot(USERS, LONG_AGO)).moment == records[-1].recorded_at
