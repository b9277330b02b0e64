"""While the read model is behind, nobody reads by rights that an answered request took from them."""

from __future__ import annotations

from typing import Final

import pytest

from tests.http import FORGE_PASSWORD, Client, ForgeClient, Taskflow

GONE: Final = {"success": False, "message": "User account not found or inactive"}
READS: Final = ("/api/auth/me", "/api/tasks", "/api/tasks/export", "/api/tasks/statistics", "/api/tags")


def patient(server: Taskflow, timeout_s: float) -> None:
    object.__setattr__(server.core.settings, "caught_up_timeout_s", timeout_s)


class Scene:
    """Two servers, one read model."""

    def __init__(self, taskflow: Taskflow, twin: Taskflow) -> None:
        self.taskflow, self.twin = taskflow, twin

    async def somebody(self, name: str, role: str = "user") -> tuple[ForgeClient, ForgeClient, Client]:
        """At TaskForge through both servers, and at TaskFlow Pro."""
        one = await self.taskflow.forge_user(name)
        if role != "user":
            answer = await self.taskflow.admin.put(f"/api/users/{one.id}", {"role": role})
            assert answer.status == 200
        other = await self.twin.forge()
        other.token, other.user = one.token, one.user
        return one, other, await self.twin_session(name)

    async def twin_session(self, name: str) -> Client:
        return await self.twin.signed_in(name, FORGE_PASSWORD)

    async def fall_behind(self) -> None:
        await self.taskflow.stop_projector()
        for server in (self.taskflow, self.twin):
            patient(server, 0.2)

    def catch_up(self) -> None:
        for server in (self.taskflow, self.twin):
            patient(server, 10)
        self.taskflow.start_projector()


@pytest.fixture
async def scene(taskflow: Taskflow) -> Scene:
    return Scene(taskflow, await taskflow.twin())


@pytest.mark.parametrize("way", ["deactivated", "deleted", "deactivated in TaskFlow Pro"])
async def test_who_is_locked_out_reads_nothing_any_more(scene: Scene, way: str) -> None:
    admin = await scene.taskflow.forge_admin()
    one, other, browser = await scene.somebody("ana")
    for client in (one, other):
        assert (await client.get("/api/tasks")).status == 200
    assert (await browser.get("/api/tasks")).status == 200
    path = f"/api/users/{one.id}"
    await scene.fall_behind()
    if way == "deactivated":
        answer = await admin.post(f"{path}/deactivate")
    elif way == "deleted":
        answer = await admin.delete(path)
    else:
        answer = await scene.taskflow.admin.put(path, {"active": False})
    assert (answer.status, answer.headers["X-Read-Model"]) == (200, "behind")
    for read in (*READS, path):
        for client in (one, other):
            refused = await client.get(read)
            assert (refused.status, refused.body) == (404, GONE), read
    assert (await browser.get("/api/tasks")).status == 401
    scene.catch_up()
    assert (await one.get("/api/tasks")).body == GONE


@pytest.mark.parametrize("by", ["taskforge", "taskflow"])
async def test_who_is_no_admin_any_more_reads_nothing_of_others(scene: Scene, by: str) -> None:
    admin = await scene.taskflow.forge_admin()
    one, other, browser = await scene.somebody("eve", "admin")
    await admin.made("/api/tasks", {"title": "Secret"})
    for client in (one, other):
        assert (await client.get("/api/users")).status == 200
    await scene.fall_behind()
    by_whom = admin if by == "taskforge" else scene.taskflow.admin
    answer = await by_whom.put(f"/api/users/{one.id}", {"role": "user"})
    assert (answer.status, answer.headers["X-Read-Model"]) == (200, "behind")
    for client in (one, other):
        assert (await client.get("/api/users")).status == 403
        for path in ("/api/tasks", "/api/users/1"):
            assert (await client.get(path)).status == 503
    assert (await browser.get("/api/users")).status == 503
    scene.catch_up()
    # One who had to wait is judged by the rights that are theirs, not by those when they asked.
    assert (await one.get("/api/tasks")).data["tasks"] == []
    assert (await browser.get("/api/tasks")).data["tasks"] == []
    assert [user["username"] for user in (await browser.get("/api/users")).data["users"]] == ["eve"]


async def test_who_becomes_an_admin_is_not_refused_by_an_old_card(scene: Scene) -> None:
    one, other, _ = await scene.somebody("eve")
    admin = await scene.taskflow.forge_admin()
    await scene.fall_behind()
    assert (await admin.put(f"/api/users/{one.id}", {"role": "admin"})).status == 200
    assert [(await client.get("/api/users")).status for client in (one, other)] == [503, 503]
    scene.catch_up()
    assert [(await client.get("/api/users")).status for client in (one, other)] == [200, 200]


async def test_who_has_just_registered_is_asked_to_come_again_and_not_told_that_they_are_nobody(
    scene: Scene,
) -> None:
    await scene.fall_behind()
    ana = await scene.taskflow.forge_user("ana")
    for path in (f"/api/users/{ana.id}", "/api/tasks"):
        assert (await ana.get(path)).status == 503
    # By an admin of TaskFlow Pro it is the same.
    number = await scene.taskflow.user("ben")
    ben = await (await scene.twin.forge()).log_in("ben@example.com", "password of theirs")
    assert (await ben.get(f"/api/users/{number}")).status == 503
    scene.catch_up()
    assert (await ana.get(f"/api/users/{ana.id}")).data["username"] == "ana"
    assert (await ben.get(f"/api/users/{number}")).data["username"] == "ben"


async def test_nobody_else_waits(scene: Scene) -> None:
    one, *_ = await scene.somebody("ana")
    two, *_ = await scene.somebody("ben")
    admin = await scene.taskflow.forge_admin()
    await scene.fall_behind()
    assert (await admin.post(f"/api/users/{one.id}/deactivate")).status == 200
    assert (await two.get("/api/tasks")).status == 200
