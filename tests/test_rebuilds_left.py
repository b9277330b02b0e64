"""Rebuilds that were left in the midst: who comes too late changes nothing, nothing live is removed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis

from api.operators.instruments import instruments
from api.operators.rebuilding import cancel
from api.settings import Settings
from commands.errors import NotFound
from events.connections import Connections
from events.event import Record
from events.operations import RebuildCancelled
from events.store import EventStore
from projections import rebuilds
from projections.generations import generation_of, mark_ready, remove, switch
from projections.holding import Held, turn_of
from projections.lease import Lease, lease_of
from projections.queries import rows
from projections.rebuild import Rebuilding, Tools
from projections.rebuilds import Progress, Rebuild, Wish
from readmodels.keys import Keys
from tests.folding import begun, everything
from tests.histories import history
from tests.projecting import MASTER_KEY, append

WISH = Wish(purpose="rebuild", runs_in="command", switch_if="equal")
AGE = b"""
update generations set created_at = created_at - interval '2 days' where id = %(generation)s"""
AGE_ROW = b"""
update rebuilds set created_at = created_at - interval '2 days', started_at = started_at - interval '2 days',
    finished_at = finished_at - interval '2 days'
where generation = %(generation)s"""
AGE_LEASE = b"""
update projector_lease set until = until - interval '2 days'
where name = 'generation-' || %(generation)s::bigint"""


@pytest.fixture
async def connections(database_url: str) -> AsyncIterator[Connections]:
    opened = Connections(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def asked(connections: Connections, redis: Redis) -> Rebuild:
    """A rebuild that was asked for, beside a current generation; its own holds something."""
    await generation_of(connections)
    rebuild = await rebuilds.begin(connections, WISH, await rebuilds.new_generation(connections), 1, "a test")
    assert rebuild is not None
    live = await begun(redis, generation=rebuild.generation)
    await live.fold(history(Random(55), 50), "ready")
    return rebuild


@pytest.fixture
def rebuilding(store: EventStore, redis: Redis, connections: Connections, asked: Rebuild) -> Rebuilding:
    return Rebuilding(Tools(store=store, redis=redis, connections=connections, switching=None), asked)


async def state_of(connections: Connections) -> tuple[str, str | None, bool]:
    found = await rebuilds.latest(connections)
    assert found is not None
    return found.state, found.error, found.is_cancelled


async def taken(connections: Connections) -> Lease:
    turn = turn_of(connections)
    assert await turn.acquire()
    return turn


async def overtaken(connections: Connections) -> tuple[Lease, Lease]:
    """Two that had the turn one after the other, the first of which does not know that it has lost it."""
    stale = await taken(connections)
    await stale.release()
    return stale, await taken(connections)


async def test_who_has_lost_the_turn_writes_nothing(connections: Connections, asked: Rebuild) -> None:
    stale, turn = await overtaken(connections)
    assert await rebuilds.run(connections, asked, stale) is None
    assert (await state_of(connections))[0] == "requested"
    assert await rebuilds.run(connections, asked, turn)
    with pytest.raises(Held):
        await rebuilds.tell(connections, asked, stale, Progress(done=7))
    with pytest.raises(Held):
        await rebuilds.finish(connections, asked, stale, "stopped", error="frozen")
    assert await state_of(connections) == ("running", None, False)
    assert await rebuilds.tell(connections, asked, turn, Progress(done=8)) is False


async def test_what_is_over_stays_as_it_is(connections: Connections, asked: Rebuild) -> None:
    turn = await taken(connections)
    await rebuilds.finish(connections, asked, turn, "done")
    assert await rebuilds.cancel(connections, asked) is None
    for late in (
        rebuilds.finish(connections, asked, turn, "stopped", error="late"),
        rebuilds.tell(connections, asked, turn, Progress()),
    ):
        with pytest.raises(Held):
            await late
    assert await state_of(connections) == ("done", None, False)
    assert await rebuilds.begin(
        connections, WISH, await rebuilds.new_generation(connections), 1, "the next one"
    )


async def test_a_frozen_rebuild_leaves_what_others_made_of_it(
    store: EventStore,
    redis: Redis,
    connections: Connections,
    asked: Rebuild,
    rebuilding: Rebuilding,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is frozen while it compares; meanwhile another process ends the rebuild."""

    async def frozen(_: Any) -> Any:
        await rows(connections, b"update projector_lease set until = clock_timestamp(), owner = 'gone'")
        other = await taken(connections)
        await rebuilds.finish(connections, asked, other, "done")
        await other.release()
        raise OSError("the connection is long gone")

    await append(store, history(Random(55), 50))
    monkeypatch.setattr("projections.comparing.Comparison.run", frozen)
    current = await generation_of(connections)
    live = await begun(redis, generation=current)
    await live.fold(await store.read(0, 1_000), "ready")
    with pytest.raises(OSError, match="long gone"):
        await rebuilding.run()
    assert await state_of(connections) == ("done", None, False)
    assert await rebuilds.unfinished(connections) is None


async def test_the_current_generation_is_never_discarded(
    redis: Redis, connections: Connections, asked: Rebuild, rebuilding: Rebuilding
) -> None:
    """Somebody was killed after readers were sent over, and before it was noted; no projector runs."""
    await rows(connections, b"update generations set state = 'ready' where id = %(id)s", id=asked.generation)
    assert await switch(connections, await generation_of(connections), asked.generation, 60)
    before = await everything(redis, Keys(asked.generation).prefix)
    assert len(before) > 50
    assert await remove(connections, redis, asked.generation) is False
    assert (await rebuilding.discard()).state == "done"
    assert await everything(redis, Keys(asked.generation).prefix) == before
    assert await generation_of(connections) == asked.generation
    assert await rebuilds.unfinished(connections) is None


async def test_a_cancel_that_comes_too_late_is_not_recorded(
    store: EventStore,
    redis: Redis,
    redis_url: str,
    database_url: str,
    connections: Connections,
    asked: Rebuild,
) -> None:
    await rows(connections, b"update generations set state = 'ready' where id = %(id)s", id=asked.generation)
    assert await switch(connections, await generation_of(connections), asked.generation, 60)
    settings = Settings(
        database_url=database_url, redis_url=redis_url, master_key=MASTER_KEY, jwt_secret=bytes(32)
    )
    before = await everything(redis, Keys(asked.generation).prefix)
    async with instruments(settings) as tools:
        assert (await cancel(tools, "too late")).state == "done"
        assert await store.head() == 0
        with pytest.raises(NotFound):
            await cancel(tools, "there is none")
    assert await store.head() == 0
    assert await state_of(connections) == ("done", None, False)
    assert await everything(redis, Keys(asked.generation).prefix) == before


async def test_a_cancel_is_recorded_and_leaves_nothing(
    store: EventStore,
    redis: Redis,
    redis_url: str,
    database_url: str,
    connections: Connections,
    asked: Rebuild,
) -> None:
    settings = Settings(
        database_url=database_url, redis_url=redis_url, master_key=MASTER_KEY, jwt_secret=bytes(32)
    )
    async with instruments(settings) as tools:
        assert (await cancel(tools, "not now")).state == "cancelled"
    [record] = await store.read(0, 10)
    assert isinstance(record, Record)
    assert record.event == RebuildCancelled(asked.generation, "not now")
    assert await everything(redis, Keys(asked.generation).prefix) == {}


async def test_discarded_nothing_is_left_of_one_that_nobody_reads(
    redis: Redis, connections: Connections, asked: Rebuild, rebuilding: Rebuilding
) -> None:
    current = await generation_of(connections)
    assert (await rebuilding.discard()).state == "cancelled"
    assert await everything(redis, Keys(asked.generation).prefix) == {}
    assert await generation_of(connections) == current


async def test_one_that_is_gone_on_with_is_not_removed_for_its_age(
    redis: Redis, connections: Connections, asked: Rebuild
) -> None:
    """A day counts from when somebody last worked on it: as the row, and as the lease says."""
    current, which = await generation_of(connections), {"generation": asked.generation}
    await rows(connections, AGE, **which)
    assert await mark_ready(connections, redis, current) == []
    await rows(connections, AGE_ROW, **which)
    lease = lease_of(connections, asked.generation)
    assert await lease.acquire()
    assert await mark_ready(connections, redis, current) == []
    await lease.release()
    assert await mark_ready(connections, redis, current) == []
    await rows(connections, AGE_LEASE, **which)
    assert await rebuilds.resume(connections, asked, WISH, 1, "once more")
    assert await mark_ready(connections, redis, current) == []
    assert await everything(redis, Keys(asked.generation).prefix)


async def test_what_nobody_goes_on_with_is_removed_and_said_to_be_over(
    redis: Redis, connections: Connections, asked: Rebuild
) -> None:
    current, which = await generation_of(connections), {"generation": asked.generation}
    for ageing in (AGE, AGE_ROW):
        await rows(connections, ageing, **which)
    assert await mark_ready(connections, redis, current) == [asked.generation]
    assert await everything(redis, Keys(asked.generation).prefix) == {}
    state, error, _ = await state_of(connections)
    assert state == "cancelled"
    assert error is not None
    assert "nobody has gone on with it" in error
    assert await rebuilds.resume(connections, asked, WISH, 1, "too late") is None


async def test_taken_up_in_the_moment_of_its_removal_it_stays(
    redis: Redis, connections: Connections, asked: Rebuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was judged to be outdated, and then somebody went on with it."""
    current = await generation_of(connections)
    judged = f"select {asked.generation} where %(generation)s > 0".encode()
    monkeypatch.setattr("projections.generations.OUTDATED", judged)
    assert await mark_ready(connections, redis, current) == []
    assert await everything(redis, Keys(asked.generation).prefix)
    assert (await state_of(connections))[0] == "requested"
