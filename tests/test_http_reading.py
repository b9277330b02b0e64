"""Reading what was written: positions, a read model that is behind, and one that is away."""

from __future__ import annotations

import asyncio
import time

from api.embedded_valkey import Valkey
from tests.http import Client, Reply, Taskflow, caught_up
from tests.test_http_envelope import check_error


def is_behind(answer: Reply) -> bool:
    return answer.headers.get("X-Read-Model") == "behind"


async def patient(server: Taskflow, timeout_s: float) -> None:
    """Let waits for the read model take this long."""
    object.__setattr__(server.core.settings, "caught_up_timeout_s", timeout_s)


async def test_every_write_tells_its_position_and_reads_can_ask_for_it(taskflow: Taskflow) -> None:
    admin, last = taskflow.admin, 0
    for method, path, body, grows in (
        ("POST", "/api/projects", {"name": "P"}, True),
        ("PUT", "/api/projects/1", {"name": "Q"}, True),
        ("PUT", "/api/projects/1", {"name": "Q"}, False),
        ("POST", "/api/projects/1/tasks", {"title": "T"}, True),
        ("POST", "/api/tasks/1/assign", {"user_ids": [1]}, True),
        ("DELETE", "/api/tasks/1", None, True),
    ):
        answer = await admin.send(method, path, body)
        position = int(answer.headers["X-Event-Position"])
        assert (position > last) if grows else (position == last), (method, path)
        assert not is_behind(answer)
        last = position
        headers = {"X-Min-Position": str(position)}
        assert (await admin.get("/api/projects/1", headers=headers)).status == 200
    for wrong in ("-1", "x", "1.0", "", "9" * 19):
        answer = await admin.get("/api/projects", headers={"X-Min-Position": wrong})
        check_error(answer, 400, "BAD_REQUEST")


async def test_a_position_that_is_not_reached_in_two_seconds_is_503(taskflow: Taskflow) -> None:
    started = time.perf_counter()
    answer = await taskflow.admin.get("/api/projects", headers={"X-Min-Position": "999999"})
    check_error(answer, 503, "UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) > 0
    assert 1.9 < time.perf_counter() - started < 3


async def test_a_read_that_waits_is_answered_as_soon_as_the_model_is_there(taskflow: Taskflow) -> None:
    head = await taskflow.core.store.head()
    headers = {"X-Min-Position": str(head + 1)}
    waiting = asyncio.create_task(taskflow.admin.get("/api/projects", headers=headers))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await taskflow.admin.made("/api/departments", {"name": "Sales"})
    assert (await waiting).status == 200


async def test_while_the_projector_is_behind_writers_see_their_writes_or_503(taskflow: Taskflow) -> None:
    await taskflow.user("max", "manager")
    max_, twin = await taskflow.signed_in("max"), await taskflow.twin()
    await twin.admin.sign_in()
    await taskflow.admin.made("/api/projects", {"name": "Before"})
    await taskflow.admin.made("/api/projects/1/tasks", {"title": "T", "estimated_hours": 1})
    await taskflow.stop_projector()
    for server in (taskflow, twin):
        await patient(server, 0.3)
    answer = await taskflow.admin.put("/api/projects/1", {"name": "After"})
    assert (answer.status, is_behind(answer)) == (200, True)
    project = answer.data["project"]
    # What other streams add up to is as it was last known.
    assert (project["name"], project["tasks_count"], project["progress"]) == ("After", 1, 0)
    assert [task["title"] for task in project["tasks"]] == ["T"]
    for client in (taskflow.admin, twin.admin):
        check_error(await client.get("/api/projects/1"), 503, "UNAVAILABLE")
    # Whoever wrote nothing is not held up.
    assert (await max_.get("/api/projects/1")).data["project"]["name"] == "Before"
    answer = await taskflow.admin.delete("/api/tasks/1")
    assert (answer.status, is_behind(answer)) == (200, True)
    taskflow.start_projector()
    await patient(taskflow, 5)
    await patient(twin, 5)
    for client in (taskflow.admin, twin.admin, max_):
        project = (await client.get("/api/projects/1")).data["project"]
        assert (project["name"], project["tasks"]) == ("After", [])


async def made_before(admin: Client, server: Taskflow) -> None:
    await server.user("ana", department_id=1)
    await admin.made("/api/projects", {"name": "P"})
    await admin.made("/api/projects/1/tasks", {"title": "T", "assigned_to": [2]})
    await admin.made("/api/projects/1/risks", {"title": "R"})
    await admin.made("/api/projects/1/expenses", {"amount": 7.5})


async def test_without_redis_everything_can_be_written_and_nothing_false_is_read(
    mortal: Taskflow, valkey: Valkey
) -> None:
    admin = mortal.admin
    await made_before(admin, mortal)
    await asyncio.to_thread(valkey.stop)
    for path in (
        "/api/projects",
        "/api/projects/1",
        "/api/tasks/77",
        "/api/projects/1/risks",
        "/api/risks/77",
        "/api/projects/1/expenses",
        "/api/projects/1/expenses/1",
        "/api/users",
        "/api/departments/1",
    ):
        check_error(await admin.get(path), 503, "UNAVAILABLE")
    assert (await (await mortal.anybody()).sign_in()).data["user"]["department"] == "Management"
    assert (await admin.get("/livez")).status == 200

    answers = {
        "made": await admin.post("/api/projects", {"name": "Q", "budget": 5}),
        "changed": await admin.put("/api/projects/1", {"name": "PP"}),
        "task": await admin.put("/api/tasks/1", {"status": "completed", "actual_hours": 1}),
        "risk": await admin.post("/api/projects/1/risks", {"title": "S"}),
        "mitigated": await admin.put("/api/risks/1", {"status": "mitigated"}),
        "expense": await admin.post("/api/projects/1/expenses", {"amount": 2.25}),
        "reversed": await admin.delete("/api/projects/1/expenses/1"),
        "user": await admin.put("/api/users/2", {"first_name": "Ana"}),
        "department": await admin.put("/api/departments/1", {"description": "D"}),
    }
    assert {name: answer.status for name, answer in answers.items()} == {
        "made": 201,
        "changed": 200,
        "task": 200,
        "risk": 201,
        "mitigated": 200,
        "expense": 201,
        "reversed": 200,
        "user": 200,
        "department": 200,
    }
    assert all(is_behind(answer) for answer in answers.values())
    made = answers["made"].data["project"]
    assert (made["progress"], made["tasks_count"], made["spent_budget"]) == (0, 0, 0.0)
    assert (made["tasks"], made["risks"]) == ([], [])
    assert made["owner"]["department"] == "Management"
    changed = answers["changed"].data["project"]
    # Nobody can tell these now, and a guess would be a lie.
    for unknown in ("progress", "tasks_count", "completed_tasks", "spent_budget", "tasks", "risks"):
        assert changed[unknown] is None
    task = answers["task"].data["task"]
    assert (task["status"], task["assigned_to"]["username"]) == ("completed", "ana")
    assert answers["risk"].data["risk"]["title"] == "S"
    mitigated = answers["mitigated"].data["risk"]
    assert (mitigated["title"], mitigated["status"]) == ("R", "mitigated")
    assert answers["expense"].data["expense"]["amount"] == 2.25
    assert answers["user"].data["user"]["department"] == {"id": 1, "name": "Management"}
    assert answers["department"].data["department"]["members_count"] is None

    await asyncio.to_thread(valkey.start)
    await caught_up(mortal.core)
    await patient(mortal, 5)
    project = (await admin.get("/api/projects/1")).data["project"]
    assert (project["name"], project["progress"], project["tasks_count"]) == ("PP", 100, 1)
    assert [risk["title"] for risk in project["risks"]] == ["S", "R"]
    assert project["spent_budget"] == 2.25
    assert (await admin.get("/api/departments/1")).data["department"]["members_count"] == 2
