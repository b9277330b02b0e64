"""Loading a generation by worker processes: the same keys as folding in order, whatever dies on the way."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

import psutil
import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from structlog.testing import capture_logs

from events.errors import Unavailable
from events.event import Record
from events.log import RawAppend, RawEvent
from events.mapper import EventMapper, Placed, new_event_id
from events.operations import EventDiscarded
from events.store import Append, EventStore, open_store
from events.tasks import TaskCreated
from projections import bulk, bulk_team
from projections.bulk import BulkSettings, Progress, is_loadable, load
from projections.bulk_messages import Order, Sources, sealed
from projections.bulk_sink import Guarded
from projections.bulk_team import WorkerDied
from projections.bulk_wire import packed
from projections.follower import RunnerSettings
from projections.writer import Checkpoint, Fenced, Lost, Writer
from readmodels.connecting import call
from readmodels.keys import Keys
from tests.folding import GENERATION, Letters, begun, client, everything
from tests.histories import VARIED, history, spoiled
from tests.logs import append_all
from tests.projecting import MASTER_KEY, is_the_fold_of_the_log, model_in, projecting, until_at

SMALL = BulkSettings(events_min=100, range_events=80, buckets=3, documents_max=20)
EVENTS = 600


class Ledger:
    """A log and an empty generation, with what loading it needs."""

    def __init__(self, store: EventStore, redis: Redis, sources: Sources) -> None:
        self.store = store
        self.redis = redis
        self.sources = sources
        self.writer = Writer(redis, GENERATION)
        self.letters = Letters()

    async def empty(self, epoch: int = 1) -> Checkpoint:
        await self.writer.seize(epoch)
        await self.writer.clear(log_id := await self.store.log_id())
        return Checkpoint(epoch, "filling", 0, log_id, "")

    async def load(
        self,
        checkpoint: Checkpoint,
        end: int,
        tell: Callable[[Progress], None] | None = None,
        settings: BulkSettings = SMALL,
    ) -> Checkpoint:
        return await load(
            self.sources, self.store, self.writer, checkpoint, end, self.letters.keep,
            settings=settings, progress=tell,
        )  # fmt: skip

    async def resumed(self, epoch: int, tell: Callable[[Progress], None] | None = None) -> Checkpoint:
        """Go on with what another one has begun."""
        checkpoint = await self.writer.seize(epoch)
        assert checkpoint is not None
        assert checkpoint.state == "loading"
        return await self.load(checkpoint, 0, tell)

    async def is_the_fold_in_order(self, end: int, discarded: set[int] | None = None) -> None:
        """Every key with every byte, and every letter."""
        held = await everything(self.redis, Keys(GENERATION).prefix)
        letters = Letters()
        live = await begun(self.redis, letters, generation=GENERATION + 1, discarded=discarded or ())
        for start in range(0, end, 100):
            await live.fold(await self.store.read(start, min(100, end - start)), "ready")
        expected = await everything(self.redis, Keys(GENERATION + 1).prefix)
        checkpoints = [found.pop("checkpoint") for found in (held, expected)]
        assert all(checkpoints)
        assert held == expected
        assert sorted(self.letters) == sorted(letters)


@pytest.fixture
async def ledger(store: EventStore, redis: Redis, database_url: str, redis_url: str) -> Ledger:
    return Ledger(store, redis, Sources(database_url, redis_url, MASTER_KEY))


async def a_history(ledger: Ledger, seed: int = 3, events: int = EVENTS) -> int:
    return await append_all(ledger.store, spoiled(history(Random(seed), events, VARIED), seed, percent=3))


async def test_a_load_leaves_what_folding_in_order_leaves(ledger: Ledger) -> None:
    end = await a_history(ledger)
    told: list[Progress] = []

    checkpoint = await ledger.load(await ledger.empty(), end, told.append)

    [last] = await ledger.store.read(end - 1, 1)
    assert isinstance(last, Record)
    assert checkpoint == Checkpoint(
        1, "filling", end, await ledger.store.log_id(), last.event_id, last.recorded_at
    )
    assert await ledger.writer.seize(1) == checkpoint
    assert len(ledger.letters) > 10
    assert [each.events for each in told] == sorted(each.events for each in told)
    assert (told[-1].events, told[-1].total) == (end, end)
    assert told[-1].events_per_s > 0
    await ledger.is_the_fold_in_order(end)


async def test_a_load_in_the_smallest_parts_leaves_the_same(ledger: Ledger) -> None:
    end = await a_history(ledger)
    narrow = replace(SMALL, range_events=300, documents_max=3, entries_max_bytes=4_000, part_max_bytes=300)
    await ledger.load(await ledger.empty(), end, settings=narrow)
    await ledger.is_the_fold_in_order(end)


async def test_what_redis_refuses_is_not_taken_for_written(ledger: Ledger) -> None:
    end = await a_history(ledger, events=150)
    checkpoint = await ledger.empty()
    await call(ledger.redis, "SET", in_the_way := Keys(GENERATION).index("task:sort:id"), "not an index")

    with pytest.raises(Unavailable, match="WRONGTYPE"):
        await ledger.load(checkpoint, end)

    await call(ledger.redis, "DEL", in_the_way)
    await ledger.resumed(2)
    await ledger.is_the_fold_in_order(end)


async def test_a_load_ends_where_it_is_told_and_knows_the_discards_up_to_there(ledger: Ledger) -> None:
    await a_history(ledger, events=300)
    letters = Letters()
    await (await begun(ledger.redis, letters)).fold(await ledger.store.read(0, 300), "ready")
    stopped = [letter.position for letter in letters if not letter.held_back]
    discards = tuple((EventDiscarded(position, "a test"), at) for at, position in enumerate(stopped[:3], 1))
    end = (await ledger.store.append(Append("discards", discards))).position
    await ledger.store.append(Append("later", ((EventDiscarded(stopped[3], "a test"), 4),)))

    await ledger.load(await ledger.empty(), end)

    assert not {letter.position for letter in ledger.letters} & set(stopped[:3])
    assert stopped[3] in {letter.position for letter in ledger.letters}
    await ledger.is_the_fold_in_order(end, set(stopped[:3]))


class Hold:
    """Freezes all workers of this process once `events` are folded, so that a test may look around."""

    def __init__(self, events: int) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []
        self.reached = asyncio.Event()
        self._events = events
        self._real = bulk_team.start

    def start(self, channel: socket.socket) -> subprocess.Popen[bytes]:
        self.processes.append(self._real(channel))
        return self.processes[-1]

    def __call__(self, progress: Progress) -> None:
        if progress.events >= self._events and not self.reached.is_set():
            self.signal(signal.SIGSTOP)
            self.reached.set()

    def signal(self, number: signal.Signals) -> None:
        for process in self.processes:
            process.send_signal(number)


@pytest.fixture
def hold(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hold]:
    holding = Hold(100)
    monkeypatch.setattr(bulk_team, "start", holding.start)
    monkeypatch.setattr(bulk, "TOLD_EVERY_S", 0.0)
    yield holding
    assert all(process.returncode is not None for process in holding.processes)


@asynccontextmanager
async def held_load(ledger: Ledger, hold: Hold, end: int) -> AsyncIterator[asyncio.Task[Checkpoint]]:
    """A load that stands still in its midst; it goes on after the block."""
    task = asyncio.create_task(ledger.load(await ledger.empty(), end, hold))
    await hold.reached.wait()
    assert 0 < await ranges_done(ledger) < 7
    yield task
    hold.signal(signal.SIGCONT)


async def ranges_done(ledger: Ledger) -> int:
    notes = await call(ledger.redis, "HKEYS", Keys(GENERATION).loading)
    return sum(name.startswith(b"range:") for name in notes)


async def test_a_load_that_was_cancelled_goes_on_where_it_was(ledger: Ledger, hold: Hold) -> None:
    end = await a_history(ledger)
    told: list[Progress] = []
    async with held_load(ledger, hold, end) as task:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    checkpoint = await ledger.resumed(2, told.append)

    assert (checkpoint.state, checkpoint.position, checkpoint.epoch) == ("filling", end, 2)
    assert told[0].events > 100
    # What was done is not done again.
    assert told[-1].events == end
    await ledger.is_the_fold_in_order(end)


async def test_a_worker_that_is_killed_ends_the_load_and_the_next_one_goes_on(
    ledger: Ledger, hold: Hold
) -> None:
    end = await a_history(ledger)
    async with held_load(ledger, hold, end) as task:
        hold.processes[-1].kill()

    with pytest.raises(WorkerDied):
        await task
    await ledger.resumed(2)
    await ledger.is_the_fold_in_order(end)


COORDINATOR = """
import asyncio, sys
from tests.test_bulk_load import coordinate
asyncio.run(coordinate(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


async def coordinate(database_url: str, redis_url: str, end: int) -> None:
    """A load in a process of its own, to be killed while its workers stand still."""
    hold = Hold(100)
    bulk_team.start, bulk.TOLD_EVERY_S = hold.start, 0.0  # type: ignore[misc]
    async with open_store(database_url, MASTER_KEY) as store, client(redis_url) as redis:
        ledger = Ledger(store, redis, Sources(database_url, redis_url, MASTER_KEY))
        async with held_load(ledger, hold, end):
            print("held", flush=True)
            await asyncio.sleep(60)


async def test_a_coordinator_that_is_killed_takes_its_workers_along(
    ledger: Ledger, database_url: str, redis_url: str
) -> None:
    end = await a_history(ledger)
    command = [sys.executable, "-c", COORDINATOR, database_url, redis_url, str(end)]

    lines = await asyncio.to_thread(killed_coordinator, command)

    assert len(lines) == SMALL.workers
    # What is secret stands in no command line.
    assert all(line[-1] == "projections.bulk_worker" for line in lines)
    await ledger.resumed(2)
    await ledger.is_the_fold_in_order(end)


def killed_coordinator(command: list[str]) -> list[list[str]]:
    """Kill a coordinator in the midst of its work; the command lines that its workers had."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        workers = psutil.Process(process.pid).children()
        lines = [worker.cmdline() for worker in workers]
        process.kill()
    for worker in workers:
        worker.resume()
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert alive == []
    return lines


@pytest.fixture
def guarded(redis_url: str) -> Iterator[tuple[Guarded, BlockingRedis]]:
    """A worker's connection to a generation that is loading, and one of somebody else."""
    order = Order("", redis_url, "", GENERATION, 3, 50, "", "", (), 1, 1, 1, 1, 5.0)
    with BlockingRedis.from_url(redis_url) as redis:
        redis.hset(CHECKPOINT, mapping={"epoch": 3, "state": "loading", "position": 50})
        yield Guarded(redis, order), redis


CHECKPOINT = Keys(GENERATION).checkpoint
PART = [packed(["SET", "written", "1"])]


def test_a_part_is_refused_when_somebody_takes_over_after_the_last_look(
    guarded: tuple[Guarded, BlockingRedis],
) -> None:
    ours, redis = guarded
    redis.hset(CHECKPOINT, "epoch", 4)
    with pytest.raises(Fenced):
        ours.send(PART)
    assert redis.exists("written") == 0


def test_a_part_is_carried_out_once_the_checkpoint_is_what_it_was(
    guarded: tuple[Guarded, BlockingRedis],
) -> None:
    ours, redis = guarded
    redis.hset(CHECKPOINT, "epoch", 3)
    redis.hset(CHECKPOINT, "state", "torn")
    redis.hset(CHECKPOINT, "state", "loading")
    ours.send(PART)
    assert redis.exists("written") == 1


async def test_a_load_whose_epoch_is_over_is_refused(ledger: Ledger, hold: Hold) -> None:
    end = await a_history(ledger)
    async with held_load(ledger, hold, end) as task:
        await Writer(ledger.redis, GENERATION).seize(7)

    with pytest.raises(Fenced):
        await task

    await ledger.resumed(7)
    await ledger.is_the_fold_in_order(end)


async def test_a_generation_that_goes_away_meanwhile_is_lost(ledger: Ledger, hold: Hold) -> None:
    end = await a_history(ledger)
    async with held_load(ledger, hold, end) as task:
        await ledger.redis.flushdb()

    with pytest.raises(Lost):
        await task

    await ledger.load(await ledger.empty(2), end)
    await ledger.is_the_fold_in_order(end)


async def test_a_log_that_cannot_be_divided_is_left_to_be_folded_in_order(ledger: Ledger) -> None:
    """An event in a stream that is not its own, which no decider writes, but a log can hold."""
    records = history(Random(3), 300, VARIED)
    await append_all(ledger.store, records)
    stray = next(record for record in records if record.stream.startswith("task-"))
    end = await misplaced(ledger.store, stray)

    with capture_logs() as said:
        checkpoint = await ledger.load(await ledger.empty(), end)

    assert (checkpoint.state, checkpoint.position) == ("filling", 0)
    assert [line["event"] for line in said] == ["read_model_is_folded_in_order"]
    assert "another document" in said[0]["reason"]
    assert await everything(ledger.redis, Keys(GENERATION).prefix) == {
        "checkpoint": await checkpoint_in(ledger)
    }
    assert ledger.letters == []


async def checkpoint_in(ledger: Ledger) -> object:
    return await call(ledger.redis, "HGETALL", Keys(GENERATION).checkpoint)


async def misplaced(store: EventStore, record: Record) -> int:
    """The event once more, in a stream of another number."""
    stored = EventMapper(store.keyring).to_stored_event(Placed("task-99999", 1, record.event))
    raw = RawEvent("task-99999", 1, stored.topic, stored.state, new_event_id())
    [outcome] = await store.log.append_group([RawAppend("stray", (raw,))])
    assert not isinstance(outcome, Exception)
    return outcome.position


async def test_a_database_that_is_away_is_unavailable(ledger: Ledger) -> None:
    end = await a_history(ledger, events=150)
    checkpoint = await ledger.empty()
    sources = ledger.sources
    ledger.sources = replace(sources, database_url=f"{sources.database_url}_away")
    with pytest.raises(Unavailable):
        await ledger.load(checkpoint, end)
    ledger.sources = sources
    await ledger.load(checkpoint, end)
    await ledger.is_the_fold_in_order(end)


async def test_another_master_key_is_not_taken_for_erased_people(ledger: Ledger) -> None:
    end = await a_history(ledger, events=150)
    ledger.sources = replace(ledger.sources, master_key=bytes(32))
    with pytest.raises(Unavailable, match="master key"):
        await ledger.load(await ledger.empty(), end)


async def test_a_log_that_lost_events_is_another_log(ledger: Ledger, database_url: str) -> None:
    end = await a_history(ledger, events=150)
    with pytest.raises(Lost, match="another log"):
        await ledger.load(await ledger.empty(), end + 10)


async def test_the_projector_loads_a_long_log_and_follows_it(
    ledger: Ledger, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_history(ledger)
    ends: list[int] = []
    real = bulk.load

    async def noting(*arguments: object, **named: object) -> Checkpoint:
        checkpoint = await real(*arguments, **named)  # type: ignore[arg-type]
        ends.append(checkpoint.position)
        return checkpoint

    monkeypatch.setattr(bulk, "load", noting)
    settings = RunnerSettings(sources=ledger.sources, loading=SMALL)
    async with projecting(ledger.store, ledger.redis, database_url, settings):
        model = await model_in(ledger.redis, database_url)
        await until_at(model, EVENTS, 30)
        end = await append_all(ledger.store, more(EVENTS))
        await until_at(model, end, 30)
        assert ends == [EVENTS]
        await is_the_fold_of_the_log(ledger.redis, database_url, ledger.store)


def more(events: int) -> list[Record]:
    return history(Random(3), events + 100, VARIED)[events:]


def test_only_long_logs_are_loaded_and_only_into_what_is_empty() -> None:
    empty = Checkpoint(1, "filling", 0, "log", "")
    assert is_loadable(empty, 20_000)
    assert not is_loadable(empty, 19_999)
    assert not is_loadable(empty._replace(position=1), 20_000)
    assert not is_loadable(empty._replace(state="ready"), 20_000)
    assert is_loadable(empty._replace(state="loading", position=30_000), 5)


def test_secrets_are_not_shown() -> None:
    sources = Sources("postgresql://me:secret@db", "redis://:secret@r", MASTER_KEY)
    order = Order(
        sources.database_url, sources.redis_url, sealed(MASTER_KEY),
        7, 1, 100, "some id", "some day", [], 8, 1_000, 1_000_000, 1_000, 1.0,
    )  # fmt: skip
    for shown in (repr(sources), repr(order), str(order), f"{order}", repr(RunnerSettings(sources=sources))):
        assert "secret" not in shown
        assert "mmm" not in shown
        assert sealed(MASTER_KEY) not in shown


async def test_long_texts_of_many_ranges_lie_in_the_same_buckets_as_in_order(ledger: Ledger) -> None:
    """One user's tasks fill buckets that are halved; their neighbours are in other ranges."""
    await append_all(ledger.store, history(Random(3), 100, VARIED))
    for first in range(9_900, 10_150, 50):
        numbers = range(first, first + 50)
        created = [(a_task(number, "long words " * (number % 60)), 1) for number in numbers]
        done = await ledger.store.append(Append(f"tasks-{first}", tuple(created)))
    wide = replace(SMALL, range_events=40)

    await ledger.load(await ledger.empty(), done.position, settings=wide)

    shelf = await call(ledger.redis, "HKEYS", Keys(GENERATION).texts("task:own:1"))
    assert {name.partition(b":")[0] for name in shelf} == {b"0", b"1"}
    assert any(not name.endswith(b":14:0") for name in shelf), "no bucket was halved"
    await ledger.is_the_fold_in_order(done.position)


def a_task(number: int, text: str) -> TaskCreated:
    return TaskCreated(number, None, 1, f"Task {number}", text, "low", "pending", None, None, (1, 2))
