"""Departments over HTTP."""

from __future__ import annotations

from tests.http import Taskflow
from tests.test_http_envelope import check_error, check_frame


async def test_the_pages_example_is_created_read_and_changed(taskflow: Taskflow) -> None:
    new = {"name": "Quality Assurance", "description": "Software testing and quality control department"}
    created = await taskflow.admin.post("/api/departments", new)
    check_frame(created)
    assert (created.status, created.body["message"]) == (201, "Department created successfully")
    department = created.data["department"]
    assert department == new | {
        "id": 2,
        "members_count": 0,
        "created_at": department["created_at"],
        "updated_at": department["created_at"],
    }
    changed = await taskflow.admin.put("/api/departments/2", {"description": None})
    assert (changed.status, changed.body["message"]) == (200, "Department updated successfully")
    assert changed.data["department"]["description"] == ""
    assert (await taskflow.admin.get("/api/departments/2")).data == changed.data
    check_error(await taskflow.admin.get("/api/departments/9"), 404, "NOT_FOUND")
    check_error(await taskflow.admin.put("/api/departments/9", {"name": "X"}), 404, "NOT_FOUND")


async def test_everybody_sees_departments_and_how_many_are_in_them(taskflow: Taskflow) -> None:
    await taskflow.admin.made("/api/departments", {"name": "Sales"})
    uma = await taskflow.user("uma", department_id=2)
    client = await taskflow.signed_in("uma")
    listed = (await client.get("/api/departments?sort=name")).data["departments"]
    assert [(each["name"], each["members_count"]) for each in listed] == [("Management", 1), ("Sales", 1)]
    await taskflow.admin.put(f"/api/users/{uma}", {"department_id": None})
    assert (await client.get("/api/departments/2")).data["department"]["members_count"] == 0


async def test_what_is_wrong_is_said(taskflow: Taskflow) -> None:
    for body, errors in (
        ({}, {"name": ["Name is required"]}),
        ({"name": "mANAGEMENT"}, {"name": ["Department name is already taken"]}),
        (
            {"name": "x" * 101, "description": "x" * 501},
            {
                "name": ["Name must be at most 100 characters"],
                "description": ["Description must be at most 500 characters"],
            },
        ),
    ):
        answer = await taskflow.admin.post("/api/departments", body)
        assert (answer.status, answer.errors) == (422, errors)
    for wrong in ("q=x", "sort=members_count", "page=x"):
        check_error(await taskflow.admin.get(f"/api/departments?{wrong}"), 400, "BAD_REQUEST")
    check_error(await taskflow.admin.get("/api/departments/1?page=1"), 400, "BAD_REQUEST")
