"""A generation is folded beside the live one, compared with it and takes its place; nothing is ever torn."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from random import Random
from typing import Any

import pytest
import structlog
from redis.asyncio import Redis
from structlog.testing import capture_logs

from events.connections import Connections
from events.store import EventStore, open_store
from projections import bulk, bulk_team, holding, rebuilds
from projections import rebuild as rebuilding_module
from projections.bulk_messages import Sources
from projections.bulk_team import Team
from projections.comparing import Comparison
from projections.follower import RunnerSettings
from projections.generations import current_generation, fed_generations
from projections.holding import Held
from projections.rebuild import Rebuilding, Tools
from projections.rebuilds import Rebuild, Wish
from projections.switching import Switching
from projections.writer import Checkpoint
from readmodels.connecting import call
from readmodels.documents import Ref
from readmodels.keys import Keys
from readmodels.redis import RedisModel
from tests.folding import client, everything
from tests.histories import VARIED, World, history
from tests.projecting import MASTER_KEY, append, is_the_fold_of_the_log, model_in, projecting, until, until_at
from tests.test_bulk_load import SMALL, Hold, killed_coordinator

Make = Callable[..., Awaitable[Rebuilding]]


@pytest.fixture
async def connections(database_url: str) -> AsyncIterator[Connections]:
    opened = Connections(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def make(store: EventStore, redis: Redis, connections: Connections) -> Make:
    """A new rebuild, ready to run, or with `again` the one that is not finished."""

    async def switching(rebuild: Rebuild, live: int) -> None:
        assert rebuild.generation != live

    async def made(
        switch_if: str = "equal", purpose: str = "rebuild", *, again: bool = False, **settings: Any
    ) -> Rebuilding:
        wish = Wish(purpose=purpose, runs_in="command", switch_if=switch_if)
        if again:
            before = await rebuilds.unfinished(connections)
            assert before is not None
            asked = await rebuilds.resume(connections, before, wish, 2, "a test goes on")
        else:
            asked = await rebuilds.begin(
                connections, wish, await rebuilds.new_generation(connections), 1, "a test"
            )
        assert asked is not None
        bounds = RunnerSettings(**{"filling_batch_events_max": 100} | settings)
        tools = Tools(
            store=store,
            redis=redis,
            connections=connections,
            switching=Switching(switching, fed_for_s=60),
            settings=bounds,
        )
        return Rebuilding(tools, asked)

    return made


async def test_a_rebuild_is_equal_takes_over_and_is_fed(
    store: EventStore, redis: Redis, database_url: str, connections: Connections, make: Make
) -> None:
    records = history(Random(51), 700)
    await append(store, records[:500])
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        await until_at(model, 500)
        before = await current_generation(connections)
        rebuilding = await make()
        done = await rebuilding.run()
        assert (done.state, done.report and done.report["differences"]) == ("done", 0)
        assert done.report
        assert done.report["keys"] > 100
        assert (done.done, done.total) == (500, 500)
        assert await current_generation(connections) == done.generation != before
        assert (await fed_generations(connections)).numbers == {before, done.generation}
        await append(store, records[500:])
        for number in (before, done.generation):
            assert number is not None
            await until_at(RedisModel(redis, number), 700)
        await is_the_fold_of_the_log(redis, database_url, store)


async def test_the_comparison_is_exact_while_the_live_one_goes_on(
    store: EventStore, redis: Redis, database_url: str, make: Make
) -> None:
    """Small steps, so that hundreds of events are folded between the first chunk of keys and the last."""
    world = World(Random(52))
    await append(store, [world.next() for _ in range(400)])
    model = await model_in(redis, database_url)
    stop = asyncio.Event()

    async def write() -> None:
        while not stop.is_set():
            await append(store, [world.next() for _ in range(5)])
            await asyncio.sleep(0)

    async with projecting(store, redis, database_url):
        await until_at(model, 400)
        writing = asyncio.create_task(write())
        done = await (await make()).run()
        stop.set()
        await writing
        assert done.report
        assert done.report["position"] > done.total >= 400
        assert done.report["listed"] == []
        assert done.state == "done"


WRONG: list[tuple[str, Callable[[Redis, Keys], Awaitable[Any]], tuple[str, str, str]]] = [
    (
        "a document",
        lambda redis, keys: call(redis, "SET", keys.document(Ref("user", "4")), '{"id":4,"username":"evil"}'),
        ("document", "user:4", "username"),
    ),
    (
        "no document",
        lambda redis, keys: call(redis, "DEL", keys.document(Ref("user", "4"))),
        ("document", "user:4", ""),
    ),
    (
        "no JSON",
        lambda redis, keys: call(redis, "SET", keys.document(Ref("user", "4")), "nonsense"),
        ("document", "user:4", "(no document)"),
    ),
    (
        "a score",
        lambda redis, keys: call(redis, "ZADD", keys.index("user:sort:id"), "XX", 99, "a4"),
        ("index", "user:sort:id", "4"),
    ),
    (
        "a missing member",
        lambda redis, keys: call(redis, "ZREM", keys.index("user:sort:id"), "a4"),
        ("index", "user:sort:id", "4"),
    ),
    (
        "an extra member",
        lambda redis, keys: call(redis, "ZADD", keys.index("user:sort:id"), 7, "a7"),
        ("index", "user:sort:id", "7"),
    ),
    (
        "an extra key",
        lambda redis, keys: call(redis, "SET", keys.document(Ref("task", "77777")), "{}"),
        ("document", "task:77777", ""),
    ),
    (
        "a key of another type",
        lambda redis, keys: call(redis, "RPUSH", keys.index("user:active:perhaps"), "x"),
        ("index", "user:active:perhaps", "0"),
    ),
    (
        "a parked document",
        lambda redis, keys: call(redis, "SADD", keys.parked, "task:1"),
        ("parked", "", "task:1"),
    ),
]


@pytest.mark.parametrize(
    ("injected", "expected"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG]
)
@pytest.mark.parametrize("large_min", [1_000, 2], ids=["told-whole", "element-by-element"])
async def test_what_somebody_made_wrong_is_named_and_a_rebuild_mends_it(
    injected: Callable[[Redis, Keys], Awaitable[Any]],
    expected: tuple[str, str, str],
    large_min: int,
    store: EventStore,
    redis: Redis,
    database_url: str,
    connections: Connections,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("projections.comparing.LARGE_ELEMENTS_MIN", large_min)
    await append(store, history(Random(53), 120))
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        await until_at(model, 120)
        assert await call(redis, "EXISTS", model.keys.document(Ref("user", "4")))
        await injected(redis, model.keys)

        verified = await (await make(purpose="verification")).run()
        assert verified.state == "done"
        assert verified.report
        named = {(each["what"], each["name"], each["field"]) for each in verified.report["listed"]}
        assert expected in named
        assert {each[:2] for each in named} <= {expected[:2], ("places", expected[1])}
        assert await everything(redis, Keys(verified.generation).prefix) == {}

        kept = await (await make("equal")).run()
        assert kept.state == "kept"
        assert kept.report
        assert kept.report["differences"]
        assert await current_generation(connections) != kept.generation
        done = await (await make("always", again=True)).run()
        assert done.state == "done"
        assert await current_generation(connections) == done.generation == kept.generation
        await is_the_fold_of_the_log(redis, database_url, store)


async def test_stopped_anywhere_it_goes_on_and_ends_alike(
    store: EventStore, redis: Redis, database_url: str, make: Make
) -> None:
    await append(store, history(Random(54), 600))
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        await until_at(model, 600)
        rebuilding = await make()
        for share in (1, 2, 3):
            task = asyncio.create_task(rebuilding.run())
            await until(reached(rebuilding, share * 150))
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            before = rebuilding.progress.done
            rebuilding = await make(again=True)
            assert before >= share * 150
        done = await rebuilding.run()
        assert (done.state, done.report and done.report["differences"]) == ("done", 0)
        await is_the_fold_of_the_log(redis, database_url, store)


def reached(rebuilding: Rebuilding, position: int) -> Callable[[], Awaitable[bool]]:
    async def is_there() -> bool:
        return rebuilding.progress.done >= position

    return is_there


async def test_whoever_goes_on_with_it_says_why_anew(connections: Connections, make: Make) -> None:
    await make()
    before = await rebuilds.unfinished(connections)
    await make(again=True)
    after = await rebuilds.unfinished(connections)
    assert before
    assert after
    assert (before.asked_by, before.reason) == (1, "a test")
    assert (after.id, after.asked_by, after.reason) == (before.id, 2, "a test goes on")


async def test_what_would_go_wrong_again_fails_it_and_nothing_is_left(
    store: EventStore,
    redis: Redis,
    database_url: str,
    connections: Connections,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def mistaken(_: Comparison) -> None:
        raise KeyError("mistake")

    await append(store, history(Random(54), 100))
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        await until_at(model, 100)
        with monkeypatch.context() as patched:
            patched.setattr(Comparison, "run", mistaken)
            with pytest.raises(KeyError):
                await (await make()).run()
        failed = await rebuilds.latest(connections)
        assert failed
        assert (failed.state, failed.error) == ("failed", "KeyError: 'mistake'")
        assert failed.finished_at
        assert await everything(redis, Keys(failed.generation).prefix) == {}
        assert await rebuilds.unfinished(connections) is None
        assert (await (await make()).run()).state == "done"
        await is_the_fold_of_the_log(redis, database_url, store)


LOADING_PROCESS = """
import asyncio, sys
from tests.test_rebuild import load_and_stand_still
asyncio.run(load_and_stand_still(sys.argv[1], sys.argv[2]))
"""


async def load_and_stand_still(database_url: str, redis_url: str) -> None:
    """A rebuild in a process of its own, to be killed while its workers stand still in their midst."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    hold = Hold(100)
    bulk_team.start, bulk.TOLD_EVERY_S = hold.start, 0.0  # type: ignore[misc]
    real = bulk.load

    async def held_up(*arguments: Any, progress: bulk.Tell, **settings: Any) -> Checkpoint:
        def tell(told: bulk.Progress) -> None:
            progress(told)
            hold(told)

        return await real(*arguments, progress=tell, **settings)

    bulk.load = held_up  # type: ignore[assignment]
    connections = Connections(database_url)
    asked = await rebuilds.unfinished(connections)
    assert asked is not None
    sources = Sources(database_url, redis_url, MASTER_KEY)
    settings = RunnerSettings(sources=sources, loading=SMALL)
    async with open_store(database_url, MASTER_KEY) as store, client(redis_url) as redis:
        tools = Tools(store=store, redis=redis, connections=connections, switching=None, settings=settings)
        task = asyncio.create_task(Rebuilding(tools, asked).run())
        await hold.reached.wait()
        print("held", flush=True)
        await task


async def test_killed_while_loading_it_goes_on_and_does_nothing_twice(
    store: EventStore,
    redis: Redis,
    database_url: str,
    redis_url: str,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await append(store, history(Random(55), 600, VARIED))
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        await until_at(model, 600)
        await make()
        command = [sys.executable, "-c", LOADING_PROCESS, database_url, redis_url]
        assert len(await asyncio.to_thread(killed_coordinator, command)) == SMALL.workers
        shared: list[int] = []
        share = Team.share

        async def noted(team: Team, jobs: Iterable[dict[str, Any]]) -> None:
            jobs = list(jobs)
            shared.extend(job["range"] for job in jobs if "range" in job)
            await share(team, jobs)

        monkeypatch.setattr(Team, "share", noted)
        again = await make(again=True, sources=Sources(database_url, redis_url, MASTER_KEY), loading=SMALL)
        done_before = await ranges_done(redis, again)
        with capture_logs() as said:
            done = await again.run()

        assert done_before
        assert shared
        assert not done_before & {*shared}
        assert "read_model_begins_anew" not in {each["event"] for each in said}
        assert (done.state, done.report and done.report["differences"]) == ("done", 0)
        await is_the_fold_of_the_log(redis, database_url, store)


async def ranges_done(redis: Redis, rebuilding: Rebuilding) -> set[int]:
    notes = await call(redis, "HKEYS", Keys(rebuilding._generation).loading)
    return {int(name.split(b":")[1]) for name in notes if name.startswith(b"range:")}


async def test_the_rate_of_a_few_events_is_no_estimate(
    store: EventStore, redis: Redis, database_url: str, connections: Connections, make: Make
) -> None:
    records = history(Random(54), 640)
    await append(store, records[:600])
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        await until_at(model, 600)
        assert await rebuilds.last_rate(connections) is None
        whole = await (await make("never")).run()
        rate = whole.events_per_s
        assert rate
        await append(store, records[600:])
        await until_at(model, await store.head())
        again = await (await make("never", again=True)).run()
        assert (again.generation, again.done) == (whole.generation, await store.head())
        assert again.events_per_s == await rebuilds.last_rate(connections) == rate


async def test_cancelled_nothing_is_left(
    store: EventStore,
    redis: Redis,
    database_url: str,
    connections: Connections,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rebuilding_module, "TELL_INTERVAL_S", 0.01)
    await append(store, history(Random(54), 600))
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        await until_at(model, 600)
        rebuilding = await make(filling_batch_events_max=5)
        task = asyncio.create_task(rebuilding.run())
        await until(reached(rebuilding, 100))
        under_way = await rebuilds.unfinished(connections)
        assert under_way
        assert under_way.state == "running"
        await rebuilds.cancel(connections, under_way)
        done = await task
        assert done.state == "cancelled"
        assert rebuilding.progress.done < 600
        assert await everything(redis, Keys(done.generation).prefix) == {}
        assert await rebuilds.unfinished(connections) is None
        await is_the_fold_of_the_log(redis, database_url, store)


async def test_one_at_a_time(
    store: EventStore, redis: Redis, database_url: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "LEASE_TIMEOUT_S", 0.3)
    await append(store, history(Random(54), 600))
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        await until_at(model, 600)
        first = await make(filling_batch_events_max=5)
        task = asyncio.create_task(first.run())
        await until(reached(first, 10))
        with pytest.raises(Held):
            await (await make(again=True)).run()
        assert (await task).state == "done"
