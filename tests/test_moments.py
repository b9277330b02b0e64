"""Moments: each equals a fold of the first events alone, they are shared, few, and soon forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any
from uuid import uuid4

import psutil
import psycopg
import pytest
from redis.asyncio import Redis

from api import moments_builder as module
from api.core import Core
from api.embedded_valkey import Valkey
from api.errors import TryLater
from api.reports.json_data import data_of
from events.connections import Connections
from events.log import Appended, RawAppend, RawEvent
from events.migrate import migrate
from events.operations import EventDiscarded
from events.positions import place_of
from events.store import EventStore, open_store
from projections import moments_building
from projections.bulk import BulkSettings
from projections.bulk_messages import Sources
from projections.memory import fold
from projections.moments import KeptMoments, Unread, generation_of, remove_keys
from projections.moments_building import Job, build
from projections.writer import Fenced, Lost, Writer, unlink
from readmodels.connecting import call, connect
from readmodels.documents import Ref
from readmodels.keys import MOMENTS, Keys
from readmodels.memory import MemoryModel
from readmodels.model import NotReady, Query
from readmodels.reports.catalogue import REPORTS
from readmodels.reports.periods import Period
from tests.folding import everything
from tests.histories import history
from tests.pasts import core_on, fresh, happened, held, moment, moments_in, remember, without_checkpoint
from tests.projecting import MASTER_KEY, model_in, own_generation, projecting, until, until_at

HISTORIES = 20
POINTS = 10
EVENTS = 100


@pytest.mark.parametrize("seed", range(HISTORIES))
async def test_a_moment_equals_a_store_that_holds_only_the_first_events(
    database_url: str,
    redis_url: str,
    store: EventStore,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    """Every key: documents, indexes, texts and sums, copied from other moments or not."""
    random = Random(seed)
    if seed % 2:
        monkeypatch.setattr(moments_building, "COPY_ENTRIES_MAX", 4)
    await remember(store, history(random, EVENTS))
    async with core_on(database_url, redis_url) as core:
        for position in random.sample(range(EVENTS + 1), POINTS):
            model = await moment(core, position)
            assert await held(redis, model) == await fresh(redis, store, position), position
            assert await model.position() == position


async def test_every_report_about_the_past_is_the_one_that_was_made_then(
    database_url: str, redis_url: str, store: EventStore
) -> None:
    records = history(Random(7), 200)
    await remember(store, records)
    async with core_on(database_url, redis_url) as core:
        for position in (0, 1, 40, 111, 200):
            then = (await place_of(core.connections, position)).recorded_at
            model, memory = await moment(core, position), MemoryModel()
            fold(await store.read(0, position) if position else [], memory)
            for name, definition in REPORTS.items():
                period = Period(None, then)
                snapshots = [await each.snapshot(definition.scope(period), then) for each in (model, memory)]
                assert {(each.position, each.moment) for each in snapshots} == {(position, then)}
                made, expected = (data_of(definition.report(each, period)) for each in snapshots)
                assert made == expected, (name, position)


async def test_a_near_moment_is_copied_and_carried_on(
    database_url: str,
    redis_url: str,
    store: EventStore,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await remember(store, history(Random(3), 120))
    async with core_on(database_url, redis_url) as core:
        await moment(core, 110)
        await permit_somebody(core, redis)
        read = reads_of(core.store, monkeypatch)
        model = await moment(core, 120)
        assert min(read) == 110
        assert await held(redis, model) == await fresh(redis, store, 120)
        read.clear()
        await moment(core, 100)
        assert min(read) == 0


async def test_a_near_moment_that_nobody_reads_any_more_is_carried_on_itself(
    database_url: str,
    redis_url: str,
    store: EventStore,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await remember(store, history(Random(3), 120))
    async with core_on(database_url, redis_url) as core:
        before = await moment(core, 110)
        await moment(core, 60)
        unread_since(database_url, 40)
        read = reads_of(core.store, monkeypatch)
        model = await moment(core, 120)
        assert min(read) == 110
        assert model.keys.prefix == before.keys.prefix
        assert await held(redis, model) == await fresh(redis, store, 120)
        assert rows_of(database_url) == [(60, "ready", 1), (120, "ready", 2)]
        assert await held(redis, await moment(core, 110)) == await fresh(redis, store, 110)
        assert await model.position() == 120


async def test_a_moment_that_somebody_may_be_reading_stays_what_it_is(
    database_url: str, redis_url: str, store: EventStore, redis: Redis
) -> None:
    await remember(store, history(Random(3), 120))
    async with core_on(database_url, redis_url) as core:
        read = await moment(core, 110)
        unread_since(database_url, 20)
        await moment(core, 120)
        assert await held(redis, read) == await fresh(redis, store, 110)
        assert rows_of(database_url) == [(110, "ready", 1), (120, "ready", 1)]


@pytest.mark.parametrize("lost", ["checkpoint", "everything"])
async def test_a_moment_that_cannot_be_carried_on_is_folded_from_the_beginning(
    database_url: str, redis_url: str, store: EventStore, redis: Redis, lost: str
) -> None:
    await remember(store, history(Random(3), 120))
    async with core_on(database_url, redis_url) as core:
        before = await moment(core, 110)
        unread_since(database_url, 40)
        if lost == "everything":
            await unlink(redis, before.keys.prefix)
        else:
            await redis.hset(before.keys.checkpoint, "position", "109")
        model = await moment(core, 120)
        assert await held(redis, model) == await fresh(redis, store, 120)


async def test_a_builder_that_dies_while_it_carries_a_moment_on_leaves_nothing_half_done(
    database_url: str, redis_url: str, store: EventStore, redis: Redis
) -> None:
    await remember(store, history(Random(3), 120))
    async with core_on(database_url, redis_url) as core:
        await moment(core, 110)
        place, unread = await place_of(core.connections, 120), Unread(20, 0.0)
        dead = await KeptMoments(core.connections, 4).claim(place, 1, unread=unread)
        assert dead
        assert dead.carried
        writer = Writer(redis, generation_of(dead.number))
        await writer.seize(dead.epoch)
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE moments SET until = clock_timestamp()")
        model = await moment(core, 120, user_id=2)
        assert await held(redis, model) == await fresh(redis, store, 120)
        with pytest.raises(Fenced):
            await build(store, redis, Job(dead, dead.carried), 10)


def unread_since(database_url: str, seconds: float) -> None:
    """As if so much time had passed since anybody asked for a moment."""
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE moments SET used_at = used_at - make_interval(secs => %s)", (seconds,))


async def permit_somebody(core: Core, redis: Redis) -> None:
    """Who may see what today is no part of a copy."""
    for number in await moments_in(redis):
        await call(redis, "ZADD", f"{{tl:m{number}}}:index:project:permitted:7", 0, "a1")


def reads_of(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The positions after which the log is read from now on."""
    seen: list[int] = []
    read = store.log.read

    async def noting(after: int, limit: int) -> Any:
        seen.append(after)
        return await read(after, limit)

    monkeypatch.setattr(store.log, "read", noting)
    return seen


async def test_a_moment_whose_base_goes_away_is_folded_from_the_beginning(
    database_url: str,
    redis_url: str,
    store: EventStore,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await remember(store, history(Random(3), 120))
    async with core_on(database_url, redis_url) as core:
        await moment(core, 110)
        (number,) = await moments_in(redis)
        copy = moments_building._copy

        async def removing(*arguments: Any) -> None:
            await remove_keys(redis, number)
            await copy(*arguments)

        monkeypatch.setattr(moments_building, "_copy", removing)
        model = await moment(core, 120)
        assert await held(redis, model) == await fresh(redis, store, 120)


async def test_a_discarded_event_counts_until_it_was_discarded(
    database_url: str, redis_url: str, store: EventStore, redis: Redis
) -> None:
    records = history(Random(5), 100)
    await remember(store, records)
    wrong = next(record.position for record in reversed(records) if record.event.TOPIC == "task.created")
    await happened(store, EventDiscarded(wrong, "it was a joke"), 1)
    async with core_on(database_url, redis_url) as core:
        before, after = [await held(redis, await moment(core, position)) for position in (100, 101)]
        assert before != after
        assert before == await fresh(redis, store, 100)
        assert after == await fresh(redis, store, 101)


@pytest.mark.parametrize("position", [60, 61, 90])
async def test_what_cannot_be_folded_stands_in_the_past_as_it_would_have_then(
    database_url: str, redis_url: str, store: EventStore, redis: Redis, position: int
) -> None:
    """Also where such an event is the very last one."""
    records = history(Random(8), 90)
    await remember(store, records[:60])
    await append_raw(store, "task-900", 1, "task.teleported")
    await remember(store, records[60:])
    async with core_on(database_url, redis_url) as core:
        model = await moment(core, position)
        assert await held(redis, model) == await fresh(redis, store, position)
        parked = await model.parked([Ref("task", "900")])
        assert parked == ({Ref("task", "900")} if position > 60 else set())


async def append_raw(store: EventStore, stream: str, version: int, topic: str) -> None:
    event = RawEvent(stream, version, topic, b"{}", str(uuid4()))
    (outcome,) = await store.log.append_group([RawAppend(f"{stream}:{version}", (event,))])
    assert isinstance(outcome, Appended)


async def test_a_long_log_is_folded_by_several_processes_with_the_same_result(
    database_url: str, redis_url: str, store: EventStore, redis: Redis
) -> None:
    await remember(store, history(Random(9), 150))
    connections = Connections(database_url)
    place = await place_of(connections, 140)
    kept = KeptMoments(connections, 4)
    claim = await kept.claim(place, 1)
    assert claim
    sources = Sources(database_url, redis_url, MASTER_KEY)
    divided = BulkSettings(events_min=50, range_events=40)
    await build(store, redis, Job(claim), 10, sources=sources, bulk=divided)
    assert await kept.ready(claim)
    async with core_on(database_url, redis_url) as core:
        model = await moment(core, 140)
        assert await held(redis, model) == await fresh(redis, store, 140)
    await connections.close()


async def test_two_requests_for_one_moment_share_the_work_also_between_servers(
    database_url: str, redis_url: str, store: EventStore, redis: Redis
) -> None:
    await remember(store, history(Random(1), 150))
    async with core_on(database_url, redis_url) as core, core_on(database_url, redis_url) as other:
        asked = [moment(each, 140, user_id) for each in (core, other) for user_id in (1, 1, 2)]
        models = await asyncio.gather(*asked)
        assert len({model.keys.prefix for model in models}) == 1
        assert rows_of(database_url) == [(140, "ready", 1)]
        assert len(await moments_in(redis)) == 1


def rows_of(database_url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database_url) as connection:
        return connection.execute("SELECT position, state, epoch FROM moments ORDER BY position").fetchall()


async def test_of_five_moments_the_one_used_longest_ago_goes(
    database_url: str, redis_url: str, store: EventStore, redis: Redis
) -> None:
    await remember(store, history(Random(1), 60))
    async with core_on(database_url, redis_url) as core:
        for position in (10, 20, 30, 40, 10):
            await moment(core, position)
        gone = await moment(core, 20)
        for position in (10, 30, 40, 50):
            await moment(core, position)
        assert [row[0] for row in rows_of(database_url)] == [10, 30, 40, 50]
        assert len(await moments_in(redis)) == 4
        with pytest.raises(NotReady):
            await gone.position()


async def test_nobody_sees_half_of_a_moment_that_is_being_removed(
    database_url: str,
    redis_url: str,
    store: EventStore,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await remember(store, history(Random(1), 60))
    async with core_on(database_url, redis_url) as core:
        model = await moment(core, 50)
        assert (await model.page(Query("task"))).total
        refused = []

        async def looked_at(*arguments: Any) -> None:
            with pytest.raises(NotReady):
                await model.page(Query("task"))
            refused.append(True)
            await unlink(*arguments)

        monkeypatch.setattr("projections.moments.unlink", looked_at)
        await KeptMoments(core.connections, 4).tidy(redis, 0.001)
        assert refused == [True]


async def test_what_nobody_asks_for_is_removed(
    database_url: str, redis_url: str, store: EventStore, redis: Redis
) -> None:
    await remember(store, history(Random(1), 60))
    async with core_on(database_url, redis_url) as core:
        await moment(core, 10)
        kept = KeptMoments(core.connections, 4)
        await kept.tidy(redis, 60)
        assert len(await moments_in(redis)) == 1
        await kept.tidy(redis, 0.001)
        assert rows_of(database_url) == []
        assert await moments_in(redis) == set()
        assert await redis.smembers(MOMENTS) == set()


async def test_keys_that_no_table_knows_are_removed(database_url: str, redis_url: str, redis: Redis) -> None:
    """The database was restored: it has forgotten the moment, Redis has not."""
    await call(redis, "SADD", MOMENTS, 99)
    await call(redis, "SET", "{tl:m99}:document:task:1", "{}")
    async with core_on(database_url, redis_url):
        await until(lambda: is_empty(redis))


async def is_empty(redis: Redis) -> bool:
    return not await moments_in(redis) and not await call(redis, "EXISTS", MOMENTS)


async def test_a_moment_is_there_for_as_long_as_it_is_kept(
    database_url: str, redis_url: str, store: EventStore, redis: Redis
) -> None:
    """Its builder's lease has run out long ago, which means nothing any more."""
    await remember(store, history(Random(1), 60))
    async with core_on(database_url, redis_url) as core:
        await moment(core, 10)
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE moments SET until = clock_timestamp() - interval '1 minute'")
        async with asyncio.timeout(3):
            assert await (await moment(core, 10)).position() == 10
        assert rows_of(database_url) == [(10, "ready", 1)]


async def test_a_moment_equals_what_a_projector_makes_of_another_store_with_the_same_beginning(
    database_url: str, empty_database_url: str, redis_url: str, store: EventStore, redis: Redis
) -> None:
    """A real one: a database of its own, with a projector."""
    await remember(store, history(Random(11), 150))
    await asyncio.to_thread(copy_beginning, database_url, empty_database_url, 97)
    async with open_store(empty_database_url, MASTER_KEY) as other:
        async with projecting(other, redis, empty_database_url):
            await until_at(await model_in(redis, empty_database_url), 97)
        generation = await own_generation(empty_database_url)
        expected = without_checkpoint(await everything(redis, Keys(generation).prefix))
    async with core_on(database_url, redis_url) as core:
        assert await held(redis, await moment(core, 97)) == expected


COLUMNS = "select string_agg(column_name, ',') from information_schema.columns where table_name = %s"


def copy_beginning(database_url: str, empty_database_url: str, position: int) -> None:
    """Make another ledger that holds the first events only, with the keys of the people in them."""
    migrate(empty_database_url)
    with psycopg.connect(database_url) as whole, psycopg.connect(empty_database_url) as part:
        for table, condition in (("stored_events", f"notification_id <= {position}"), ("user_keys", "true")):
            row = whole.execute(COLUMNS, [table]).fetchone()
            assert row
            rows = whole.cursor().copy(f"copy (select {row[0]} from {table} where {condition}) to stdout")
            with rows as taken, part.cursor().copy(f"copy {table} ({row[0]}) from stdin") as given:
                for block in taken:
                    given.write(block)


@pytest.mark.parametrize("lost", ["everything", "checkpoint"])
async def test_a_moment_that_redis_lost_is_made_again(
    database_url: str, redis_url: str, store: EventStore, redis: Redis, lost: str
) -> None:
    await remember(store, history(Random(2), 80))
    async with core_on(database_url, redis_url) as core:
        model = await moment(core, 70)
        if lost == "everything":
            await redis.flushdb()
        else:
            await call(redis, "DEL", model.keys.checkpoint)
        again = await moment(core, 70)
        assert await held(redis, again) == await fresh(redis, store, 70)
        assert rows_of(database_url) == [(70, "ready", 2)]


async def test_a_moment_of_another_log_or_another_code_is_not_taken(
    database_url: str, redis_url: str, store: EventStore
) -> None:
    await remember(store, history(Random(2), 30))
    async with core_on(database_url, redis_url) as core:
        await moment(core, 20)
        place = await place_of(core.connections, 20)
        kept = KeptMoments(core.connections, 4)
        assert await kept.find(place)
        assert not await kept.find(place._replace(event_id="00000000-0000-4000-8000-000000000000"))
        assert not await KeptMoments(core.connections, 4, fingerprint="another").find(place)


async def test_a_moment_speaks_of_its_position_while_the_log_grows(
    database_url: str, redis_url: str, store: EventStore, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = history(Random(4), 160)
    await remember(store, records[:120])
    async with core_on(database_url, redis_url) as core, gated(monkeypatch) as gate:
        asked = asyncio.create_task(moment(core, 110))
        await gate.begun.wait()
        growing = asyncio.create_task(remember(store, records[120:]))
        gate.open()
        model = await asked
        await growing
        assert await held(redis, model) == await fresh(redis, store, 110)


class Gate:
    """Holds a build up before it begins."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self._opened = asyncio.Event()

    def open(self) -> None:
        self._opened.set()

    async def build(self, *arguments: Any) -> None:
        self.begun.set()
        await self._opened.wait()
        await build(*arguments)


@asynccontextmanager
async def gated(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gate]:
    gate = Gate()
    monkeypatch.setattr(module, "build", gate.build)
    try:
        yield gate
    finally:
        gate.open()


async def test_who_waits_too_long_is_told_to_come_again_and_finds_it_then(
    database_url: str, redis_url: str, store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await remember(store, history(Random(4), 40))
    async with (
        core_on(database_url, redis_url, moment_wait_s=0.2) as core,
        gated(monkeypatch) as gate,
    ):
        with pytest.raises(TryLater, match="made ready") as later:
            await moment(core, 30)
        assert later.value.retry_after_s > 0
        gate.open()
        await until(lambda: is_there(core, 30))


async def is_there(core: Core, position: int) -> bool:
    try:
        return await (await moment(core, position)).position() == position
    except TryLater:
        return False


async def test_a_server_builds_one_moment_at_a_time_and_so_does_a_user(
    database_url: str, redis_url: str, store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await remember(store, history(Random(4), 40))
    async with core_on(database_url, redis_url) as core, core_on(database_url, redis_url) as other:
        await moment(other, 5)
        async with gated(monkeypatch) as gate:
            first = asyncio.create_task(moment(core, 30))
            await gate.begun.wait()
            with pytest.raises(TryLater, match="Another moment is being made ready; ask again"):
                await moment(core, 20, user_id=2)
            with pytest.raises(TryLater, match="for you"):
                await moment(other, 20, user_id=1)
            assert await (await moment(core, 5, user_id=2)).position() == 5
            gate.open()
            assert await (await first).position() == 30
        assert await (await moment(other, 20)).position() == 20


async def test_where_all_moments_are_being_built_there_is_no_room_for_another(
    database_url: str, redis_url: str, store: EventStore
) -> None:
    await remember(store, history(Random(4), 40))
    async with core_on(database_url, redis_url) as core:
        kept = KeptMoments(core.connections, 4)
        for user_id in (1, 2, 3, 4):
            assert await kept.claim(await place_of(core.connections, user_id), user_id)
        with pytest.raises(TryLater, match="Too many moments"):
            await moment(core, 30, user_id=5)


async def test_a_builder_that_is_killed_leaves_nothing_and_the_next_one_succeeds(
    database_url: str, redis_url: str, store: EventStore, redis: Redis
) -> None:
    await remember(store, history(Random(6), 120))
    async with core_on(database_url, redis_url, moment_inline_events_max=1) as core:
        asked = asyncio.create_task(moment(core, 110))
        await asyncio.to_thread((await builder()).kill)
        with pytest.raises(TryLater, match="could not be made ready"):
            await asked
        assert rows_of(database_url) == []
        model = await moment(core, 110)
        assert await held(redis, model) == await fresh(redis, store, 110)


async def builder() -> psutil.Process:
    """The process that builds a moment for this one."""
    async with asyncio.timeout(10):
        while True:
            if found := await asyncio.to_thread(builders):
                return found[0]
            await asyncio.sleep(0.01)


def builders() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if "api.moments_worker" in child.cmdline():
                found.append(child)
    return found


async def test_who_stops_asking_ends_no_build_and_a_server_that_stops_ends_it(
    database_url: str, redis_url: str, store: EventStore, redis: Redis
) -> None:
    await remember(store, history(Random(6), 120))
    async with core_on(database_url, redis_url, moment_inline_events_max=1) as core:
        asked = asyncio.create_task(moment(core, 110))
        process = await builder()
        asked.cancel()
        await asyncio.sleep(0)
        assert core.moments.is_building
    assert not await asyncio.to_thread(process.is_running)
    assert rows_of(database_url) == []
    assert await moments_in(redis) == set()


async def test_what_a_dead_server_was_building_is_built_by_another_and_never_mixed(
    database_url: str, redis_url: str, store: EventStore, redis: Redis
) -> None:
    """The dead one was only frozen: whatever it still writes is refused."""
    await remember(store, history(Random(6), 120))
    async with core_on(database_url, redis_url) as core:
        place = await place_of(core.connections, 110)
        frozen = await KeptMoments(core.connections, 4).claim(place, 1)
        assert frozen
        building = build(store, redis, Job(frozen), 10)
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE moments SET until = clock_timestamp()")
        model = await moment(core, 110, user_id=2)
        expected = await held(redis, model)
        with pytest.raises(Fenced):
            await building
        assert not await KeptMoments(core.connections, 4).ready(frozen)
        assert await held(redis, model) == expected == await fresh(redis, store, 110)
        assert rows_of(database_url) == [(110, "ready", 2)]


async def test_a_frozen_builder_whose_moment_was_removed_leaves_nothing_for_good(
    database_url: str, redis_url: str, store: EventStore, redis: Redis
) -> None:
    await remember(store, history(Random(6), 60))
    connections = Connections(database_url)
    kept = KeptMoments(connections, 4)
    claim = await kept.claim(await place_of(connections, 50), 1)
    assert claim
    await kept.give_up(claim)
    await kept.sweep(redis)
    await build(store, redis, Job(claim), 10)
    assert not await kept.ready(claim)
    await kept.sweep(redis)
    assert await moments_in(redis) == set()
    await connections.close()


async def test_the_log_is_never_taken_for_another_one(
    database_url: str, redis_url: str, store: EventStore, redis: Redis
) -> None:
    await remember(store, history(Random(6), 60))
    connections = Connections(database_url)
    kept = KeptMoments(connections, 4)
    real = await place_of(connections, 50)
    claim = await kept.claim(real._replace(recorded_at="2020-01-01T00:00:00.000000Z"), 1)
    assert claim
    with pytest.raises(Lost):
        await build(store, redis, Job(claim), 10)
    await connections.close()


async def test_the_live_read_model_is_not_crowded_out(
    database_url: str, valkey: Valkey, store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await remember(store, history(Random(6), 60))
    redis = connect(valkey.url())
    async with core_on(database_url, valkey.url()) as core:
        await moment(core, 20)
        used = int((await redis.info("memory"))["used_memory"])
        await redis.config_set("maxmemory", used * 10)
        async with gated(monkeypatch) as gate:
            asked = asyncio.create_task(moment(core, 30))
            await gate.begun.wait()
            await redis.config_set("maxmemory", used)
            with pytest.raises(TryLater, match="no memory left") as later:
                await asked
            assert later.value.retry_after_s >= 60
        with pytest.raises(TryLater, match="no memory left"):
            await moment(core, 40)
        assert await (await moment(core, 20)).position() == 20
        await redis.config_set("maxmemory", 0)
        assert await (await moment(core, 40)).position() == 40
    await redis.aclose()


async def test_without_redis_there_is_no_past(database_url: str, valkey: Valkey, store: EventStore) -> None:
    await remember(store, history(Random(6), 60))
    async with core_on(database_url, valkey.url()) as core:
        await moment(core, 20)
        await asyncio.to_thread(valkey.stop)
        for position in (20, 30):
            with pytest.raises(NotReady):
                await moment(core, position)
        assert [row[0] for row in rows_of(database_url)] == [20]
