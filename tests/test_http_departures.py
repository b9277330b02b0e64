"""Who is deleted is gone from every answer of TaskFlow Pro, and what they did stays."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from commands.accounts import DeleteUser
from events.instants import now
from events.log import Metadata
from tests.given import ADMIN
from tests.http import Client, Reply, Taskflow, caught_up
from tests.test_http_reports import PATHS


async def departed(taskflow: Taskflow, user_id: int, *, owns_projects: bool = False) -> None:
    command = DeleteUser(user_id=user_id, owns_projects=owns_projects)
    await taskflow.core.dispatcher.dispatch(command, ADMIN, Metadata(), now=now())
    await caught_up(taskflow.core)


@pytest.fixture
async def ana(taskflow: Taskflow) -> int:
    """Somebody in a department, at work on a task for two, who owns a project and has a task of her own."""
    admin = taskflow.admin
    department = await admin.made("/api/departments", {"name": "Design"})
    ana = await taskflow.user("ana", "manager", department_id=department["id"], hourly_rate=10)
    ben = await taskflow.user("ben", department_id=department["id"], hourly_rate=20)
    project = await admin.made("/api/projects", {"name": "Website", "budget": 1000})
    await admin.made("/api/projects", {"name": "Hers", "owner_id": ana})
    new = {"title": "Schema", "assigned_to": [ana, ben], "estimated_hours": 8, "actual_hours": 4}
    await admin.made(f"/api/projects/{project['id']}/tasks", new)
    await admin.made(f"/api/projects/{project['id']}/tasks", {"title": "Hers alone", "assigned_to": [ana]})
    return ana


async def ok(client: Client, path: str) -> Reply:
    answer = await client.get(path)
    assert answer.status == 200, (path, answer.raw)
    return answer


async def test_no_answer_shows_who_is_gone_nor_fails(taskflow: Taskflow, ana: int) -> None:
    admin = taskflow.admin
    await departed(taskflow, ana)
    for path in (f"/api/users/{ana}", f"/api/users/{ana}/stats"):
        assert (await admin.get(path)).status == 404, path
    users = (await ok(admin, "/api/users?sort=id")).data["users"]
    assert [each["username"] for each in users] == ["admin", "ben"]
    task = (await ok(admin, "/api/tasks/1")).data["task"]
    assert (
        [person["username"] for person in task["assignees"]] == [task["assigned_to"]["username"]] == ["ben"]
    )
    alone = (await ok(admin, "/api/tasks/2")).data["task"]
    assert (alone["assigned_to"], alone["assignees"]) == (None, [])
    # Given to her in the very moment in which she went: nobody's, until an admin gives it to somebody.
    hers = (await ok(admin, "/api/projects/2")).data["project"]
    assert hers["owner"] is None
    given = await admin.put("/api/projects/2", {"owner_id": 1})
    assert given.data["project"]["owner"]["username"] == "admin"


async def test_who_is_gone_is_let_in_no_more(taskflow: Taskflow, ana: int) -> None:
    signed_in = await taskflow.signed_in("ana")
    await departed(taskflow, ana)
    for request in (signed_in.get("/api/projects"), signed_in.post("/api/projects", {"name": "Late"})):
        assert (await request).status == 401
    again = {"username": "ana", "password": "password of theirs"}
    assert (await (await taskflow.anybody()).post("/api/auth/login", again)).status == 401
    # The name is free, and the old password opens nothing.
    assert await taskflow.user("ana", password="another of hers") != ana
    assert (await (await taskflow.anybody()).post("/api/auth/login", again)).status == 401


async def test_money_and_hours_stay_where_they_were_spent(taskflow: Taskflow, ana: int) -> None:
    admin = taskflow.admin
    before = (await ok(admin, "/api/projects/1")).data["project"]
    await departed(taskflow, ana)
    after = (await ok(admin, "/api/projects/1")).data["project"]
    assert before["spent_budget"] == after["spent_budget"] == 2 * 10 + 2 * 20
    assert (after["tasks_count"], after["progress"]) == (before["tasks_count"], before["progress"])
    stats = (await ok(admin, "/api/departments/2/stats")).data["department_stats"]
    assert (stats["total_members"], stats["total_tasks"], stats["total_hours_worked"]) == (1, 1, 2.0)


async def test_reports_go_on_with_those_who_are_present(taskflow: Taskflow, ana: int) -> None:
    admin = taskflow.admin
    assert [row["username"] for row in await productivity(admin)] == ["admin", "ana", "ben"]
    await departed(taskflow, ana)
    assert [row["username"] for row in await productivity(admin)] == ["admin", "ben"]
    for path, form in product(PATHS.values(), ("json", "csv", "pdf")):
        answer = await ok(admin, f"{path}?format={form}")
        assert b"ana@example.com" not in answer.raw


async def productivity(client: Client) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await ok(client, PATHS["users-productivity"])).data["users"]
    return rows
