"""Tasks over TaskForge: forms, rules and their words, whose task is whose, and what the log then holds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from events.event import Record
from tests.http import Client, ForgeClient, Reply, Taskflow

NO_VIEW: Final = "You do not have permission to view this task"
NO_UPDATE: Final = "You do not have permission to update this task"
NO_DELETE: Final = "You do not have permission to delete this task"
NO_DATE: Final = "Invalid date format. Use ISO format (e.g., 2024-01-15T10:30:00)"
NO_STATUS: Final = "Status must be one of: pending, in_progress, completed, cancelled"
NO_PRIORITY: Final = "Priority must be one of: low, medium, high, urgent"
NO_TAGS: Final = "Tags must be a list of integers"

FAULTS: Final[tuple[tuple[Mapping[str, Any], str], ...]] = (
    ({"title": 5}, "Title must be a string"),
    ({"title": ["x"]}, "Title must be a string"),
    ({"title": {"a": 1}}, "Title must be a string"),
    ({"title": True}, "Title must be a string"),
    ({"title": "a\0b"}, "Title contains an invalid character"),
    ({"title": "   "}, "Title must be at least 1 characters"),
    ({"title": "x" * 201}, "Title must not exceed 200 characters"),
    ({"description": 0}, "Description must be a string"),
    ({"description": False}, "Description must be a string"),
    ({"description": ["x"]}, "Description must be a string"),
    ({"description": "a\0b"}, "Description contains an invalid character"),
    ({"description": "x" * 5001}, "Description must not exceed 5000 characters"),
    ({"status": None}, "Status is required"),
    ({"status": ""}, "Status is required"),
    ({"status": "done"}, NO_STATUS),
    ({"status": "Pending"}, NO_STATUS),
    ({"status": " pending"}, NO_STATUS),
    ({"status": "pending\0"}, NO_STATUS),
    ({"status": 1}, NO_STATUS),
    ({"status": ["pending"]}, NO_STATUS),
    ({"status": {"pending": 1}}, NO_STATUS),
    ({"priority": None}, "Priority is required"),
    ({"priority": ""}, "Priority is required"),
    ({"priority": "asap"}, NO_PRIORITY),
    ({"priority": 1.5}, NO_PRIORITY),
    ({"due_date": "soon"}, NO_DATE),
    ({"due_date": "31/12/2024"}, NO_DATE),
    ({"due_date": " "}, NO_DATE),
    ({"due_date": 0}, NO_DATE),
    ({"due_date": 20241231}, NO_DATE),
    ({"due_date": True}, NO_DATE),
    ({"due_date": ["2024-12-31"]}, NO_DATE),
    ({"due_date": "2024-12-31\0"}, NO_DATE),
    ({"due_date": "0001-01-01T00:00:00+01:00"}, NO_DATE),
    ({"due_date": "9999-12-31T23:00:00-02:00"}, NO_DATE),
    ({"tags": 1}, NO_TAGS),
    ({"tags": "1"}, NO_TAGS),
    ({"tags": ""}, NO_TAGS),
    ({"tags": {}}, NO_TAGS),
    ({"tags": ["1"]}, NO_TAGS),
    ({"tags": [True]}, NO_TAGS),
    ({"tags": [1.0]}, NO_TAGS),
    ({"tags": [1e30]}, NO_TAGS),
    ({"tags": [None]}, NO_TAGS),
    ({"tags": [[1]]}, NO_TAGS),
    ({"tags": [1, 2, "x"]}, NO_TAGS),
    ({"tags": list(range(1, 1002))}, "At most 1000 tags can be named at once"),
)

IN_ORDER: Final = {
    "title": ("x" * 201, "Title must not exceed 200 characters"),
    "description": (1, "Description must be a string"),
    "status": ("done", NO_STATUS),
    "priority": ("asap", NO_PRIORITY),
    "due_date": ("soon", NO_DATE),
    "tags": ("none", NO_TAGS),
}


def check_failure(answer: Reply, status: int, message: str) -> None:
    assert (answer.status, answer.body) == (status, {"success": False, "message": message}), answer.raw


def check_done(answer: Reply, message: str) -> None:
    assert (answer.status, answer.body) == (200, {"success": True, "message": message}), answer.raw


async def history(taskflow: Taskflow, task_id: int) -> list[tuple[str, int | None, str | None]]:
    """What happened to a task, with who did it and through which API."""
    records = await taskflow.core.store.read(0, 10_000)
    return [
        (record.event.TOPIC, record.actor_id, record.dialect)
        for record in records
        if isinstance(record, Record) and record.event.stream == f"task-{task_id}"
    ]


async def head(taskflow: Taskflow) -> int:
    return await taskflow.core.store.head()


async def test_a_task_from_its_first_day_to_its_last(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    tag = await ana.made("/api/tags", {"name": "Work"})
    created = await ana.post(
        "/api/tasks",
        {
            "title": "  Write the report ",
            "description": " All of it ",
            "priority": "high",
            "due_date": "2030-12-31T23:59:59+01:00",
            "tags": [tag["id"]],
            "user_id": 1,
            "id": 77,
        },
    )
    assert (created.status, created.body["success"], created.body["message"]) == (
        201,
        True,
        "Task created successfully",
    )
    task = created.data
    assert task == {
        "id": 1,
        "title": "Write the report",
        "description": "All of it",
        "status": "pending",
        "priority": "high",
        "due_date": "2030-12-31T22:59:59",
        "completed_at": None,
        "is_overdue": False,
        "is_completed": False,
        "created_at": task["created_at"],
        "updated_at": task["created_at"],
        "user_id": ana.id,
        "tags": [tag | {"task_count": 1}],
    }
    shown = await ana.get("/api/tasks/1")
    assert (shown.status, shown.body) == (200, {"success": True, "data": task})

    updated = await ana.put("/api/tasks/1", {"status": "in_progress", "tags": None, "due_date": None})
    assert (updated.status, updated.body["message"]) == (200, "Task updated successfully")
    assert updated.data == task | {
        "status": "in_progress",
        "tags": [],
        "due_date": None,
        "updated_at": updated.data["updated_at"],
    }
    assert updated.data["updated_at"] > task["updated_at"]

    completed = await ana.post("/api/tasks/1/complete")
    assert (completed.status, completed.body["message"]) == (200, "Task marked as completed")
    assert completed.data["completed_at"] == completed.data["updated_at"]
    assert (completed.data["status"], completed.data["is_completed"]) == ("completed", True)
    at = await head(taskflow)
    again = await ana.post("/api/tasks/1/complete")
    assert (again.status, again.body) == (200, completed.body)
    repeated = await ana.send("PATCH", "/api/tasks/1", {"status": "completed"})
    assert (repeated.status, repeated.data) == (200, completed.data)
    assert await head(taskflow) == at
    reopened = await ana.send("PATCH", "/api/tasks/1", {"status": "pending"})
    assert (reopened.data["completed_at"], reopened.data["is_completed"]) == (None, False)

    check_done(await ana.delete("/api/tasks/1"), "Task deleted successfully")
    for method, path, body in (
        ("GET", "/api/tasks/1", None),
        ("PUT", "/api/tasks/1", {"title": "x"}),
        ("POST", "/api/tasks/1/complete", None),
        ("DELETE", "/api/tasks/1", None),
    ):
        check_failure(await ana.send(method, path, body), 404, "Task not found")


async def test_a_task_needs_a_title_and_nothing_else(taskflow: Taskflow) -> None:
    admin = await taskflow.forge_admin()
    for body in ({"description": "x"}, {"title": None}, {"title": ""}, {"status": "done"}):
        check_failure(await admin.post("/api/tasks", body), 400, "Missing required fields: title")
    for raw in (None, b"", b"{}", b"[]", b"null", b"[1]", b'"x"', b"{", b"\xff", b"[" * 5000):
        headers = {"Content-Type": "application/json"} if raw is not None else {}
        check_failure(
            await admin.send("POST", "/api/tasks", data=raw, headers=headers), 400, "No data provided"
        )
        check_failure(
            await admin.send("PUT", "/api/tasks/99", data=raw, headers=headers), 400, "No data provided"
        )
    check_failure(
        await admin.send("POST", "/api/tasks", data=b"title=x", headers={"Content-Type": "text/plain"}),
        400,
        "No data provided",
    )
    task = await admin.made("/api/tasks", {"title": "T"})
    assert {name: task[name] for name in ("description", "status", "priority", "due_date", "tags")} == {
        "description": None,
        "status": "pending",
        "priority": "medium",
        "due_date": None,
        "tags": [],
    }
    null = {"description": None, "due_date": None, "tags": None}
    assert (await admin.made("/api/tasks", {"title": "T", **null}))["description"] is None
    longest = {"title": "é" * 200, "description": "\N{GRINNING FACE}" * 5000}
    made = await admin.made("/api/tasks", longest)
    assert (made["title"], made["description"]) == (longest["title"], longest["description"])


async def test_every_rule_has_its_words_in_both_ways_to_write(taskflow: Taskflow) -> None:
    admin = await taskflow.forge_admin()
    before = await admin.made("/api/tasks", {"title": "T", "description": "D"})
    at = await head(taskflow)
    for wrong, message in FAULTS:
        check_failure(await admin.post("/api/tasks", {"title": "T", **wrong}), 400, message)
        check_failure(await admin.put("/api/tasks/1", {"description": "x", **wrong}), 400, message)
        check_failure(await admin.send("PATCH", "/api/tasks/1", wrong), 400, message)
    for empty, message in ((None, "Title must be a string"), ("", "Title must be at least 1 characters")):
        check_failure(await admin.put("/api/tasks/1", {"title": empty}), 400, message)
    # What was refused left nothing behind, not even its right half.
    assert await head(taskflow) == at
    assert (await admin.get("/api/tasks/1")).data == before


async def test_of_several_faults_the_first_in_order_is_told(taskflow: Taskflow) -> None:
    admin = await taskflow.forge_admin()
    await admin.made("/api/tasks", {"title": "T"})
    names = list(IN_ORDER)
    for first, name in enumerate(names):
        wrong = {other: IN_ORDER[other][0] for other in reversed(names[first:])}
        check_failure(await admin.post("/api/tasks", {"title": "T", **wrong}), 400, IN_ORDER[name][1])
        check_failure(await admin.put("/api/tasks/1", wrong), 400, IN_ORDER[name][1])


async def test_a_change_leaves_alone_what_it_does_not_name(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    await ana.made("/api/tags", {"name": "Work"})
    whole = {"title": "T", "description": "D", "due_date": "2030-01-01", "tags": [1], "priority": "low"}
    task = await ana.made("/api/tasks", whole)
    at = await head(taskflow)
    for nothing in ({"user_id": 1}, {"id": 9, "created_at": "x"}, whole, {"title": " T "}):
        answer = await ana.put("/api/tasks/1", nothing)
        assert (answer.status, answer.body["message"]) == (200, "Task updated successfully")
        assert answer.data == task
    assert await head(taskflow) == at
    for field, value in (("description", ""), ("due_date", ""), ("tags", []), ("description", "  ")):
        await ana.put("/api/tasks/1", whole)
        answer = await ana.send("PATCH", "/api/tasks/1", {field: value})
        assert answer.data[field] == (None if field != "tags" else [])
        kept = {name for name in whole if name != field}
        assert {name: answer.data[name] for name in kept} == {
            name: (await ana.get("/api/tasks/1")).data[name] for name in kept
        }
        assert answer.data["title"] == "T"


async def test_tags_replace_each_other_and_unknown_ones_fall_away(taskflow: Taskflow) -> None:
    admin = await taskflow.forge_admin()
    for name in ("Work", "home", "Later"):
        await admin.made("/api/tags", {"name": name})
    numbers = f"[3, 1, 3, 99, -1, 0, {2**63}, {10**30}, {-(10**30)}, 1]"
    raw = f'{{"title": "T", "tags": {numbers}}}'.encode()
    created = await admin.post("/api/tasks", data=raw, headers={"Content-Type": "application/json"})
    task = created.data
    assert [(tag["id"], tag["name"], tag["task_count"]) for tag in task["tags"]] == [
        (1, "Work", 1),
        (3, "Later", 1),
    ]
    changed = (await admin.put("/api/tasks/1", {"tags": [2, 2]})).data
    assert [tag["name"] for tag in changed["tags"]] == ["home"]
    assert changed["tags"][0] == (await admin.get("/api/tags/2")).data
    many = await admin.put("/api/tasks/1", {"tags": [1] * 500 + list(range(1, 101))})
    assert [tag["id"] for tag in many.data["tags"]] == [1, 2, 3]
    await admin.delete("/api/tags/2")
    assert [tag["id"] for tag in (await admin.get("/api/tasks/1")).data["tags"]] == [1, 3]
    assert [tag["id"] for tag in (await admin.get("/api/tasks")).data["tasks"][0]["tags"]] == [1, 3]


async def test_a_task_made_as_completed_was_completed_then(taskflow: Taskflow) -> None:
    admin = await taskflow.forge_admin()
    late = {"title": "T", "due_date": "2020-01-01T10:00:00.5"}
    task = await admin.made("/api/tasks", late | {"status": "completed"})
    assert task["completed_at"] == task["created_at"]
    assert (task["is_completed"], task["is_overdue"], task["due_date"]) == (
        True,
        False,
        "2020-01-01T10:00:00.500000",
    )
    for status, is_overdue in (("pending", True), ("in_progress", True), ("cancelled", False)):
        changed = (await admin.put("/api/tasks/1", {"status": status})).data
        assert (changed["completed_at"], changed["is_overdue"]) == (None, is_overdue)
    future = (await admin.put("/api/tasks/1", {"status": "pending", "due_date": "2999-01-01"})).data
    assert (future["is_overdue"], future["due_date"]) == (False, "2999-01-01T00:00:00")


async def test_who_is_nobody_gets_nowhere(taskflow: Taskflow) -> None:
    await (await taskflow.forge_admin()).made("/api/tasks", {"title": "T"})
    anonymous = await taskflow.forge()
    for method, path in (
        ("GET", "/api/tasks"),
        ("POST", "/api/tasks"),
        ("GET", "/api/tasks/statistics"),
        ("GET", "/api/tasks/1"),
        ("PUT", "/api/tasks/1"),
        ("PATCH", "/api/tasks/1"),
        ("DELETE", "/api/tasks/1"),
        ("POST", "/api/tasks/1/complete"),
    ):
        answer = await anonymous.send(method, path, {"title": "x"} if method in ("POST", "PUT") else None)
        assert (answer.status, answer.body) == (401, {"msg": "Missing Authorization Header"})


async def test_a_personal_task_is_its_creators_and_the_admins(taskflow: Taskflow) -> None:
    """Managers of TaskFlow Pro, who see everything there, are told no here like anybody else."""
    ana, bob = await taskflow.forge_user("ana"), await taskflow.forge_user("bob")
    await taskflow.user("mia", "manager")
    mia = await (await taskflow.forge()).log_in("mia@example.com", "password of theirs")
    admin = await taskflow.forge_admin()
    path = f"/api/tasks/{(await ana.made('/api/tasks', {'title': 'Of Ana'}))['id']}"
    for stranger in (bob, mia):
        check_failure(await stranger.get(path), 403, NO_VIEW)
        check_failure(await stranger.put(path, {"title": "x"}), 403, NO_UPDATE)
        check_failure(await stranger.put(path, {"title": 5}), 403, NO_UPDATE)
        check_failure(await stranger.put(path, {"nothing": 5}), 403, NO_UPDATE)
        check_failure(await stranger.put(path, {}), 400, "No data provided")
        check_failure(await stranger.post(f"{path}/complete"), 403, NO_UPDATE)
        check_failure(await stranger.delete(path), 403, NO_DELETE)
        assert (await stranger.get("/api/tasks")).data["tasks"] == []
    for free in (ana, admin):
        assert (await free.get(path)).status == 200
        assert (await free.put(path, {"title": "Renamed"})).status == 200
        assert (await free.post(f"{path}/complete")).status == 200
    check_done(await admin.delete(path), "Task deleted successfully")


async def test_a_project_task_follows_the_table_of_roles(taskflow: Taskflow) -> None:
    """Mia owns the project, Max manages others, Uma is assigned, Ugo has another task there, Eve none."""
    for name, role in (
        ("mia", "manager"),
        ("max", "manager"),
        ("uma", "user"),
        ("ugo", "user"),
        ("eve", "user"),
    ):
        await taskflow.user(name, role)
    forge = {
        name: await (await taskflow.forge()).log_in(f"{name}@example.com", "password of theirs")
        for name in ("mia", "max", "uma", "ugo", "eve")
    }
    owner = await taskflow.signed_in("mia")
    await owner.made("/api/projects", {"name": "Of Mia"})
    uma, ugo = forge["uma"], forge["ugo"]
    await owner.made("/api/projects/1/tasks", {"title": "For Uma", "assigned_to": [uma.id]})
    await owner.made("/api/projects/1/tasks", {"title": "For Ugo", "assigned_to": [ugo.id]})
    path = "/api/tasks/1"

    for name in ("mia", "max", "uma", "ugo"):
        assert (await forge[name].get(path)).status == 200, name
    check_failure(await forge["eve"].get(path), 403, NO_VIEW)
    for name in ("max", "ugo", "eve"):
        check_failure(await forge[name].put(path, {"status": "completed"}), 403, NO_UPDATE)
        check_failure(await forge[name].post(f"{path}/complete"), 403, NO_UPDATE)
        check_failure(await forge[name].delete(path), 403, NO_DELETE)

    # The one to whom it is assigned says how it goes, and nothing else; wrong values change no right.
    assert (await uma.put(path, {"status": "in_progress"})).data["status"] == "in_progress"
    assert (await uma.post(f"{path}/complete")).data["is_completed"] is True
    check_failure(await uma.put(path, {"status": "done"}), 400, NO_STATUS)
    others = {"title": "x", "tags": [None], "due_date": "soon", "priority": "low", "description": 1}
    for field, value in others.items():
        check_failure(await uma.put(path, {"status": "done", field: value}), 403, NO_UPDATE)
    check_failure(await uma.put(path, {"status": "done", "tags": [], "title": "For Uma"}), 400, NO_STATUS)
    check_failure(await uma.delete(path), 403, NO_DELETE)

    # It is her own here, and she did not create it; Mia's it is because she did.
    assert (await uma.get(path)).data["user_id"] == forge["mia"].id
    assert [task["id"] for task in (await uma.get("/api/tasks")).data["tasks"]] == [1]
    assert [task["id"] for task in (await forge["mia"].get("/api/tasks")).data["tasks"]] == [2, 1]
    assert (await forge["max"].get("/api/tasks")).data["tasks"] == []
    assert (await forge["mia"].put(path, {"title": "Renamed"})).data["title"] == "Renamed"
    check_done(await (await taskflow.forge_admin()).delete(path), "Task deleted successfully")


async def test_who_is_assigned_to_a_personal_task_has_it_among_their_own(taskflow: Taskflow) -> None:
    ana, bob = await taskflow.forge_user("ana"), await taskflow.forge_user("bob")
    await ana.made("/api/tasks", {"title": "Together"})
    assert (await taskflow.admin.post("/api/tasks/1/assign", {"user_ids": [bob.id]})).status == 200
    assert (await bob.get("/api/tasks/1")).data["user_id"] == ana.id
    assert (await bob.get("/api/tasks")).data["pagination"]["total"] == 1
    assert (await bob.post("/api/tasks/1/complete")).status == 200
    check_failure(await bob.put("/api/tasks/1", {"title": "x"}), 403, NO_UPDATE)
    check_failure(await bob.delete("/api/tasks/1"), 403, NO_DELETE)


async def test_a_closed_project_keeps_its_tasks_as_they_are(taskflow: Taskflow) -> None:
    await taskflow.admin.made("/api/projects", {"name": "P"})
    await taskflow.admin.made("/api/projects/1/tasks", {"title": "T", "assigned_to": [1]})
    admin = await taskflow.forge_admin()
    for status in ("completed", "cancelled"):
        await taskflow.admin.put("/api/projects/1", {"status": status})
        for answer in (
            await admin.put("/api/tasks/1", {"title": "x"}),
            await admin.send("PATCH", "/api/tasks/1", {"status": "completed"}),
            await admin.post("/api/tasks/1/complete"),
            await admin.delete("/api/tasks/1"),
        ):
            check_failure(answer, 409, "Project is closed")
        check_failure(
            await admin.put("/api/tasks/1", {"title": ""}), 400, "Title must be at least 1 characters"
        )
        assert (await admin.get("/api/tasks/1")).data["status"] == "pending"
    await taskflow.admin.put("/api/projects/1", {"status": "active"})
    assert (await admin.post("/api/tasks/1/complete")).status == 200
    await taskflow.admin.delete("/api/projects/1")
    check_failure(await admin.get("/api/tasks/1"), 404, "Task not found")


async def test_ids_of_nothing_are_not_found(taskflow: Taskflow) -> None:
    admin = await taskflow.forge_admin()
    await admin.made("/api/tasks", {"title": "T"})
    for number in ("0", "2", "00", str(2**63), "9" * 30, "1" + "0" * 400):
        for answer in (
            await admin.get(f"/api/tasks/{number}"),
            await admin.put(f"/api/tasks/{number}", {"title": 5}),
            await admin.delete(f"/api/tasks/{number}"),
            await admin.post(f"/api/tasks/{number}/complete"),
        ):
            check_failure(answer, 404, "Task not found")
    assert (await admin.get("/api/tasks/001")).data["id"] == 1


async def test_what_is_no_id_is_no_address(taskflow: Taskflow) -> None:
    admin = await taskflow.forge_admin()
    for path in ("/api/tasks/x", "/api/tasks/-1", "/api/tasks/1.0", "/api/tasks/", "/api/tasks/%D9%A1"):
        answer = await admin.get(path)
        assert (answer.status, answer.body) == (
            404,
            {"success": False, "error": "Not Found", "message": "Resource not found"},
        ), path


async def test_the_log_tells_what_a_change_did_who_did_it_and_how(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    await ana.made("/api/tags", {"name": "Work"})
    await ana.made("/api/tasks", {"title": "T", "tags": [1]})
    await ana.put("/api/tasks/1", {"title": "U", "description": "D", "tags": [], "status": "completed"})
    await taskflow.admin.put("/api/tasks/1", {"status": "pending"})
    await ana.post("/api/tasks/1/complete")
    await ana.delete("/api/tasks/1")
    assert await history(taskflow, 1) == [
        ("task.created", ana.id, "taskforge"),
        ("task.tagged", ana.id, "taskforge"),
        ("task.details_changed", ana.id, "taskforge"),
        ("task.tagged", ana.id, "taskforge"),
        ("task.status_changed", ana.id, "taskforge"),
        ("task.status_changed", 1, "taskflow"),
        ("task.status_changed", ana.id, "taskforge"),
        ("task.deleted", ana.id, "taskforge"),
    ]


async def test_changes_at_the_same_time_all_count(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    await ana.made("/api/tasks", {"title": "T"})
    changes: list[Mapping[str, Any]] = [
        {"title": "Titled"},
        {"description": "Described"},
        {"priority": "urgent"},
        {"status": "in_progress"},
        {"due_date": "2030-01-01"},
    ]
    answers = await asyncio.gather(*(ana.put("/api/tasks/1", change) for change in changes))
    assert [answer.status for answer in answers] == [200] * len(changes)
    task = (await ana.get("/api/tasks/1")).data
    assert (task["title"], task["description"], task["priority"], task["status"], task["due_date"]) == (
        "Titled",
        "Described",
        "urgent",
        "in_progress",
        "2030-01-01T00:00:00",
    )
    # Of completions at the same time one counts, and all are told so.
    at = await head(taskflow)
    done = await asyncio.gather(*(ana.post("/api/tasks/1/complete") for _ in range(8)))
    assert {answer.status for answer in done} == {200}
    assert len({answer.data["completed_at"] for answer in done}) == 1
    assert await head(taskflow) == at + 1


async def test_a_key_makes_one_task_of_two_tries(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    key = {"Idempotency-Key": "a-key-of-mine-1"}
    first = await ana.post("/api/tasks", {"title": "Once"}, headers=key)
    second = await ana.post("/api/tasks", {"title": "Once"}, headers=key)
    assert (first.status, second.status, second.body) == (201, 201, first.body)
    assert (await ana.get("/api/tasks")).data["pagination"]["total"] == 1
    check_failure(
        await ana.post("/api/tasks", {"title": "Other"}, headers=key),
        409,
        "This Idempotency-Key was used with another body",
    )
    for refused in ({"title": ""}, {"title": "T", "status": "done"}):
        other = {"Idempotency-Key": f"a-key-of-mine-{len(refused) + 1}"}
        answers = [await ana.post("/api/tasks", refused, headers=other) for _ in range(2)]
        assert [answer.status for answer in answers] == [400, 400]
        assert answers[0].body == answers[1].body


async def test_what_is_written_is_shown_while_the_read_model_is_behind(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    await ana.made("/api/tags", {"name": "Work"})
    await taskflow.stop_projector()
    created = await ana.post("/api/tasks", {"title": "T", "tags": [1]})
    assert (created.status, created.headers["X-Read-Model"]) == (201, "behind")
    assert (created.data["title"], [tag["name"] for tag in created.data["tags"]]) == ("T", ["Work"])
    completed = await ana.post("/api/tasks/1/complete")
    assert (completed.status, completed.data["is_completed"]) == (200, True)
    taskflow.start_projector()
    assert (await ana.get("/api/tasks/1")).data["is_completed"] is True


async def same(one: Client, other: ForgeClient) -> bool:
    """Whether both APIs tell the same of task 1."""
    flow, forge = (await one.get("/api/tasks/1")).data["task"], (await other.get("/api/tasks/1")).data
    return bool(flow["title"] == forge["title"] and flow["status"] == forge["status"])


async def test_below_the_first_port_the_same_tasks_are_served(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    below = await taskflow.forge("/taskforge")
    below.token = ana.token
    await below.made("/api/tasks", {"title": "T"})
    assert (await ana.get("/api/tasks/1")).data == (await below.get("/api/tasks/1")).data
    await below.put("/api/tasks/1", {"status": "in_progress"})
    assert await same(taskflow.admin, ana)
