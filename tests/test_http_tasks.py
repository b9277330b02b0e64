"""Tasks over HTTP: their form, filters, rights and hours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from readmodels.documents import Document, Ref
from tests.http import Client, Taskflow
from tests.test_http_envelope import check_error, check_frame
from tests.test_http_projects import three_people

PAGE_EXAMPLE = {
    "title": "Create Database Schema",
    "description": "Design and implement database schema for the application",
    "priority": "high",
    "due_date": "2025-07-15",
    "estimated_hours": 8,
    "assigned_to": [2, 3],
}


async def test_the_pages_examples_create_change_and_assign(taskflow: Taskflow) -> None:
    for name in ("designer", "developer", "tester"):
        await taskflow.user(name)
    admin = taskflow.admin
    await admin.made("/api/projects", {"name": "P"})
    created = await admin.post("/api/projects/1/tasks", PAGE_EXAMPLE)
    check_frame(created)
    assert (created.status, created.body["message"]) == (201, "Task created successfully")
    task = created.data["task"]
    designer = {"id": 2, "username": "designer", "email": "designer@example.com"}
    developer = {"id": 3, "username": "developer", "email": "developer@example.com"}
    assert task == {
        "id": 1,
        "project_id": 1,
        "title": "Create Database Schema",
        "description": "Design and implement database schema for the application",
        "status": "pending",
        "priority": "high",
        "assigned_to": designer,
        "assignees": [designer, developer],
        "due_date": "2025-07-15T00:00:00Z",
        "estimated_hours": 8.0,
        "actual_hours": None,
        "completion_notes": "",
        "tags": [],
        "created_at": task["created_at"],
        "updated_at": task["created_at"],
        "completed_at": None,
    }
    assert (await admin.get("/api/tasks/1")).data["task"] == task
    change = {
        "status": "completed",
        "actual_hours": 6,
        "completion_notes": "Task completed successfully with optimizations",
    }
    changed = await admin.put("/api/tasks/1", change)
    assert changed.status == 200
    shown = changed.data["task"]
    assert shown["completed_at"] == shown["updated_at"]
    assert shown == task | change | {
        "actual_hours": 6.0,
        "completed_at": shown["completed_at"],
        "updated_at": shown["updated_at"],
    }
    assigned = await admin.post("/api/tasks/1/assign", {"user_ids": [2, 3, 4], "estimated_hours": 8})
    assert (assigned.status, assigned.body["message"]) == (200, "Task assigned successfully")
    assert [user["id"] for user in assigned.data["task"]["assignees"]] == [2, 3, 4]
    emptied = await admin.post("/api/tasks/1/assign", {"user_ids": []})
    assert (emptied.data["task"]["assigned_to"], emptied.data["task"]["assignees"]) == (None, [])
    reopened = await admin.put("/api/tasks/1", {"status": "in_progress"})
    assert reopened.data["task"]["completed_at"] is None
    deleted = await admin.delete("/api/tasks/1")
    assert (deleted.status, deleted.body["message"]) == (200, "Task deleted successfully")
    check_error(await admin.get("/api/tasks/1"), 404, "NOT_FOUND")


async def test_everything_that_is_wrong_is_said_at_once(taskflow: Taskflow) -> None:
    await taskflow.user("gone", active=False)
    await taskflow.admin.made("/api/projects", {"name": "P"})
    answer = await taskflow.admin.post(
        "/api/projects/1/tasks",
        {
            "title": "x" * 201,
            "description": "x" * 5001,
            "priority": "asap",
            "status": "done",
            "due_date": "soon",
            "estimated_hours": 0.125,
            "actual_hours": "6",
            "assigned_to": [2, 99],
            "completion_notes": 1,
            "id": 7,
        },
    )
    assert answer.status == 422
    date = "must be a date, as in 2025-07-01, or an ISO 8601 date-time"
    assigned = answer.errors.pop("assigned_to")
    assert answer.errors == {
        "title": ["Title must be at most 200 characters"],
        "description": ["Description must be at most 5000 characters"],
        "priority": ["Priority must be one of: low, medium, high, urgent"],
        "status": ["Status must be one of: pending, in_progress, completed, cancelled"],
        "due_date": [f"Due date {date}"],
        "estimated_hours": ["Estimated hours must have at most two decimals"],
        "actual_hours": ["Actual hours must be a number"],
        "completion_notes": ["Completion notes must be a text"],
        "id": ["Id is not a known field"],
    } | {"assigned_to": assigned}
    assert "User 99 does not exist" in assigned
    assert len(assigned) == 2


async def test_assignees_are_ids(taskflow: Taskflow) -> None:
    await taskflow.admin.made("/api/projects", {"name": "P"})
    await taskflow.admin.made("/api/projects/1/tasks", {"title": "T"})
    hostile: tuple[object, ...] = (
        5,
        "2",
        [True],
        ["2"],
        [2.0],
        [0],
        [-1],
        [2**63],
        [[1]],
        [1] * 1001,
        None,
        {},
    )
    for wrong in hostile:
        answer = await taskflow.admin.post("/api/projects/1/tasks", {"title": "T", "assigned_to": wrong})
        assert (answer.status, list(answer.errors)) == (422, ["assigned_to"])
        answer = await taskflow.admin.post("/api/tasks/1/assign", {"user_ids": wrong})
        assert (answer.status, list(answer.errors)) == (422, ["user_ids"])


async def test_who_may_do_what(taskflow: Taskflow) -> None:
    mia, max_, uma = await three_people(taskflow)
    await taskflow.user("ugo")
    ugo = await taskflow.signed_in("ugo")
    await mia.made("/api/projects", {"name": "Of Mia"})
    task = await mia.made("/api/projects/1/tasks", {"title": "For Uma", "assigned_to": [4]})
    path = f"/api/tasks/{task['id']}"
    assert (await max_.get(path)).status == (await uma.get(path)).status == 200
    for method in ("get", "delete"):
        check_error(await getattr(ugo, method)(path), 404, "NOT_FOUND")
    check_error(await ugo.put(path, {"status": "completed"}), 404, "NOT_FOUND")
    check_error(await ugo.post(f"{path}/assign", {"user_ids": [5]}), 404, "NOT_FOUND")
    check_error(await ugo.post("/api/projects/1/tasks", {"title": "T"}), 404, "NOT_FOUND")
    check_error(await ugo.get("/api/projects/1/tasks"), 404, "NOT_FOUND")
    # The one to whom it is assigned reports on it, and that is all.
    done = {"status": "completed", "actual_hours": 1.5, "completion_notes": "done"}
    assert (await uma.put(path, done)).status == 200
    for answer in (
        await uma.put(path, done | {"title": "Other"}),
        await uma.post(f"{path}/assign", {"user_ids": []}),
        await uma.delete(path),
        await uma.post("/api/projects/1/tasks", {"title": "T"}),
    ):
        check_error(answer, 403, "PERMISSION_DENIED")
        assert answer.data["required_role"] == "manager"
    check_error(await max_.put(path, {"status": "pending"}), 403, "PERMISSION_DENIED")
    assert (await uma.put(path, {"status": "nonsense"})).status == 422
    # Who has a task in a project sees the others in it.
    other = await mia.made("/api/projects/1/tasks", {"title": "Not for Uma"})
    assert (await uma.get(f"/api/tasks/{other['id']}")).status == 200
    check_error(await uma.put(f"/api/tasks/{other['id']}", {"status": "completed"}), 403, "PERMISSION_DENIED")
    assert (await mia.put(path, {"title": "Renamed"})).status == 200
    assert (await taskflow.admin.delete(path)).status == 200


async def test_a_closed_project_takes_no_work_until_it_is_opened_again(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    await admin.made("/api/projects", {"name": "P"})
    await admin.made("/api/projects/1/tasks", {"title": "T"})
    for status in ("completed", "cancelled"):
        await admin.put("/api/projects/1", {"status": status})
        for answer in (
            await admin.post("/api/projects/1/tasks", {"title": "More"}),
            await admin.put("/api/tasks/1", {"status": "completed"}),
            await admin.post("/api/tasks/1/assign", {"user_ids": [1]}),
        ):
            check_error(answer, 409, "CONFLICT")
            assert "active" in answer.body["message"]
    await admin.put("/api/projects/1", {"status": "active"})
    assert (await admin.put("/api/tasks/1", {"status": "completed"})).status == 200


async def test_with_its_project_a_task_is_gone(taskflow: Taskflow) -> None:
    await taskflow.admin.made("/api/projects", {"name": "P"})
    await taskflow.admin.made("/api/projects/1/tasks", {"title": "T"})
    await taskflow.admin.delete("/api/projects/1")
    check_error(await taskflow.admin.get("/api/tasks/1"), 404, "NOT_FOUND")
    check_error(await taskflow.admin.put("/api/tasks/1", {"title": "x"}), 404, "NOT_FOUND")
    check_error(await taskflow.admin.get("/api/projects/1/tasks"), 404, "NOT_FOUND")
    assert (await taskflow.admin.get("/api/tasks")).body["pagination"]["total"] == 0


async def titles(client: Client, query: str = "", path: str = "/api/tasks") -> list[str]:
    answer = await client.get(f"{path}?per_page=100{query}")
    assert answer.status == 200, answer.raw
    return [task["title"] for task in answer.data["tasks"]]


async def test_filters_and_sorting(taskflow: Taskflow) -> None:
    await taskflow.user("uma")
    uma, admin = await taskflow.signed_in("uma"), taskflow.admin
    await admin.made("/api/projects", {"name": "P"})
    await admin.made("/api/projects", {"name": "Q"})
    for title, project, more in (
        ("late", 1, {"due_date": "2020-01-01", "priority": "low"}),
        ("done late", 1, {"due_date": "2020-01-01", "status": "completed", "priority": "urgent"}),
        ("later", 1, {"due_date": "2999-12-31", "assigned_to": [2], "priority": "high"}),
        ("some day", 2, {"status": "in_progress", "assigned_to": [1]}),
    ):
        await admin.made(f"/api/projects/{project}/tasks", {"title": title, **more})
    assert await titles(admin) == ["some day", "later", "done late", "late"]
    assert await titles(admin, path="/api/projects/1/tasks") == ["later", "done late", "late"]
    assert await titles(uma) == ["later", "done late", "late"]
    assert await titles(uma, "&assigned_to=2") == ["later"]
    assert await titles(admin, "&overdue=true") == ["late"]
    assert await titles(admin, "&overdue=false") == ["some day", "later", "done late"]
    assert await titles(admin, "&status=pending") == ["later", "late"]
    assert await titles(admin, "&status=pending&priority=low") == ["late"]
    assert await titles(admin, "&assigned_to=1") == ["some day"]
    assert await titles(admin, "&q=LATE&status=pending") == ["later", "late"]
    assert await titles(admin, "&sort=title") == ["done late", "late", "later", "some day"]
    assert await titles(admin, "&sort=-priority") == ["done late", "later", "some day", "late"]
    assert (await titles(admin, "&sort=due_date"))[2:] == ["later", "some day"]
    for wrong in (
        "status=done",
        "priority=asap",
        "overdue=1",
        "assigned_to=x",
        "sort=status",
        "project_id=1",
    ):
        check_error(await admin.get(f"/api/tasks?{wrong}"), 400, "BAD_REQUEST")


async def test_who_is_due_today_has_the_whole_day(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    await admin.made("/api/projects", {"name": "P"})
    present = datetime.now(UTC)
    for title, due in (
        ("today", f"{present:%Y-%m-%d}"),
        ("a minute ago", (present - timedelta(minutes=1)).isoformat()),
        ("yesterday", f"{present - timedelta(days=1):%Y-%m-%d}"),
        ("in an hour", (present + timedelta(hours=1)).isoformat()),
    ):
        await admin.made("/api/projects/1/tasks", {"title": title, "due_date": due})
    assert await titles(admin, "&overdue=true") == ["yesterday", "a minute ago"]
    assert await titles(admin, "&overdue=false", "/api/projects/1/tasks") == ["in an hour", "today"]
    await admin.put("/api/tasks/3", {"status": "completed"})
    assert await titles(admin, "&overdue=true") == ["a minute ago"]


async def test_hours_at_an_absurd_rate_are_refused_and_not_a_failure(taskflow: Taskflow) -> None:
    dear = await taskflow.user("dear", hourly_rate=999_999_999_999.99)
    await taskflow.admin.made("/api/projects", {"name": "P"})
    task = {"title": "T", "assigned_to": [dear], "actual_hours": 999_999.99}
    answer = await taskflow.admin.post("/api/projects/1/tasks", task)
    assert (answer.status, list(answer.errors)) == (422, ["actual_hours"]), answer.raw
    await taskflow.admin.made("/api/projects/1/tasks", task | {"actual_hours": 1})
    project = (await taskflow.admin.get("/api/projects/1")).data["project"]
    assert project["spent_budget"] == 999_999_999_999.99


async def test_hours_have_two_decimals_and_null_takes_them_back(taskflow: Taskflow) -> None:
    await taskflow.admin.made("/api/projects", {"name": "P"})
    await taskflow.admin.made("/api/projects/1/tasks", {"title": "T", "actual_hours": 0.25})
    for sent, shown in ((1.1, 1.1), (0, 0.0), (999999.99, 999999.99), (None, None)):
        answer = await taskflow.admin.put("/api/tasks/1", {"estimated_hours": sent, "actual_hours": sent})
        assert answer.status == 200, answer.raw
        assert answer.data["task"]["estimated_hours"] == shown
        assert (answer.data["task"]["actual_hours"] or 0) == (shown or 0)
    for wrong in (-1, 0.001, 1e300, True, "1", 1_000_000):
        answer = await taskflow.admin.put("/api/tasks/1", {"actual_hours": wrong})
        assert (answer.status, list(answer.errors)) == (422, ["actual_hours"]), wrong


async def test_a_task_shows_its_tags_as_they_are_called_now(taskflow: Taskflow) -> None:
    """They are made and put on tasks through TaskForge."""
    admin, forge = taskflow.admin, await taskflow.forge_admin()
    for tag in ({"name": "Urgent", "color": "#ff0000"}, {"name": "Plain", "color": None}, {"name": "Gone"}):
        await forge.made("/api/tags", tag)
    await admin.made("/api/projects", {"name": "P"})
    for tags in ([3, 2, 1], [2], []):
        task = await admin.made("/api/projects/1/tasks", {"title": f"With {len(tags)}"})
        assert task["tags"] == []
        assert (await forge.put(f"/api/tasks/{task['id']}", {"tags": tags})).status == 200
    urgent = {"id": 1, "name": "Urgent", "color": "#ff0000"}
    plain, gone = {"id": 2, "name": "Plain", "color": ""}, {"id": 3, "name": "Gone", "color": "#808080"}
    assert (await admin.get("/api/tasks/1")).data["task"]["tags"] == [urgent, plain, gone]
    assert (await forge.delete("/api/tags/3")).status == 200
    for path in ("/api/tasks", "/api/projects/1/tasks"):
        listed = (await admin.get(f"{path}?sort=id")).data["tasks"]
        assert [task["tags"] for task in listed] == [[urgent, plain], [plain], []]
    # What else changes about a task does not touch its tags.
    for changed in (
        await admin.put("/api/tasks/1", {"title": "Another"}),
        await admin.post("/api/tasks/1/assign", {"user_ids": [1]}),
    ):
        assert changed.data["task"]["tags"] == [urgent, plain]


async def test_a_renamed_tag_makes_another_representation_of_the_same_version(taskflow: Taskflow) -> None:
    admin, forge = taskflow.admin, await taskflow.forge_admin()
    await forge.made("/api/tags", {"name": "Before"})
    await forge.made("/api/tasks", {"title": "T", "tags": [1]})
    before = (await admin.get("/api/tasks/1")).headers["ETag"]
    known = {"If-None-Match": before}
    assert (await admin.get("/api/tasks/1", headers=known)).status == 304
    assert (await forge.put("/api/tags/1", {"name": "After"})).status == 200
    answer = await admin.get("/api/tasks/1", headers=known)
    assert answer.status == 200
    assert [tag["name"] for tag in answer.data["task"]["tags"]] == ["After"]
    after = answer.headers["ETag"]
    assert after != before
    assert after.partition("-")[0] == before.partition("-")[0]
    # The task itself did not change, so whoever saw it before may still change it.
    assert (await admin.put("/api/tasks/1", {"title": "U"}, headers={"If-Match": before})).status == 200


async def test_a_page_of_tasks_fetches_all_that_is_shown_beside_them_at_once(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    forge = await taskflow.forge_admin()
    for number in range(1, 4):
        await forge.made("/api/tags", {"name": f"Tag {number}"})
        await forge.made("/api/tasks", {"title": "T", "tags": [number]})
        assert (await taskflow.admin.post(f"/api/tasks/{number}/assign", {"user_ids": [1]})).status == 200
    model = taskflow.core.model
    fetch, kinds = model.fetch, []

    async def counted(refs: Iterable[Ref]) -> Mapping[Ref, Document]:
        wanted = list(refs)
        kinds.append({ref.kind for ref in wanted})
        return await fetch(wanted)

    monkeypatch.setattr(model, "fetch", counted)
    answer = await taskflow.admin.get("/api/tasks")
    assert [len(task["tags"]) for task in answer.data["tasks"]] == [1, 1, 1]
    # The first is the caller's own card.
    assert kinds == [{"user"}, {"user", "tag"}]
