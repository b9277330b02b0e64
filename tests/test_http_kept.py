"""Answers that are given again: those that would be made now, to nobody else, with marks of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from time import time
from typing import Any, Final

import pytest

from api.kept_answers import DAY_S
from readmodels.told import Told
from tests.http import Client, Reply, Taskflow, started

PROJECT: Final = {"name": "Bridge", "budget": 1000}


def counts(server: Taskflow) -> tuple[int, int]:
    return server.core.kept.keep.hits, server.core.kept.keep.misses


async def hearing(server: Taskflow) -> None:
    """Nothing is kept before the subscription stands."""
    async with asyncio.timeout(5):
        while server.core.announcements.freshness() is None:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.01)


async def is_kept(server: Taskflow, ask: Callable[[], Awaitable[Reply]]) -> bool:
    """Whether a second answer is the first one again."""
    await hearing(server)
    first, before = await ask(), counts(server)[0]
    second = await ask()
    assert told(first) == told(second)
    return counts(server)[0] > before


def told(answer: Reply) -> object:
    """What an answer says, but for what is another one each time."""
    body = answer.body if answer.raw else {}
    kept_headers = {name: answer.headers.get(name) for name in ("ETag", "Content-Type", "X-Report-Position")}
    return answer.status, {name: body[name] for name in body if name != "meta"}, kept_headers


@asynccontextmanager
async def forgetful(server: Taskflow) -> AsyncIterator[Taskflow]:
    """Another server on the same data, which keeps nothing."""
    settings = replace(server.core.settings, kept_answers_bytes_max=1, kept_documents_bytes_max=1)
    async with started(settings) as twin:
        yield twin


async def test_lists_details_and_reports_are_kept(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    project = await admin.made("/api/projects", PROJECT)
    task = await admin.made(f"/api/projects/{project['id']}/tasks", {"title": "Survey"})
    for path in (
        "/api/projects?per_page=10", f"/api/projects/{project['id']}",
        "/api/tasks", f"/api/tasks/{task['id']}",
        f"/api/projects/{project['id']}/tasks", f"/api/projects/{project['id']}/risks",
        f"/api/projects/{project['id']}/expenses", "/api/users", "/api/users/1", "/api/departments",
        "/api/reports/budget-analysis", "/api/reports/projects", "/api/reports/users/productivity",
        "/api/reports/departments/workload",
    ):  # fmt: skip
        assert await is_kept(taskflow, lambda path=path: admin.get(path)), path  # type: ignore[misc]


async def test_taskforge_keeps_its_lists_and_details(taskflow: Taskflow) -> None:
    forge = await taskflow.forge_admin()
    tag = await forge.made("/api/tags", {"name": "steel"})
    task = await forge.made("/api/tasks", {"title": "Survey", "tags": [tag["id"]]})
    for path in (
        "/api/tasks",
        f"/api/tasks/{task['id']}",
        "/api/tags",
        f"/api/tags/{tag['id']}",
        "/api/users",
    ):
        assert await is_kept(taskflow, lambda path=path: forge.get(path)), path  # type: ignore[misc]


async def test_what_rests_on_the_present_moment_or_on_the_past_is_not_kept(taskflow: Taskflow) -> None:
    admin, forge = taskflow.admin, await taskflow.forge_admin()
    await admin.made("/api/projects", PROJECT)
    for path in (
        "/api/tasks?overdue=true", "/api/tasks?overdue=false", "/api/users/1/stats", "/api/auth/me",
        "/api/projects?as_of_position=1", "/api/projects/1/history",
    ):  # fmt: skip
        assert not await is_kept(taskflow, lambda path=path: admin.get(path)), path  # type: ignore[misc]
    for path in ("/api/tasks?overdue=true", "/api/tasks/statistics", "/api/auth/me"):
        assert not await is_kept(taskflow, lambda path=path: forge.get(path)), path  # type: ignore[misc]


async def test_failures_and_files_are_not_kept(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    await hearing(taskflow)
    for path, status in (
        ("/api/projects/999", 404), ("/api/projects?sort=nothing", 400),
        ("/api/reports/projects?format=csv", 200),
    ):  # fmt: skip
        before = counts(taskflow)[0]
        for _ in range(2):
            assert (await admin.get(path)).status == status
        assert counts(taskflow)[0] == before


async def test_each_answer_has_its_own_id_and_time(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hearing(taskflow)
    first, second, third = [
        await taskflow.admin.get("/api/projects", headers={"X-Request-Id": name} if name else {})
        for name in ("", "", "my-own-id-1")
    ]
    assert counts(taskflow)[0] >= 2
    ids = [answer.body["meta"]["request_id"] for answer in (first, second, third)]
    assert ids == [answer.headers["X-Request-Id"] for answer in (first, second, third)]
    assert len({*ids}) == 3
    assert ids[2] == "my-own-id-1"
    assert [*first.body] == [*second.body]
    assert {*second.body["meta"]} == {"timestamp", "version", "request_id"}


async def test_a_kept_answer_is_known_by_its_tag(taskflow: Taskflow) -> None:
    project = await taskflow.admin.made("/api/projects", PROJECT)
    path = f"/api/projects/{project['id']}"
    await hearing(taskflow)
    tag = (await taskflow.admin.get(path)).headers["ETag"]
    before = counts(taskflow)[0]
    again = await taskflow.admin.get(path, headers={"If-None-Match": tag})
    assert (again.status, again.raw, again.headers["ETag"]) == (304, b"", tag)
    assert counts(taskflow)[0] == before + 1
    await taskflow.admin.put(path, {"name": "Tunnel"})
    changed = await taskflow.admin.get(path, headers={"If-None-Match": tag})
    assert (changed.status, changed.data["project"]["name"]) == (200, "Tunnel")


async def test_who_writes_reads_it_at_once_whatever_was_kept(taskflow: Taskflow) -> None:
    project = await taskflow.admin.made("/api/projects", PROJECT)
    path = f"/api/projects/{project['id']}"
    await hearing(taskflow)
    for number in range(60):
        for _ in range(2):
            await taskflow.admin.get(path)
            await taskflow.admin.get("/api/projects?sort=name")
        await taskflow.admin.put(path, {"name": f"Bridge {number}"})
        assert (await taskflow.admin.get(path)).data["project"]["name"] == f"Bridge {number}"
        (listed,) = (await taskflow.admin.get("/api/projects?sort=name")).data["projects"]
        assert listed["name"] == f"Bridge {number}"
    assert counts(taskflow)[0] >= 100


async def test_a_task_elsewhere_leaves_a_project_as_it_is(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    mine, other = [await admin.made("/api/projects", PROJECT | {"name": name}) for name in ("Mine", "Other")]
    await hearing(taskflow)
    await admin.get(f"/api/projects/{mine['id']}")
    hits = counts(taskflow)[0]
    await admin.made(f"/api/projects/{other['id']}/tasks", {"title": "Elsewhere"})
    await admin.get(f"/api/projects/{mine['id']}")
    assert counts(taskflow)[0] == hits + 1
    await admin.made(f"/api/projects/{mine['id']}/tasks", {"title": "Here"})
    assert len((await admin.get(f"/api/projects/{mine['id']}")).data["project"]["tasks"]) == 1


async def test_nobody_is_given_what_was_made_for_somebody_else(taskflow: Taskflow) -> None:
    await taskflow.user("ada")
    ada = await taskflow.signed_in("ada")
    project = await taskflow.admin.made("/api/projects", PROJECT)
    path = f"/api/projects/{project['id']}"
    await hearing(taskflow)
    for _ in range(2):
        assert (await taskflow.admin.get(path)).status == 200
        assert (await ada.get(path)).status == 404
        assert len((await taskflow.admin.get("/api/projects")).data["projects"]) == 1
        assert (await ada.get("/api/projects")).data["projects"] == []
        assert (await (await taskflow.anybody()).get("/api/projects")).status == 401


async def test_a_project_is_seen_and_seen_no_more_with_the_last_reason(taskflow: Taskflow) -> None:
    ada_id = await taskflow.user("ada")
    ada = await taskflow.signed_in("ada")
    project = await taskflow.admin.made("/api/projects", PROJECT)
    path = f"/api/projects/{project['id']}"
    task = await taskflow.admin.made(f"{path}/tasks", {"title": "Survey", "assigned_to": [ada_id]})
    await hearing(taskflow)
    for _ in range(3):
        assert await is_kept(taskflow, lambda: ada.get(path))
        assert len((await ada.get("/api/projects")).data["projects"]) == 1
        await taskflow.admin.delete(f"/api/tasks/{task['id']}")
        assert (await ada.get(path)).status == 404
        assert (await ada.get("/api/projects")).data["projects"] == []
        task = await taskflow.admin.made(f"{path}/tasks", {"title": "Again", "assigned_to": [ada_id]})


async def test_who_is_locked_out_is_out_and_a_new_role_is_a_new_one(taskflow: Taskflow) -> None:
    ada_id = await taskflow.user("ada", "manager")
    ada = await taskflow.signed_in("ada")
    await taskflow.admin.made("/api/projects", PROJECT)
    assert await is_kept(taskflow, lambda: ada.get("/api/projects"))
    assert len((await ada.get("/api/projects")).data["projects"]) == 1
    await taskflow.admin.put(f"/api/users/{ada_id}", {"role": "user"})
    assert (await ada.get("/api/projects")).data["projects"] == []
    forge = await taskflow.forge()
    await forge.log_in("ada@example.com", "password of theirs")
    assert (await forge.get("/api/tags")).status == 200
    await taskflow.admin.put(f"/api/users/{ada_id}", {"active": False})
    assert (await ada.get("/api/projects")).status == 401
    assert (await forge.get("/api/tags")).status == 404


def messages_wait(server: Taskflow, monkeypatch: pytest.MonkeyPatch) -> list[Told]:
    """Messages that come to a server by now, of which it does not hear."""
    unheard = list[Told]()
    monkeypatch.setattr(server.core.announcements.listener, "_take", unheard.append)
    return unheard


async def test_a_lock_out_at_one_server_counts_at_another_at_once(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada_id = await taskflow.user("ada")
    twin = await taskflow.twin()
    ada = await twin.signed_in("ada")
    forge = await twin.forge()
    await forge.log_in("ada@example.com", "password of theirs")
    assert await is_kept(twin, lambda: forge.get("/api/tags"))
    assert await is_kept(twin, lambda: ada.get("/api/projects"))
    unheard = messages_wait(twin, monkeypatch)
    await taskflow.admin.put(f"/api/users/{ada_id}", {"active": False})
    assert (await forge.get("/api/tags")).status == 404
    assert (await ada.get("/api/projects")).status == 401
    assert unheard


async def test_what_one_server_answered_is_read_at_another_at_once(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although the message that tells of it is still under way."""
    project = await taskflow.admin.made("/api/projects", PROJECT)
    path, twin = f"/api/projects/{project['id']}", await taskflow.twin()
    await twin.admin.sign_in()
    for number in range(3):
        monkeypatch.undo()
        await hearing(twin)
        assert await is_kept(twin, lambda: twin.admin.get(path))
        assert await is_kept(twin, lambda: twin.admin.get("/api/projects"))
        unheard = messages_wait(twin, monkeypatch)
        await taskflow.admin.put(path, {"name": f"Tunnel {number}"})
        assert (await twin.admin.get("/api/projects")).data["projects"][0]["name"] == f"Tunnel {number}"
        assert (await twin.admin.get(path)).data["project"]["name"] == f"Tunnel {number}"
        assert unheard


async def test_a_demanded_position_holds_for_rights_as_well(taskflow: Taskflow) -> None:
    """Who asks is looked for in a read model that has come so far."""
    ada_id = await taskflow.user("ada")
    twin = await taskflow.twin()
    ada, forge = await twin.signed_in("ada"), await twin.forge()
    await forge.log_in("ada@example.com", "password of theirs")
    await taskflow.stop_projector()
    before = await taskflow.core.store.head()
    locking = asyncio.create_task(taskflow.admin.put(f"/api/users/{ada_id}", {"active": False}))
    async with asyncio.timeout(2):
        while (head := await taskflow.core.store.head()) == before:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.005)
    demand = {"X-Min-Position": str(head)}
    reads = [
        asyncio.create_task(each.get(path, headers=demand))
        for each, path in ((ada, "/api/projects"), (forge, "/api/tags"))
    ]
    await asyncio.sleep(0.2)
    taskflow.start_projector()
    assert [each.status for each in await asyncio.gather(*reads)] == [401, 404]
    assert (await locking).status == 200


async def test_who_asks_about_the_past_or_for_a_file_waits_for_nobody_else(taskflow: Taskflow) -> None:
    await hearing(taskflow)
    before = counts(taskflow)
    for path in ("/api/projects?as_of_position=1", "/api/reports/projects?format=csv"):
        assert (await taskflow.admin.get(path)).status == 200
    assert counts(taskflow) == before


async def test_a_task_becomes_late_although_nothing_happens(taskflow: Taskflow) -> None:
    forge, due = await taskflow.forge_admin(), datetime.now(UTC) + timedelta(seconds=1.5)
    task = await forge.made("/api/tasks", {"title": "Survey", "due_date": due.isoformat()})
    paths = ("/api/tasks", f"/api/tasks/{task['id']}")
    for path in paths:
        assert await is_kept(taskflow, lambda path=path: forge.get(path))  # type: ignore[misc]
    assert not (await forge.get(paths[1])).data["is_overdue"]
    await asyncio.sleep((due - datetime.now(UTC)).total_seconds())
    listed, found = [await forge.get(path) for path in paths]
    assert listed.data["tasks"][0]["is_overdue"]
    assert found.data["is_overdue"]


async def test_at_midnight_answers_are_made_anew(taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch) -> None:
    path = "/api/reports/projects"
    assert await is_kept(taskflow, lambda: taskflow.admin.get(path))
    hits, misses = counts(taskflow)
    monkeypatch.setattr("api.kept_answers.time", lambda: time() + DAY_S)
    await taskflow.admin.get(path)
    assert counts(taskflow) == (hits, misses + 1)


async def test_a_redis_that_is_away_answers_nothing(mortal: Taskflow, valkey: Any) -> None:
    await mortal.admin.made("/api/projects", PROJECT)
    assert await is_kept(mortal, lambda: mortal.admin.get("/api/projects"))
    await asyncio.to_thread(valkey.stop)
    await asyncio.sleep(0.2)
    assert (await mortal.admin.get("/api/projects")).status == 503
    await asyncio.to_thread(valkey.start)
    await asyncio.to_thread(valkey.wait_ready)
    async with asyncio.timeout(20):
        while (await mortal.admin.get("/api/projects")).status != 200:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)
    assert await is_kept(mortal, lambda: mortal.admin.get("/api/projects"))


async def test_an_emptied_redis_is_answered_503_and_comes_back_with_all_writes(mortal: Taskflow) -> None:
    project = await mortal.admin.made("/api/projects", PROJECT)
    path = f"/api/projects/{project['id']}"
    assert await is_kept(mortal, lambda: mortal.admin.get(path))
    await mortal.core.redis.flushall()
    await mortal.admin.put(path, {"name": "Tunnel"})
    async with asyncio.timeout(20):
        while True:
            answer = await mortal.admin.get(path)
            if answer.status == 200:
                assert answer.data["project"]["name"] == "Tunnel"
                break
            assert answer.status == 503
            await asyncio.sleep(0.02)


class World:
    """Random writes and reads of a few people, each read compared with a server that keeps nothing."""

    def __init__(self, seed: int, people: list[Client], plain: list[Client]) -> None:
        self.random = Random(seed)
        self.people, self.plain = people, plain
        self.projects: list[int] = []
        self.tasks: list[int] = []
        self.position = "0"

    async def step(self) -> None:
        await self.random.choice((self.write, *4 * (self.read,)))()

    async def write(self) -> None:
        random, admin = self.random, self.people[0]
        project, task = (random.choice(ids) if ids else None for ids in (self.projects, self.tasks))
        kind = random.randrange(8)
        if project is None or (kind == 0 and len(self.projects) < 4):
            answer = await admin.post("/api/projects", {"name": f"P{random.random():.3f}", "budget": 100})
            self.projects.append(answer.data["project"]["id"])
        elif task is None or kind in (1, 2):
            new = {
                "title": f"T{random.random():.3f}",
                "assigned_to": random.sample([2, 3], random.randrange(3)),
            }
            answer = await admin.post(f"/api/projects/{project}/tasks", new)
            if answer.status == 201:
                self.tasks.append(answer.data["task"]["id"])
        elif kind == 3:
            answer = await admin.put(f"/api/projects/{project}", {"name": f"P{random.random():.3f}"})
        elif kind == 4:
            answer = await admin.post(f"/api/tasks/{task}/assign", {"user_ids": random.sample([2, 3], 1)})
        elif kind == 5:
            status = random.choice(("pending", "in_progress", "completed"))
            answer = await admin.put(f"/api/tasks/{task}", {"status": status, "actual_hours": 1})
        elif kind == 6:
            answer = await admin.put("/api/users/3", {"username": f"eve{random.randrange(10**6)}"})
        else:
            self.tasks.remove(task)
            answer = await admin.delete(f"/api/tasks/{task}")
        assert answer.status < 500, answer.raw
        self.position = answer.headers.get("X-Event-Position", self.position)

    async def read(self) -> None:
        random = self.random
        project, task = (random.choice(ids or [1]) for ids in (self.projects, self.tasks))
        path = random.choice(
            (
                "/api/projects", "/api/projects?sort=name", f"/api/projects/{project}", "/api/tasks",
                "/api/tasks?status=pending&sort=title", f"/api/projects/{project}/tasks",
                f"/api/tasks/{task}",
                f"/api/projects/{project}/tasks?assigned_to=3", "/api/users?sort=username", "/api/users/3",
                "/api/departments", "/api/reports/projects", "/api/reports/budget-analysis",
            )
        )  # fmt: skip
        who = random.randrange(len(self.people))
        headers = {"X-Min-Position": self.position}
        mine, plain = [await each[who].get(path, headers=headers) for each in (self.people, self.plain)]
        assert told(mine) == told(plain), path


@pytest.mark.parametrize("seed", range(3))
async def test_kept_answers_are_those_of_a_server_that_keeps_nothing(taskflow: Taskflow, seed: int) -> None:
    names = ("ada", "eve")
    await taskflow.user("ada", "manager")
    await taskflow.user("eve")
    async with forgetful(taskflow) as twin:
        people = [taskflow.admin, *[await taskflow.signed_in(name) for name in names]]
        await twin.admin.sign_in()
        plain = [twin.admin, *[await twin.signed_in(name) for name in names]]
        await hearing(taskflow)
        world = World(seed, people, plain)
        for _ in range(150):
            await world.step()
        assert counts(taskflow)[0] > 5
        assert counts(twin)[0] == 0
