"""What a runner keeps in memory of the documents it wrote is what Redis holds, or it is not relied on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis

from events.event import Record
from events.tasks import TaskCreated, TaskDetailsChanged
from projections.live import Live
from projections.remembered import Remembered
from projections.wanted import Found, Wanted
from projections.writer import Fenced, Lost, Writer
from readmodels.connecting import call
from readmodels.documents import Ref
from readmodels.keys import Keys
from readmodels.model import Query
from readmodels.redis import RedisModel
from tests.folding import GENERATION, Letters, begun, everything, fold_parts
from tests.histories import AT_WORK, history

KEYS = Keys(GENERATION)
MOMENT = "2027-01-01T00:00:00.000000Z"
TASK, OTHER = Ref("task", "1"), Ref("task", "2")
CREATED = TaskCreated(
    task_id=1,
    project_id=None,
    creator_id=7,
    title="Dig",
    description="",
    priority="low",
    status="pending",
    due_date=None,
    estimated_centihours=None,
    assignee_ids=(),
)


def told(event: Any, version: int, position: int) -> Record:
    at = f"event-{position}"
    return Record(event, event.stream, version, position, at, MOMENT, 1, "admin", None, None, None, None)


def renamed(title: str, version: int, position: int) -> Record:
    return told(TaskDetailsChanged(task_id=1, changes={"title": title}), version, position)


@contextmanager
def asked_for(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Ref]]:
    """The documents that Redis is asked for meanwhile."""
    refs: list[Ref] = []
    load = Writer.load

    async def noted(writer: Writer, wanted: Wanted) -> Found:
        refs.extend(wanted.refs)
        return await load(writer, wanted)

    with monkeypatch.context() as patched:
        patched.setattr(Writer, "load", noted)
        yield refs


async def title_in(redis: Redis) -> str:
    page = await RedisModel(redis, GENERATION).page(Query("task"))
    return str(page.documents[0]["title"])


async def created(redis: Redis) -> Live:
    live = await begun(redis)
    await live.fold([told(CREATED, 1, 1)], "ready")
    return live


def test_what_was_used_last_is_kept_and_absence_is_known() -> None:
    kept = Remembered(2)
    kept.note({TASK: {"id": 1}, OTHER: None})
    assert kept.known([TASK]) == ({TASK: {"id": 1}}, [])
    kept.note({Ref("task", "3"): {"id": 3}})
    assert kept.known([TASK, OTHER]) == ({TASK: {"id": 1}}, [OTHER])
    assert kept.granted == {TASK}
    kept.written({TASK: None})
    assert kept.granted == set()
    assert kept.known([TASK]) == ({}, [])
    kept.clear()
    assert kept.known([TASK]) == ({}, [TASK])


async def test_a_task_that_was_just_made_is_not_asked_for_at_all(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with asked_for(monkeypatch) as refs:
        live = await created(redis)
        assert TASK not in refs
        refs.clear()
        await live.fold([renamed("Dig deeper", 2, 2)], "ready")
        assert not refs
    assert await title_in(redis) == "Dig deeper"


@pytest.mark.parametrize("kept_max", [0, 1, 7, 10_000])
async def test_however_many_are_kept_the_model_is_the_same(redis: Redis, kept_max: int) -> None:
    records = history(Random(31), 400, AT_WORK)
    live = await begun(redis, remembered_max=kept_max)
    await fold_parts(live, [records[start : start + 7] for start in range(0, 400, 7)])
    parted = await everything(redis, KEYS.prefix)
    whole = await begun(redis)
    await whole.fold(records, "ready")
    held = await everything(redis, KEYS.prefix)
    assert held.pop("checkpoint")
    assert parted.pop("checkpoint")
    assert parted == held


async def test_what_redis_lost_is_damage_although_the_runner_remembers_it(redis: Redis) -> None:
    live = await created(redis)
    await redis.delete(KEYS.document(TASK))
    with pytest.raises(Lost) as lost:
        await live.fold([renamed("Dig deeper", 2, 2)], "ready")
    assert (lost.value.state, lost.value.position) == ("damaged", 1)
    assert await call(redis, "HMGET", KEYS.checkpoint, "state", "position") == [b"damaged", b"1"]
    assert not await redis.exists(KEYS.document(TASK))


async def test_many_that_are_taken_for_granted_are_all_looked_for(redis: Redis) -> None:
    """More than Lua takes in one piece, and the last one is missing."""
    writer = (await begun(redis))._writer
    refs = [Ref("task", str(number)) for number in range(1, 4_502)]
    await redis.mset({KEYS.document(ref): b"{}" for ref in refs[:-1]})
    checkpoint = await writer.seize(1)
    assert checkpoint is not None
    live = Live(writer, checkpoint, set(), Letters().keep)
    await writer.apply([], live._move([], "ready"), granted=refs[:-1])
    with pytest.raises(Lost, match="damaged"):
        await writer.apply([], live._move([], "ready"), granted=refs)


async def test_nothing_is_remembered_once_it_is_unknown_what_was_written(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = await created(redis)
    apply = Writer.apply

    async def lost_answer(writer: Writer, *words: Any, **rest: Any) -> None:
        await apply(writer, *words, **rest)
        raise OSError("the connection broke")

    with monkeypatch.context() as broken:
        broken.setattr(Writer, "apply", lost_answer)
        with pytest.raises(OSError, match="broke"):
            await live.fold([renamed("Dig deeper", 2, 2)], "ready")
    found = await live.load(Wanted([TASK]))
    assert found.documents[TASK]["title"] == "Dig deeper"


async def test_a_runner_that_was_taken_over_from_remembers_nothing(redis: Redis) -> None:
    stale = await created(redis)
    fresh = Writer(redis, GENERATION)
    checkpoint = await fresh.seize(2)
    assert checkpoint is not None
    await Live(fresh, checkpoint, set(), Letters().keep).fold([renamed("Fill", 2, 2)], "ready")
    with pytest.raises(Fenced):
        await stale.fold([renamed("Dig deeper", 2, 2)], "ready")
    assert await title_in(redis) == "Fill"
    assert (await stale.load(Wanted([TASK]))).documents[TASK]["title"] == "Fill"
