"""Histories over HTTP: who changed what, when, and in which request."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.http import Client, Taskflow, caught_up, taskflow_running
from tests.test_http_envelope import check_error


async def history(client: Client, path: str, **params: str) -> list[dict[str, Any]]:
    answer = await client.get(f"{path}/history", params={"per_page": "100", **params})
    assert answer.status == 200, answer.raw
    return list(answer.data["history"])


async def test_a_change_says_who_when_from_where_and_the_values_as_this_api_has_them(
    taskflow: Taskflow,
) -> None:
    dana = await taskflow.user("dana", "manager")
    manager = await taskflow.signed_in("dana")
    new = {"name": "Bridge", "budget": 50000, "start_date": "2025-07-01"}
    project = await manager.made("/api/projects", new)
    path = f"/api/projects/{project['id']}"
    changed = await taskflow.admin.put(
        path, {"budget": 50000.5, "start_date": None}, headers={"User-Agent": "a browser"}
    )
    newest, first = await history(taskflow.admin, path)
    assert newest == {
        "position": int(changed.headers["X-Event-Position"]),
        "created_at": changed.data["project"]["updated_at"],
        "action": "changed",
        "event": "project.details_changed",
        "actor": {"id": 1, "username": "admin", "role": "admin"},
        "application": "taskflow",
        "command": "ChangeProject",
        "request_id": changed.body["meta"]["request_id"],
        "changes": [
            {"field": "budget", "old": 50000.0, "new": 50000.5},
            {"field": "start_date", "old": "2025-07-01T00:00:00Z", "new": None},
        ],
        "address": "127.0.0.1",
        "user_agent": "a browser",
    }
    assert (first["action"], first["actor"]) == (
        "created",
        {"id": dana, "username": "dana", "role": "manager"},
    )
    assert {each["field"]: each["new"] for each in first["changes"]} == {
        "owner_id": dana, "name": "Bridge", "description": "", "budget": 50000.0, "status": "active",
        "start_date": "2025-07-01T00:00:00Z",
    }  # fmt: skip


async def test_where_requests_came_from_is_for_admins_and_forgotten_after_a_while(
    taskflow: Taskflow, database_url: str
) -> None:
    await taskflow.user("dana", "manager")
    manager = await taskflow.signed_in("dana")
    path = f"/api/projects/{(await manager.made('/api/projects', {'name': 'P'}))['id']}"
    (shown,) = await history(manager, path)
    assert not {"address", "user_agent"} & shown.keys()
    assert shown["request_id"]
    await taskflow.core.attempts.flush()
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute("delete from requests")
    (shown,) = await history(taskflow.admin, path)
    assert (shown["address"], shown["user_agent"]) == (None, None)


async def test_a_task_is_told_by_its_own_fields_and_not_by_those_that_only_folding_knows(
    taskflow: Taskflow,
) -> None:
    member = await taskflow.user("member")
    project = await taskflow.admin.made("/api/projects", {"name": "P"})
    path = f"/api/projects/{project['id']}"
    task = await taskflow.admin.made(f"{path}/tasks", {"title": "T", "assigned_to": [member]})
    client = await taskflow.signed_in("member")
    task_path = f"/api/tasks/{task['id']}"
    await client.put(task_path, {"status": "in_progress", "actual_hours": 2.5})
    await taskflow.admin.put(path, {"status": "completed"})
    await taskflow.admin.put(path, {"status": "active"})
    await taskflow.admin.delete(task_path)
    entries = await history(taskflow.admin, task_path)
    # What its project did to it changed nothing that a task shows.
    assert [entry["event"] for entry in entries] == [
        "task.deleted", "task.status_changed", "task.hours_booked", "task.created",
    ]  # fmt: skip
    assert [entry["action"] for entry in entries] == ["deleted", "changed", "changed", "created"]
    assert entries[1]["changes"] == [{"field": "status", "old": "pending", "new": "in_progress"}]
    assert entries[2]["changes"] == [{"field": "actual_hours", "old": None, "new": 2.5}]
    assert {"field": "assigned_to", "old": None, "new": [member]} in entries[3]["changes"]
    assert entries[0]["changes"] == []


async def test_somebody_who_is_gone_is_no_assignee_any_more_and_has_no_name(taskflow: Taskflow) -> None:
    forge_admin, eve = await taskflow.forge_admin(), await taskflow.forge_user("eve")
    mine = await taskflow.admin.made("/api/projects", {"name": "P"})
    task = await taskflow.admin.made(
        f"/api/projects/{mine['id']}/tasks", {"title": "T", "assigned_to": [eve.id]}
    )
    assert (await eve.put(f"/api/tasks/{task['id']}", {"title": "Mine"})).status < 500
    deleted = await forge_admin.delete(f"/api/users/{eve.id}")
    assert deleted.status == 200, deleted.raw
    await caught_up(taskflow.core)
    newest = (await history(taskflow.admin, f"/api/tasks/{task['id']}"))[0]
    assert (newest["event"], newest["action"]) == ("user.deleted", "changed")
    assert newest["changes"] == [{"field": "assigned_to", "old": [eve.id], "new": []}]
    entries = await history(taskflow.admin, f"/api/users/{eve.id}")
    assert (entries[0]["action"], entries[-1]["action"]) == ("deleted", "created")


async def test_what_is_deleted_keeps_its_history_for_managers_and_admins(taskflow: Taskflow) -> None:
    member = await taskflow.user("member")
    await taskflow.user("boss", "manager")
    project = await taskflow.admin.made("/api/projects", {"name": "P"})
    path = f"/api/projects/{project['id']}"
    task = await taskflow.admin.made(f"{path}/tasks", {"title": "T", "assigned_to": [member]})
    risk = await taskflow.admin.made(f"{path}/risks", {"title": "R"})
    paths = [path, f"/api/tasks/{task['id']}", f"/api/risks/{risk['id']}"]
    client, boss = await taskflow.signed_in("member"), await taskflow.signed_in("boss")
    for each in paths:
        assert (await client.get(f"{each}/history")).status == 200
    await taskflow.admin.delete(path)
    for each in paths:
        check_error(await client.get(f"{each}/history"), 404, "NOT_FOUND")
        newest = (await history(boss, each))[0]
        assert (newest["event"], newest["action"], newest["changes"]) == ("project.deleted", "deleted", [])


async def test_a_deleted_task_is_no_longer_told_to_those_who_worked_on_it(taskflow: Taskflow) -> None:
    member = await taskflow.user("member")
    project = await taskflow.admin.made("/api/projects", {"name": "P"})
    new = {"title": "T", "assigned_to": [member]}
    task = await taskflow.admin.made(f"/api/projects/{project['id']}/tasks", new)
    client = await taskflow.signed_in("member")
    await taskflow.admin.delete(f"/api/tasks/{task['id']}")
    check_error(await client.get(f"/api/tasks/{task['id']}/history"), 404, "NOT_FOUND")


async def test_what_an_hour_costs_is_told_to_admins_only(taskflow: Taskflow) -> None:
    number = await taskflow.user("dana", "user", hourly_rate=40)
    dana, path = await taskflow.signed_in("dana"), f"/api/users/{number}"
    await taskflow.admin.put(path, {"hourly_rate": 60})
    await taskflow.admin.put(path, {"password": "another password"})
    events = [entry["event"] for entry in await history(taskflow.admin, path)]
    assert events == ["user.password_changed", "user.rate_changed", "user.registered"]
    assert "hourly_rate" in str(await history(taskflow.admin, path))
    dana = await taskflow.signed_in("dana", "another password")
    shown = await history(dana, path)
    assert [entry["event"] for entry in shown] == ["user.password_changed", "user.registered"]
    assert [entry["action"] for entry in shown] == ["changed", "created"]
    assert "hourly_rate" not in str(shown)
    answer = await dana.get(f"{path}/history")
    assert answer.body["pagination"]["total"] == 2


async def test_a_history_comes_in_pages_in_either_order(taskflow: Taskflow) -> None:
    project = await taskflow.admin.made("/api/projects", {"name": "0"})
    path = f"/api/projects/{project['id']}"
    for number in range(1, 5):
        await taskflow.admin.put(path, {"name": str(number)})
    pages = [
        (await taskflow.admin.get(f"{path}/history", params={"per_page": "2", "page": str(page)}))
        for page in (1, 2, 3, 4)
    ]
    assert [[each["changes"][0]["new"] for each in page.data["history"]] for page in pages[:2]] == [
        ["4", "3"], ["2", "1"],
    ]  # fmt: skip
    assert [len(page.data["history"]) for page in pages] == [2, 2, 1, 0]
    assert pages[2].body["pagination"] == {"page": 3, "per_page": 2, "total": 5, "pages": 3}
    oldest = await history(taskflow.admin, path, sort="created_at", per_page="2")
    assert [each["action"] for each in oldest] == ["created", "changed"]
    assert oldest == (await history(taskflow.admin, path))[::-1][:2]


@pytest.mark.parametrize("kind", ["projects", "tasks", "risks", "users"])
async def test_what_never_was_has_no_history(taskflow: Taskflow, kind: str) -> None:
    for number in ("999", "0", "x", str(10**17)):
        check_error(await taskflow.admin.get(f"/api/{kind}/{number}/history"), 404, "NOT_FOUND")


async def test_a_history_that_is_too_long_is_refused(database_url: str, redis_url: str, logs: None) -> None:
    async with taskflow_running(database_url, redis_url, history_events_max=3) as taskflow:
        project = await taskflow.admin.made("/api/projects", {"name": "0"})
        path = f"/api/projects/{project['id']}"
        await taskflow.admin.put(path, {"name": "1"})
        assert len(await history(taskflow.admin, path)) == 2
        await taskflow.admin.put(path, {"name": "2"})
        await taskflow.admin.put(path, {"name": "3"})
        answer = await taskflow.admin.get(f"{path}/history")
        check_error(answer, 400, "BAD_REQUEST")
        assert "4 events" in answer.body["message"]


async def test_one_event_that_nobody_can_read_does_not_hide_the_others(
    taskflow: Taskflow, database_url: str
) -> None:
    project = await taskflow.admin.made("/api/projects", {"name": "P"})
    path = f"/api/projects/{project['id']}"
    head = await taskflow.core.store.head()
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(
            "insert into stored_events (originator_id, originator_version, topic, state, notification_id)"
            " values (%s, 2, 'project.painted', '{}', %s)",
            (f"project-{project['id']}", head + 1),
        )
    unreadable, first = await history(taskflow.admin, path)
    assert (unreadable["event"], unreadable["action"], unreadable["actor"]) == (
        "project.painted",
        "none",
        None,
    )
    assert first["action"] == "created"


async def test_somebody_whose_name_was_erased_is_told_to_be_erased(
    taskflow: Taskflow, database_url: str
) -> None:
    await taskflow.user("dana", "manager")
    manager = await taskflow.signed_in("dana")
    path = f"/api/projects/{(await manager.made('/api/projects', {'name': 'P'}))['id']}"
    assert (await history(taskflow.admin, path))[0]["actor"]["username"] == "dana"
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute("delete from user_keys where user_id = 2")
    taskflow.core.store.keyring.clear()
    assert (await history(taskflow.admin, path))[0]["actor"]["username"] == "erased"
