"""A database that was restored to an earlier moment under servers that go on: nothing false is answered."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from redis.asyncio import Redis

from api.another_log import QUICK_S
from events.log import Appended
from events.store import Append
from readmodels.connecting import call
from readmodels.keys import BEHIND
from tests.http import Taskflow, caught_up


def restore(database_url: str, last: int) -> None:
    """As if the log had been copied when it ended at `last`."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("alter table stored_events disable trigger all")
        connection.execute("delete from stored_events where notification_id > %s", [last])
        connection.execute("alter table stored_events enable always trigger stored_events_are_forever")
        connection.execute(
            "select setval('project_ids', count(*) + 1, false)"
            " from stored_events where topic = 'project.created'"
        )


async def restored(taskflow: Taskflow, last: int) -> None:
    """The projector is slow to notice, being somewhere else at the moment."""
    await taskflow.stop_projector()
    await asyncio.to_thread(restore, taskflow.core.settings.database_url, last)


async def test_who_writes_to_a_restored_log_is_answered_with_what_was_written(taskflow: Taskflow) -> None:
    other = await taskflow.twin()
    await other.admin.sign_in()
    head = await taskflow.core.store.head()
    await taskflow.admin.made("/api/projects", {"name": "Before"})
    await taskflow.admin.made("/api/projects", {"name": "Before, too"})
    await caught_up(taskflow.core)
    await restored(taskflow, head)
    assert (await taskflow.admin.get("/readyz")).status == 503

    answer = await taskflow.admin.post("/api/projects", {"name": "After"})
    assert (answer.status, answer.headers.get("X-Read-Model")) == (201, "behind")
    assert (answer.data["project"]["id"], answer.data["project"]["name"]) == (1, "After")
    for client in (taskflow.admin, other.admin):
        assert (await client.get("/api/projects")).status == 503

    taskflow.start_projector()
    await caught_up(taskflow.core)
    await caught_up(other.core)
    for client in (taskflow.admin, other.admin):
        answer = await client.get("/api/projects")
        assert [project["name"] for project in answer.data["projects"]] == ["After"]


async def test_who_waited_while_the_log_was_replaced_is_answered_with_what_was_written(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the request came, the read model had not seen anything that is gone now."""
    other, append, may_append = await taskflow.twin(), taskflow.core.store.append, asyncio.Event()
    await other.admin.sign_in()
    head = await taskflow.core.store.head()

    async def append_late(one: Append) -> Appended:
        await may_append.wait()
        return await append(one)

    with monkeypatch.context() as patched:
        patched.setattr(taskflow.core.store, "append", append_late)
        waiting = asyncio.create_task(taskflow.admin.post("/api/projects", {"name": "After"}))
        await other.admin.made("/api/projects", {"name": "Before"})
        await other.admin.made("/api/projects", {"name": "Before, too"})
        await caught_up(taskflow.core)
        await restored(taskflow, head)
        await asyncio.sleep(QUICK_S)
        may_append.set()
        answer = await waiting
    assert (answer.status, answer.headers.get("X-Read-Model")) == (201, "behind")
    assert answer.data["project"]["name"] == "After"
    for client in (taskflow.admin, other.admin):
        assert (await client.get("/api/projects")).status == 503


async def test_states_that_never_happened_are_forgotten(taskflow: Taskflow) -> None:
    """The other server brings a stream to the version that this one remembers, by another way."""
    other = await taskflow.twin()
    await other.admin.sign_in()
    await taskflow.admin.made("/api/projects", {"name": "First"})
    head = await taskflow.core.store.head()
    await taskflow.admin.put("/api/projects/1", {"name": "Renamed"})
    await caught_up(other.core)
    await restored(taskflow, head)
    assert (await other.admin.put("/api/projects/1", {"status": "on_hold"})).status == 200

    begun_anew = asyncio.Event()
    taskflow.core.announcements.on_rebuilt(begun_anew.set)
    taskflow.start_projector()
    async with asyncio.timeout(5):
        await begun_anew.wait()
    answer = await taskflow.admin.put("/api/projects/1", {"name": "Renamed"})
    assert (answer.status, answer.data["project"]["name"]) == (200, "Renamed")


async def test_nobody_waits_for_a_position_that_is_gone(taskflow: Taskflow, redis_url: str) -> None:
    head = await taskflow.core.store.head()
    await taskflow.admin.made("/api/projects", {"name": "Before"})
    await taskflow.core.positions.note([1], head + 1)
    await restored(taskflow, head)
    taskflow.start_projector()
    redis = Redis.from_url(redis_url)
    async with asyncio.timeout(5), redis:
        while await call(redis, "ZSCORE", BEHIND, "1") is not None:  # noqa: ASYNC110 - in another process, as a rule
            await asyncio.sleep(0.02)
        while taskflow.core.announcements.heard()[1] > head:  # noqa: ASYNC110 - nothing tells of a lower one
            await asyncio.sleep(0.02)
    assert (await taskflow.admin.get("/api/users/1")).status == 200
