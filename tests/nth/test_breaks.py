"""The loop can fail: what it looks for is broken on purpose here, and it says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from api.idempotency import Key, Outcome, Repetitions
from events.errors import StoreError, Unavailable
from events.group_writer import GroupWriter
from events.log import RawAppend
from events.postgres import PostgresLog
from events.store import EventStore
from projections.writer import Move, Writer
from tests.nth import surroundings
from tests.nth.commands import IN_TASKFLOW
from tests.nth.faults import FAULTS, Fault, Place
from tests.nth.promises import Try, each_nth
from tests.nth.steps import Scene, a_batch
from tests.nth.world import World, world_on

CREATE_TASK = next(case for case in IN_TASKFLOW if case.command.__name__ == "CreateTask")
ROUNDS = 3
ROWS = "from answers a where a.outcome = 'appended'\n    ), kept_requests"


@pytest.fixture
async def world(
    database_url: str, redis_url: str, logs: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    async with world_on(database_url, redis_url, surroundings.install(monkeypatch)) as opened:
        yield opened


def fault(place: Place, name: str) -> Fault:
    (found,) = (each for each in FAULTS if (each.place, each.name) == (place, name))
    return found


async def whole(world: World) -> list[str]:
    """What comes of the command while nothing is broken."""
    return await Try(world, CREATE_TASK, []).faultless()


async def is_caught(world: World, topics: Sequence[str], injected: Fault, saying: str) -> None:
    with pytest.raises(AssertionError, match=saying):
        await rounds(world, topics, injected)


async def rounds(world: World, topics: Sequence[str], injected: Fault) -> None:
    """Now and then a connection more is opened, and the fault passes by the statement that matters."""
    for _ in range(ROUNDS):
        await each_nth(world, CREATE_TASK, topics, injected)


async def test_without_the_row_of_its_command(world: World) -> None:
    topics = await whole(world)
    async with await psycopg.AsyncConnection.connect(world.ledger.core.settings.database_url) as connection:
        found = await connection.execute("select pg_get_functiondef('append_group'::regproc)")
        row = await found.fetchone()
        assert row is not None
        assert ROWS in row[0]
        await connection.execute(row[0].replace(ROWS, ROWS.replace("'appended'", "'nothing'")))
    await is_caught(world, topics, fault(Place.POSTGRES, "answer lost"), "half of it is done")


async def test_a_lost_answer_that_is_taken_for_nothing_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def denied(_writer: GroupWriter, _appends: Sequence[RawAppend], lost: Exception) -> Any:
        raise Unavailable(str(lost))

    monkeypatch.setattr(GroupWriter, "_write_again", denied)
    lost = fault(Place.POSTGRES, "answer lost")
    await is_caught(world, await whole(world), lost, "it is done, and denied")


async def test_a_command_in_two_transactions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    append_group = PostgresLog.append_group

    async def halved(log: PostgresLog, appends: Sequence[RawAppend]) -> Any:
        (given,) = appends
        if len(given.events) > 1:
            first = replace(given, command_id=f"{given.command_id}, half", events=given.events[:1])
            await append_group(log, [first])
            return await append_group(log, [replace(given, events=given.events[1:], guards=(), private=())])
        return await append_group(log, appends)

    topics = await whole(world)
    monkeypatch.setattr(PostgresLog, "append_group", halved)
    await is_caught(world, topics, fault(Place.POSTGRES, "disk full"), "the command's row says")


async def test_an_answer_that_nobody_has_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def careless(repetitions: Repetitions, key: Key, outcome: Outcome) -> bool:
        try:
            return await repetitions._try_to_keep(key, outcome)
        except StoreError:
            return True

    monkeypatch.setattr(Repetitions, "_keep", careless)
    full = fault(Place.POSTGRES, "disk full")
    await is_caught(world, await whole(world), full, " instead of ")


async def test_a_checkpoint_that_is_written_first(
    store: EventStore, redis_url: str, database_url: str, logs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = Writer.apply

    async def ahead(writer: Writer, commands: Any, move: Move, **more: Any) -> None:
        await apply(writer, [], move)
        stays = move._replace(from_state=move.state, from_position=move.position)
        await apply(writer, commands, stays, **more)

    scene = Scene(store, redis_url, database_url, surroundings.install(monkeypatch))
    await scene.grows()
    monkeypatch.setattr(Writer, "apply", ahead)
    with pytest.raises(AssertionError):
        await some_batches(scene, fault(Place.REDIS, "READONLY"))


async def some_batches(scene: Scene, injected: Fault) -> None:
    for nth in range(1, 40):
        await a_batch(scene, injected, nth)
