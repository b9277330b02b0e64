"""One ledger, two APIs: what is done through one is so in the other, with the next request."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import pytest

from tests.http import FORGE_PASSWORD, Client, ForgeClient, Reply, Taskflow

GONE: Final = {"success": False, "message": "User account not found or inactive"}
TASK_NOT_FOUND: Final = {"success": False, "message": "Task not found"}


async def history(taskflow: Taskflow, stream: str) -> list[tuple[str, int | None, str | None]]:
    """What happened in a stream: the event, who did it, and through which API."""
    records = await taskflow.core.store.read_stream(stream)
    assert all(record.request_id for record in records)
    return [(record.event.TOPIC, record.actor_id, record.dialect) for record in records]


async def pro(taskflow: Taskflow, username: str, password: str = FORGE_PASSWORD) -> Client:
    """Somebody signed in to TaskFlow Pro."""
    return await taskflow.signed_in(username, password)


async def forge(taskflow: Taskflow, email: str, password: str = FORGE_PASSWORD) -> ForgeClient:
    return await (await taskflow.forge()).log_in(email, password)


async def refreshing(client: ForgeClient) -> Reply:
    header = {"Authorization": f"Bearer {client.refresh_token}"}
    return await client.post("/api/auth/refresh", headers=header)


async def task_of(client: Client, task_id: int) -> dict[str, Any]:
    """A task as one of the APIs shows it: TaskFlow Pro puts its name around it."""
    answer = await client.get(f"/api/tasks/{task_id}")
    assert answer.status == 200, answer.raw
    shown: dict[str, Any] = answer.data if isinstance(client, ForgeClient) else answer.data["task"]
    return shown


async def titles(client: Client) -> set[str]:
    return {task["title"] for task in (await client.get("/api/tasks")).data["tasks"]}


async def ends(client: Client) -> None:
    """A session is known to have ended within a second, on every server."""
    async with asyncio.timeout(1.5):
        while (await client.get("/api/auth/me")).status != 401:  # noqa: ASYNC110 - nobody would set an event
            await asyncio.sleep(0.1)


def ok(answer: Reply) -> Reply:
    assert answer.status == 200, answer.raw
    return answer


async def test_a_task_made_in_one_and_assigned_in_the_other_is_the_same_in_both(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    bob_id = await taskflow.user("bob", password=FORGE_PASSWORD)
    tags = [await ana.made("/api/tags", {"name": name, "color": "#00FF00"}) for name in ("home", "garden")]
    new = {
        "title": "Paint the fence",
        "description": "Green",
        "priority": "high",
        "due_date": "2031-05-01T12:00:00",
        "tags": [tag["id"] for tag in tags],
    }
    task_id = (await ana.made("/api/tasks", new))["id"]
    ok(await taskflow.admin.post(f"/api/tasks/{task_id}/assign", {"user_ids": [bob_id]}))

    bob, bob_pro = await forge(taskflow, "bob@example.com"), await pro(taskflow, "bob")
    in_forge, in_pro = await task_of(ana, task_id), await task_of(bob_pro, task_id)
    assert in_forge == await task_of(bob, task_id) == await task_of(await taskflow.forge_admin(), task_id)
    for name in ("id", "title", "description", "status", "priority"):
        assert in_forge[name] == in_pro[name], name
    assert (in_forge["user_id"], in_pro["project_id"]) == (ana.id, None)
    assert [person["id"] for person in in_pro["assignees"]] == [bob_id]
    shown = [{"id": tag["id"], "name": tag["name"], "color": tag["color"]} for tag in tags]
    assert in_pro["tags"] == shown
    assert [{name: tag[name] for name in shown[0]} for tag in in_forge["tags"]] == shown
    assert in_pro["due_date"].removesuffix("Z") == in_forge["due_date"] == new["due_date"]
    for client in (ana, bob, bob_pro, await pro(taskflow, "ana")):
        assert await titles(client) == {"Paint the fence"}

    ok(await bob.put(f"/api/tasks/{task_id}", {"status": "in_progress"}))
    assert (await task_of(bob_pro, task_id))["status"] == "in_progress"
    ok(await bob_pro.put(f"/api/tasks/{task_id}", {"status": "completed"}))
    done = await task_of(ana, task_id)
    assert (done["status"], done["is_completed"]) == ("completed", True)
    # The other one shows whole seconds.
    assert done["completed_at"][:19] == (await task_of(bob_pro, task_id))["completed_at"].removesuffix("Z")

    assert await history(taskflow, f"task-{task_id}") == [
        ("task.created", ana.id, "taskforge"),
        ("task.tagged", ana.id, "taskforge"),
        ("task.assigned", 1, "taskflow"),
        ("task.status_changed", bob_id, "taskforge"),
        ("task.status_changed", bob_id, "taskflow"),
    ]
    ok(await ana.delete(f"/api/tasks/{task_id}"))
    assert (await bob_pro.get(f"/api/tasks/{task_id}")).status == 404
    assert await titles(bob_pro) == await titles(bob) == set()
    assert (await history(taskflow, f"task-{task_id}"))[-1] == ("task.deleted", ana.id, "taskforge")


async def test_a_task_that_goes_in_taskflow_is_gone_in_taskforge(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    task_id = (await ana.made("/api/tasks", {"title": "T"}))["id"]
    ok(await (await pro(taskflow, "ana")).delete(f"/api/tasks/{task_id}"))
    answer = await ana.get(f"/api/tasks/{task_id}")
    assert (answer.status, answer.body) == (404, TASK_NOT_FOUND)
    assert await titles(ana) == set()
    assert (await ana.get("/api/tasks/statistics")).data["total_tasks"] == 0


async def test_tasks_in_projects_and_personal_ones_are_in_both_lists(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    max_id = await taskflow.user("max", "manager", password=FORGE_PASSWORD)
    manager, manager_forge = await pro(taskflow, "max"), await forge(taskflow, "max@example.com")
    project = await manager.made("/api/projects", {"name": "P"})
    path = f"/api/projects/{project['id']}/tasks"
    for title, people in (("assigned", [ana.id]), ("nobody's", [])):
        await manager.made(path, {"title": title, "assigned_to": people})
    await ana.made("/api/tasks", {"title": "personal"})
    await manager_forge.made("/api/tasks", {"title": "the manager's"})

    ana_pro, admin = await pro(taskflow, "ana"), await taskflow.forge_admin()
    assert await titles(ana) == {"assigned", "personal"}
    # Whoever has a task in a project sees the project there.
    assert await titles(ana_pro) == {"assigned", "nobody's", "personal"}
    assert await titles(manager_forge) == {"assigned", "nobody's", "the manager's"}
    everything = {"assigned", "nobody's", "personal", "the manager's"}
    assert await titles(admin) == everything == await titles(taskflow.admin) == await titles(manager)
    by_user = (await admin.get("/api/tasks", params={"user_id": str(max_id)})).data["tasks"]
    assert {task["title"] for task in by_user} == everything - {"personal"}


async def test_who_is_deactivated_in_taskforge_is_locked_out_of_taskflow(taskflow: Taskflow) -> None:
    ana, admin = await taskflow.forge_user("ana"), await taskflow.forge_admin()
    ana_pro = await pro(taskflow, "ana")
    ok(await ana_pro.get("/api/tasks"))
    ok(await admin.post(f"/api/users/{ana.id}/deactivate"))
    assert (await ana_pro.get("/api/tasks")).status == 401
    await is_locked_out(taskflow, ana)
    card = ok(await taskflow.admin.get(f"/api/users/{ana.id}")).data["user"]
    assert card["active"] is False

    ok(await taskflow.admin.put(f"/api/users/{ana.id}", {"active": True}))
    ok(await ana.get("/api/tasks"))
    ok(await (await pro(taskflow, "ana")).get("/api/tasks"))
    await ends(ana_pro)
    assert (await refreshing(ana)).body["message"] == "Refresh token expired or revoked"


async def test_who_is_deactivated_in_taskflow_is_locked_out_of_taskforge(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    ok(await ana.get("/api/auth/me"))
    ok(await taskflow.admin.put(f"/api/users/{ana.id}", {"active": False}))
    await is_locked_out(taskflow, ana)
    admin = await taskflow.forge_admin()
    assert ok(await admin.get(f"/api/users/{ana.id}")).data["is_active"] is False

    ok(await admin.post(f"/api/users/{ana.id}/activate"))
    ok(await ana.get("/api/auth/me"))
    ok(await (await pro(taskflow, "ana")).get("/api/auth/me"))
    assert (await refreshing(ana)).status == 401


async def is_locked_out(taskflow: Taskflow, client: ForgeClient) -> None:
    """Neither old tokens nor new logins open anything, at either API."""
    for answer in (await client.get("/api/auth/me"), await client.post("/api/tasks", {"title": "T"})):
        assert (answer.status, answer.body) == (404, GONE)
    assert (await refreshing(client)).body == GONE
    email, name = client.user["email"], client.user["username"]
    login = await (await taskflow.forge()).post(
        "/api/auth/login", {"email": email, "password": FORGE_PASSWORD}
    )
    assert (login.status, login.body["message"]) == (403, "Account is inactive")
    login = await (await taskflow.anybody()).post(
        "/api/auth/login", {"username": name, "password": FORGE_PASSWORD}
    )
    assert login.status == 401


async def test_who_registers_in_taskforge_signs_in_to_taskflow(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("Ana")
    by_name, by_email = await pro(taskflow, "ana"), await pro(taskflow, "ana@example.com")
    for client in (by_name, by_email):
        card = ok(await client.get("/api/auth/me")).data["user"]
        assert (card["id"], card["username"], card["role"]) == (ana.id, "Ana", "user")
    registered = (await history(taskflow, f"user-{ana.id}"))[0]
    assert registered[0] == "user.registered"
    assert registered[2] == "taskforge"


async def test_who_is_made_in_taskflow_logs_in_to_taskforge(taskflow: Taskflow) -> None:
    for role, shown in (("user", "user"), ("manager", "user"), ("admin", "admin")):
        number = await taskflow.user(role + "1", role, password=FORGE_PASSWORD)
        client = await forge(taskflow, f"{role}1@EXAMPLE.com")
        assert (client.id, client.user["role"]["name"]) == (number, shown)
        assert ok(await client.get("/api/auth/me")).data["username"] == role + "1"


@pytest.mark.parametrize("taken", [{"username": "ANA"}, {"email": "ANA@example.com"}])
async def test_names_are_unique_over_both(taskflow: Taskflow, taken: dict[str, str]) -> None:
    await taskflow.forge_user("ana")
    new = {"username": "other", "email": "other@example.com", "password": FORGE_PASSWORD} | taken
    answer = await taskflow.admin.post("/api/users", new)
    assert (answer.status, list(answer.errors)) == (422, list(taken))
    await taskflow.user("max")
    answer = await (await taskflow.forge()).post(
        "/api/auth/register", new | {name: value.replace("ANA", "MAX") for name, value in taken.items()}
    )
    assert answer.status == 409


async def test_a_rename_is_seen_at_once_on_the_other_side(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    ana_pro = await pro(taskflow, "ana")
    ok(await ana.put(f"/api/users/{ana.id}", {"username": "anna", "first_name": "Anna", "last_name": "Lind"}))
    card = ok(await ana_pro.get("/api/auth/me")).data["user"]
    assert card["username"] == "anna"
    card = ok(await taskflow.admin.get(f"/api/users/{ana.id}")).data["user"]
    assert (card["username"], card["first_name"], card["last_name"]) == ("anna", "Anna", "Lind")
    ok(
        await taskflow.admin.put(
            f"/api/users/{ana.id}", {"username": "annika", "email": "annika@example.com"}
        )
    )
    card = ok(await ana.get("/api/auth/me")).data
    assert (card["username"], card["email"], card["full_name"]) == (
        "annika",
        "annika@example.com",
        "Anna Lind",
    )
    assert (await forge(taskflow, "annika@example.com")).id == ana.id
    assert (await taskflow.forge_user("ana")).id != ana.id, "the old name is free"


async def test_a_role_counts_at_once_on_the_other_side(taskflow: Taskflow) -> None:
    ana, admin = await taskflow.forge_user("ana"), await taskflow.forge_admin()
    ana_pro = await pro(taskflow, "ana")
    assert (await ana.get("/api/users")).status == 403
    ok(await taskflow.admin.put(f"/api/users/{ana.id}", {"role": "admin"}))
    ok(await ana.get("/api/users"))
    ok(await admin.put(f"/api/users/{ana.id}", {"role": "user"}))
    assert (await ana.get("/api/users")).status == 403
    assert (await ana_pro.get("/api/reports/budget-analysis")).status == 403
    ok(await taskflow.admin.put(f"/api/users/{ana.id}", {"role": "manager"}))
    ok(await ana_pro.get("/api/reports/budget-analysis"))
    # A manager is a user there, and stays a manager when told to be one.
    assert ok(await admin.put(f"/api/users/{ana.id}", {"role": "user"})).data["role"]["name"] == "user"
    ok(await ana_pro.get("/api/reports/budget-analysis"))


async def test_what_happens_to_a_tag_shows_on_tasks_of_both(taskflow: Taskflow) -> None:
    ana, admin = await taskflow.forge_user("ana"), await taskflow.forge_admin()
    tag = await ana.made("/api/tags", {"name": "home"})
    task_id = (await ana.made("/api/tasks", {"title": "T", "tags": [tag["id"]]}))["id"]
    ana_pro = await pro(taskflow, "ana")
    ok(await admin.put(f"/api/tags/{tag['id']}", {"name": "house", "color": "#123456"}))
    (in_pro,) = (await task_of(ana_pro, task_id))["tags"]
    assert in_pro == {"id": tag["id"], "name": "house", "color": "#123456"}
    (in_forge,) = (await task_of(ana, task_id))["tags"]
    assert (in_forge["name"], in_forge["task_count"]) == ("house", 1)
    ok(await ana_pro.delete(f"/api/tasks/{task_id}"))
    assert ok(await ana.get(f"/api/tags/{tag['id']}")).data["task_count"] == 0

    task_id = (await ana.made("/api/tasks", {"title": "T", "tags": [tag["id"]]}))["id"]
    ok(await admin.delete(f"/api/tags/{tag['id']}"))
    assert (await task_of(ana_pro, task_id))["tags"] == (await task_of(ana, task_id))["tags"] == []


async def test_who_is_deleted_in_taskforge_is_gone_in_taskflow(taskflow: Taskflow) -> None:
    ana, admin = await taskflow.forge_user("ana"), await taskflow.forge_admin()
    ana_pro = await pro(taskflow, "ana")
    personal = (await ana.made("/api/tasks", {"title": "personal"}))["id"]
    project = await taskflow.admin.made("/api/projects", {"name": "P"})
    shared = await taskflow.admin.made(
        f"/api/projects/{project['id']}/tasks", {"title": "shared", "assigned_to": [ana.id]}
    )
    ok(await admin.delete(f"/api/users/{ana.id}"))
    assert (await ana_pro.get("/api/auth/me")).status == 401
    assert (await ana.get("/api/auth/me")).body == GONE
    assert (await taskflow.admin.get(f"/api/users/{ana.id}")).status == 404
    assert (await taskflow.admin.get(f"/api/tasks/{personal}")).status == 404
    assert (await task_of(taskflow.admin, shared["id"]))["assignees"] == []
    assert await titles(admin) == await titles(taskflow.admin) == {"shared"}
    assert (await history(taskflow, f"user-{ana.id}"))[-1] == ("user.deleted", 1, "taskforge")
    assert await taskflow.user("ana") != ana.id, "the name is free"


NEW_PASSWORD: Final = "Another-456"


async def test_a_password_changed_in_taskforge_ends_the_sessions_of_taskflow(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    ana_pro, again = await pro(taskflow, "ana"), await forge(taskflow, "ana@example.com")
    change = {"old_password": FORGE_PASSWORD, "new_password": NEW_PASSWORD}
    ok(await ana.post("/api/auth/change-password", change))
    await ends(ana_pro)
    for client in (ana, again):
        assert (await refreshing(client)).body["message"] == "Refresh token expired or revoked"
        ok(await client.get("/api/auth/me"))
    ok(await (await pro(taskflow, "ana", NEW_PASSWORD)).get("/api/auth/me"))


async def test_a_password_changed_in_taskflow_ends_the_refresh_tokens_of_taskforge(
    taskflow: Taskflow,
) -> None:
    ana = await taskflow.forge_user("ana")
    ok(await refreshing(ana))
    ana_pro = await pro(taskflow, "ana")
    ok(await ana_pro.put(f"/api/users/{ana.id}", {"password": NEW_PASSWORD}))
    answer = await refreshing(ana)
    assert (answer.status, answer.body["message"]) == (401, "Refresh token expired or revoked")
    login = {"email": "ana@example.com", "password": FORGE_PASSWORD}
    assert (await (await taskflow.forge()).post("/api/auth/login", login)).status == 401
    ok(await (await forge(taskflow, "ana@example.com", NEW_PASSWORD)).get("/api/auth/me"))


async def test_the_rules_of_projects_hold_in_both(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    project = await taskflow.admin.made("/api/projects", {"name": "P"})
    path = f"/api/projects/{project['id']}"
    task = await taskflow.admin.made(f"{path}/tasks", {"title": "T", "assigned_to": [ana.id]})
    refused = await ana.put(f"/api/tasks/{task['id']}", {"title": "Mine"})
    assert refused.body["message"] == "You do not have permission to update this task"
    assert (
        await (await pro(taskflow, "ana")).put(f"/api/tasks/{task['id']}", {"title": "Mine"})
    ).status == 403
    ok(await ana.post(f"/api/tasks/{task['id']}/complete"))
    ok(await taskflow.admin.put(path, {"status": "completed"}))
    for closed in (
        await ana.put(f"/api/tasks/{task['id']}", {"status": "pending"}),
        await (await taskflow.forge_admin()).put(f"/api/tasks/{task['id']}", {"title": "x"}),
    ):
        assert (closed.status, closed.body["message"]) == (409, "Project is closed")
    assert (await taskflow.admin.put(f"/api/tasks/{task['id']}", {"title": "x"})).status == 409


async def test_taskforge_is_the_same_below_taskflow_and_at_its_own_port(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    mounted = await taskflow.forge("/taskforge")
    mounted.token = ana.token
    task = await mounted.made("/api/tasks", {"title": "T"})
    assert await task_of(ana, task["id"]) == await task_of(mounted, task["id"])
    assert await history(taskflow, f"task-{task['id']}") == [("task.created", ana.id, "taskforge")]
    # A token opens nothing of the other API, nor does a session here.
    bearer = {"Authorization": f"Bearer {ana.token}"}
    assert (await (await taskflow.anybody()).get("/api/tasks", headers=bearer)).status == 401
    answer = await (await pro(taskflow, "ana")).get("/taskforge/api/tasks")
    assert (answer.status, answer.body) == (401, {"msg": "Missing Authorization Header"})


async def test_an_assignee_sends_a_whole_task_back_with_another_status(taskflow: Taskflow) -> None:
    uma = await taskflow.forge_user("uma")
    admin, uma_pro = taskflow.admin, await pro(taskflow, "uma")
    for name in ("stays", "goes"):
        await uma.made("/api/tags", {"name": name})
    await admin.made("/api/projects", {"name": "P"})
    new = {"title": "T", "description": "D", "due_date": "2030-01-15", "estimated_hours": 7.25}
    await admin.made("/api/projects/1/tasks", new | {"assigned_to": [uma.id, 1]})
    at_forge = await taskflow.forge_admin()
    ok(await at_forge.put("/api/tasks/1", {"tags": [1, 2]}))
    ok(await at_forge.delete("/api/tags/2"))

    task = await task_of(uma, 1)
    assert task["due_date"]
    whole = {**task, "tags": [tag["id"] for tag in task["tags"]], "status": "in_progress"}
    assert ok(await uma.put("/api/tasks/1", whole)).data["status"] == "in_progress"
    others: dict[str, object] = {"title": "X", "description": None, "due_date": None, "tags": []}
    for field, value in others.items():
        answer = await uma.put("/api/tasks/1", {**whole, "status": "pending", field: value})
        assert answer.status == 403, field

    shown = await task_of(uma_pro, 1)
    fields = ("title", "description", "priority", "due_date", "estimated_hours", "completion_notes")
    whole = {name: shown[name] for name in fields}
    whole |= {"assigned_to": [person["id"] for person in shown["assignees"]], "status": "completed"}
    assert ok(await uma_pro.put("/api/tasks/1", whole)).data["task"]["status"] == "completed"
    others = {"title": "X", "due_date": "2030-01-16", "assigned_to": [1, uma.id]}
    for field, value in others.items():
        answer = await uma_pro.put("/api/tasks/1", {**whole, "status": "pending", field: value})
        assert answer.status == 403, field
    topics = [topic for topic, _, dialect in await history(taskflow, "task-1") if dialect]
    assert topics == ["task.created", "task.tagged", "task.status_changed", "task.status_changed"]
