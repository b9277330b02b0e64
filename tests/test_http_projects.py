"""Projects over HTTP: their forms, filters, rights and money."""

from __future__ import annotations

from typing import Any

import pytest

from readmodels.model import Page, Query
from tests.http import Client, Taskflow
from tests.test_http_envelope import check_error, check_frame

PAGE_EXAMPLE = {
    "name": "Mobile App Development",
    "description": "Develop iOS and Android mobile applications",
    "budget": 75000.00,
    "start_date": "2025-07-01",
    "end_date": "2025-12-31",
}


async def test_the_pages_example_is_created_read_changed_and_deleted(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    created = await admin.post("/api/projects", PAGE_EXAMPLE)
    check_frame(created)
    assert (created.status, created.body["message"]) == (201, "Project created successfully")
    project = created.data["project"]
    assert project == {
        "id": 1,
        "name": "Mobile App Development",
        "description": "Develop iOS and Android mobile applications",
        "budget": 75000.0,
        "spent_budget": 0.0,
        "start_date": "2025-07-01T00:00:00Z",
        "end_date": "2025-12-31T00:00:00Z",
        "status": "active",
        "progress": 0,
        "owner": {
            "id": 1,
            "username": "admin",
            "email": "admin@taskflow.com",
            "department": "Management",
        },
        "tasks_count": 0,
        "completed_tasks": 0,
        "created_at": project["created_at"],
        "updated_at": project["created_at"],
        "tasks": [],
        "risks": [],
    }
    assert (await admin.get("/api/projects/1")).data["project"] == project
    changed = await admin.put(
        "/api/projects/1", {"name": "Updated Project Name", "budget": 80000.00, "status": "on_hold"}
    )
    assert (changed.status, changed.body["message"]) == (200, "Project updated successfully")
    assert changed.data["project"] == project | {
        "name": "Updated Project Name",
        "budget": 80000.0,
        "status": "on_hold",
        "updated_at": changed.data["project"]["updated_at"],
    }
    deleted = await admin.delete("/api/projects/1")
    assert (deleted.status, deleted.body["message"]) == (200, "Project deleted successfully")
    assert int(deleted.headers["X-Event-Position"]) > int(changed.headers["X-Event-Position"])
    check_error(await admin.get("/api/projects/1"), 404, "NOT_FOUND")
    check_error(await admin.put("/api/projects/1", {"name": "Again"}), 404, "NOT_FOUND")
    check_error(await admin.delete("/api/projects/1"), 404, "NOT_FOUND")
    assert (await admin.get("/api/projects")).body["pagination"]["total"] == 0


async def test_the_list_form_leaves_out_what_belongs_to_the_detail(taskflow: Taskflow) -> None:
    await taskflow.admin.post("/api/projects", PAGE_EXAMPLE)
    (project,) = (await taskflow.admin.get("/api/projects")).data["projects"]
    assert list(project) == [
        "id",
        "name",
        "description",
        "budget",
        "start_date",
        "end_date",
        "status",
        "progress",
        "owner",
        "tasks_count",
        "completed_tasks",
        "created_at",
        "updated_at",
    ]
    assert project["owner"] == {"id": 1, "username": "admin", "email": "admin@taskflow.com"}


async def test_everything_that_is_wrong_is_said_at_once(taskflow: Taskflow) -> None:
    answer = await taskflow.admin.post(
        "/api/projects",
        {
            "name": " ",
            "description": "a\0b",
            "budget": -1,
            "start_date": "2025-13-01",
            "end_date": 5,
            "status": "paused",
            "owner_id": 99,
            "progress": 50,
        },
    )
    assert answer.status == 422
    check_frame(answer)
    assert answer.body["message"] == "Validation failed"
    date = "must be a date, as in 2025-07-01, or an ISO 8601 date-time"
    assert answer.errors == {
        "name": ["Name is required"],
        "description": ["Description must not contain the NUL character"],
        "budget": ["Budget must be a positive number"],
        "start_date": [f"Start date {date}"],
        "end_date": [f"End date {date}"],
        "status": ["Status must be one of: active, on_hold, completed, cancelled"],
        "owner_id": ["User 99 does not exist"],
        "progress": ["Progress is not a known field"],
    }


AMOUNTS: list[tuple[bytes, float | None]] = [
    (b"0", 0.0),
    (b"0.1", 0.1),
    (b"0.01", 0.01),
    (b"-0", 0.0),
    (b"-0.0", 0.0),
    (b"19.99", 19.99),
    (b"1e3", 1000.0),
    (b"1.50000000", 1.5),
    (b"4503599627370.49", None),
    (b"999999999999.99", 999999999999.99),
    (b"1000000000000", None),
    (b"0.001", None),
    (b"0.30000000000000004", None),
    (b"1.000000000000000000000000000000000000001", None),
    (b"1e-400", None),
    (b"1e300", None),
    (b"9223372036854775808", None),
    (b"123456789012345678901234567890", None),
    (b"-0.01", None),
    (b'"5"', None),
    (b"true", None),
    (b"null", None),
    (b"[]", None),
    (b"{}", None),
]


async def test_money_is_exact_or_refused(taskflow: Taskflow) -> None:
    kind = {"Content-Type": "application/json"}
    for sent, shown in AMOUNTS:
        body = b'{"name": "Money", "budget": ' + sent + b"}"
        answer = await taskflow.admin.post("/api/projects", data=body, headers=kind)
        if shown is None:
            assert answer.status == 422, (sent, answer.raw)
            assert list(answer.errors) == ["budget"]
        else:
            assert answer.data["project"]["budget"] == shown, sent


async def test_dates_are_kept_in_utc(taskflow: Taskflow) -> None:
    for sent, shown in (
        ("2025-07-01", "2025-07-01T00:00:00Z"),
        ("2025-07-01T09:30", "2025-07-01T09:30:00Z"),
        ("2025-07-01T09:30:15.5", "2025-07-01T09:30:15Z"),
        ("2025-07-01T09:30:00Z", "2025-07-01T09:30:00Z"),
        ("2025-07-01T09:30:15.123456789Z", "2025-07-01T09:30:15Z"),
        ("2025-07-01T00:30:00+02:00", "2025-06-30T22:30:00Z"),
        ("2025-07-01T00:30:00+0230", "2025-06-30T22:00:00Z"),
        ("2025-07-01T00:30:00-02", "2025-07-01T02:30:00Z"),
        ("2024-02-29", "2024-02-29T00:00:00Z"),
        ("0001-01-01", "0001-01-01T00:00:00Z"),
        (None, None),
    ):
        project = await taskflow.admin.made("/api/projects", {"name": "Dates", "start_date": sent})
        assert project["start_date"] == shown
    for wrong in (
        "",
        "2023-02-29",
        "2025-7-1",
        "20250701",
        "2025-W27-2",
        "2025-07-01 09:30",
        "2025-07-01T24:00:00",
        "2025-07-01T09:30:60Z",
        "2025-07-01T09:30:00+99:99",
        "0000-01-01",
        "10000-01-01",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "\u0662\u0660\u0662\u0665-\u0660\u0667-\u0660\u0661",
        "tomorrow",
        True,
        1751328000,
    ):
        answer = await taskflow.admin.post("/api/projects", {"name": "Dates", "start_date": wrong})
        assert (answer.status, list(answer.errors)) == (422, ["start_date"]), wrong


async def test_a_project_does_not_end_before_it_starts(taskflow: Taskflow) -> None:
    backwards = {"name": "P", "start_date": "2025-07-02", "end_date": "2025-07-01"}
    answer = await taskflow.admin.post("/api/projects", backwards)
    assert answer.errors == {"end_date": ["End date must not be before the start date"]}
    await taskflow.admin.made("/api/projects", backwards | {"end_date": "2025-07-02"})
    answer = await taskflow.admin.put("/api/projects/1", {"start_date": "2025-07-03"})
    assert answer.errors == {"start_date": ["Start date must not be after the end date"]}


async def three_people(taskflow: Taskflow) -> tuple[Client, Client, Client]:
    """A manager, another manager, and a user."""
    for name, role in (("mia", "manager"), ("max", "manager"), ("uma", "user")):
        await taskflow.user(name, role)
    return await taskflow.signed_in("mia"), await taskflow.signed_in("max"), await taskflow.signed_in("uma")


async def test_who_may_do_what(taskflow: Taskflow) -> None:
    mia, max_, uma = await three_people(taskflow)
    project = (await mia.made("/api/projects", {"name": "Of Mia"}))["id"]
    path = f"/api/projects/{project}"
    assert (await max_.get(path)).status == 200
    # A user without a task in it does not even learn that it exists.
    for answer in (await uma.get(path), await uma.put(path, {"name": "x"}), await uma.delete(path)):
        check_error(answer, 404, "NOT_FOUND")
    for answer in (await max_.put(path, {"name": "x"}), await max_.delete(path)):
        check_error(answer, 403, "PERMISSION_DENIED")
        assert (answer.data["required_role"], answer.data["current_role"]) == ("admin", "manager")
    # Permission comes before validation, and existence before both.
    check_error(await max_.put(path, {"name": "", "nonsense": 1}), 403, "PERMISSION_DENIED")
    check_error(await max_.put("/api/projects/99", {"nonsense": 1}), 404, "NOT_FOUND")
    check_error(await uma.post("/api/projects", {"nonsense": 1}), 403, "PERMISSION_DENIED")
    answer = await mia.post("/api/projects", {"name": "x", "owner_id": 1})
    check_error(answer, 403, "PERMISSION_DENIED")
    await mia.made(f"{path}/tasks", {"title": "For Uma", "assigned_to": [4]})
    assert (await uma.get(path)).status == 200
    for answer in (await uma.put(path, {"name": "x"}), await uma.delete(path)):
        check_error(answer, 403, "PERMISSION_DENIED")
        assert (answer.data["required_role"], answer.data["current_role"]) == ("manager", "user")
    assert (await mia.put(path, {"name": "Still of Mia"})).status == 200
    assert (await taskflow.admin.put(path, {"owner_id": 3})).data["project"]["owner"]["username"] == "max"
    check_error(await mia.delete(path), 403, "PERMISSION_DENIED")
    assert (await max_.delete(path)).status == 200


async def names(client: Client, query: str = "") -> list[str]:
    answer = await client.get(f"/api/projects?per_page=100{query}")
    assert answer.status == 200, answer.raw
    return [project["name"] for project in answer.data["projects"]]


async def test_lists_show_what_one_may_see(taskflow: Taskflow) -> None:
    mia, max_, uma = await three_people(taskflow)
    await mia.made("/api/projects", {"name": "Of Mia"})
    await max_.made("/api/projects", {"name": "Of Max"})
    assert await names(taskflow.admin) == await names(mia) == ["Of Max", "Of Mia"]
    assert await names(uma) == []
    task = (await mia.made("/api/projects/1/tasks", {"title": "T", "assigned_to": [4]}))["id"]
    assert await names(uma) == ["Of Mia"]
    await mia.post(f"/api/tasks/{task}/assign", {"user_ids": []})
    assert await names(uma) == []
    await taskflow.admin.put("/api/projects/2", {"owner_id": 4})
    assert await names(uma) == ["Of Max"]


async def test_filters_and_sorting(taskflow: Taskflow) -> None:
    await taskflow.user("mia", "manager")
    mia = await taskflow.signed_in("mia")
    for number, (name, status, day) in enumerate(
        (("beta 100%", "active", 1), ("Alpha", "on_hold", 31), ("Gamma_x", "active", None))
    ):
        start = day and f"2025-07-{day:02}T12:00:00Z"
        new = {"name": name, "status": status, "start_date": start, "budget": 10 - number}
        await (mia if number else taskflow.admin).made("/api/projects", new)
    admin = taskflow.admin
    assert await names(admin) == ["Gamma_x", "Alpha", "beta 100%"]
    assert await names(admin, "&status=active") == ["Gamma_x", "beta 100%"]
    assert await names(admin, "&user_id=2&status=active") == ["Gamma_x"]
    assert await names(admin, "&user_id=99") == []
    assert await names(admin, "&q=ALPHA") == ["Alpha"]
    # No character in a search is special.
    assert await names(admin, "&q=%25") == ["beta 100%"]
    assert await names(admin, "&q=_") == ["Gamma_x"]
    assert await names(admin, "&q=.*") == []
    assert await names(admin, "&start_from=2025-07-02") == ["Alpha"]
    assert await names(admin, "&start_to=2025-07-01") == ["beta 100%"]
    assert await names(admin, "&start_from=2025-07-01&start_to=2025-07-31") == ["Alpha", "beta 100%"]
    assert await names(admin, "&start_to=2025-07-31T11:59:59Z") == ["beta 100%"]
    assert await names(admin, "&sort=name") == ["Alpha", "beta 100%", "Gamma_x"]
    assert await names(admin, "&sort=-name") == ["Gamma_x", "beta 100%", "Alpha"]
    assert await names(admin, "&sort=budget") == ["Gamma_x", "Alpha", "beta 100%"]
    assert await names(admin, "&sort=start_date") == ["beta 100%", "Alpha", "Gamma_x"]
    assert await names(admin, "&sort=id") == ["beta 100%", "Alpha", "Gamma_x"]
    assert await names(admin, "&sort=created_at") == ["beta 100%", "Alpha", "Gamma_x"]


async def test_pages(taskflow: Taskflow) -> None:
    for number in range(12):
        await taskflow.admin.made("/api/projects", {"name": f"P{number}"})

    async def page(query: str) -> tuple[list[int], dict[str, Any]]:
        answer = await taskflow.admin.get(f"/api/projects{query}")
        return [project["id"] for project in answer.data["projects"]], answer.body["pagination"]

    assert await page("") == ([*range(12, 2, -1)], {"page": 1, "per_page": 10, "total": 12, "pages": 2})
    assert await page("?page=2") == ([2, 1], {"page": 2, "per_page": 10, "total": 12, "pages": 2})
    assert await page("?page=3") == ([], {"page": 3, "per_page": 10, "total": 12, "pages": 2})
    far = 9_999_999_999
    assert await page(f"?page={far}&per_page=100") == (
        [],
        {"page": far, "per_page": 100, "total": 12, "pages": 1},
    )
    assert await page("?per_page=5&page=2") == (
        [7, 6, 5, 4, 3],
        {"page": 2, "per_page": 5, "total": 12, "pages": 3},
    )
    nothing = {"page": 1, "per_page": 10, "total": 0, "pages": 0}
    assert await page("?status=completed") == ([], nothing)


WRONG_PARAMETERS = [
    ("page=0", "page"),
    ("page=-1", "page"),
    ("page=1.0", "page"),
    ("page=", "page"),
    ("page=a", "page"),
    ("page=%20 1", "page"),
    ("page=1&page=2", "page"),
    ("page=99999999999", "page"),
    ("per_page=0", "per_page"),
    ("per_page=101", "per_page"),
    ("status=paused", "status"),
    ("status=Active", "status"),
    ("status=active,on_hold", "status"),
    ("user_id=me", "user_id"),
    ("user_id=0", "user_id"),
    ("user_id=99999999999999999999", "user_id"),
    ("q=", "q"),
    ("q=a%00b", "q"),
    ("q=" + "x" * 201, "q"),
    ("start_from=soon", "start_from"),
    ("start_to=2025-02-30", "start_to"),
    ("sort=owner", "sort"),
    ("sort=--name", "sort"),
    ("sort=", "sort"),
    ("as_of=soon", "as_of"),
    ("STATUS=active", "STATUS"),
    ("nope", "nope"),
    ("%00=1", r"\x00"),
]


async def test_a_wrong_parameter_is_named_with_what_it_takes(taskflow: Taskflow) -> None:
    for query, named in WRONG_PARAMETERS:
        answer = await taskflow.admin.get(f"/api/projects?{query}")
        check_error(answer, 400, "BAD_REQUEST")
        assert named in answer.body["message"]
        assert " take" in answer.body["message"] or "once" in answer.body["message"]


async def test_the_detail_form_shows_tasks_progress_and_what_was_spent(taskflow: Taskflow) -> None:
    ana = await taskflow.user("ana", hourly_rate=40.5)
    await taskflow.admin.made("/api/projects", {"name": "P"})
    for title, status, hours in (("A", "completed", 3), ("B", "in_progress", 1), ("C", "cancelled", 4)):
        new = {"title": title, "status": status, "estimated_hours": hours, "assigned_to": [ana, 1]}
        await taskflow.admin.made("/api/projects/1/tasks", new)
    await taskflow.admin.put("/api/tasks/1", {"assigned_to": [ana]})
    await taskflow.admin.put("/api/tasks/1", {"actual_hours": 2})
    project = (await taskflow.admin.get("/api/projects/1")).data["project"]
    assert (project["progress"], project["tasks_count"], project["completed_tasks"]) == (75, 2, 1)
    assert project["spent_budget"] == 81.0
    card = {"id": ana, "username": "ana", "email": "ana@example.com"}
    assert project["tasks"] == [
        {"id": 3, "title": "C", "status": "cancelled", "priority": "medium", "assigned_to": card},
        {"id": 2, "title": "B", "status": "in_progress", "priority": "medium", "assigned_to": card},
        {"id": 1, "title": "A", "status": "completed", "priority": "medium", "assigned_to": card},
    ]
    await taskflow.admin.put("/api/projects/1", {"status": "completed"})
    assert (await taskflow.admin.get("/api/projects/1")).data["project"]["progress"] == 100


async def test_the_pages_project_comes_out_of_what_happened_in_it(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    designer = await taskflow.user("designer", email="designer@taskflow.com", hourly_rate=50)
    new = {
        "name": "Website Redesign",
        "description": "Complete redesign of company website",
        "budget": 50000.00,
        "start_date": "2025-01-01",
        "end_date": "2025-06-30",
    }
    await admin.made("/api/projects", new)
    mockups = {"title": "Design Mockups", "priority": "high", "assigned_to": [designer]}
    done = {"status": "completed", "estimated_hours": 6.5}
    await admin.made("/api/projects/1/tasks", mockups | done | {"actual_hours": 150})
    for number in range(14):
        more = done if number < 9 else {"estimated_hours": 7}
        await admin.made("/api/projects/1/tasks", {"title": f"Page {number}"} | more)
    await admin.made("/api/projects/1/risks", {"title": "Budget Overrun", "probability": "low"})
    await admin.made("/api/projects/1/expenses", {"amount": 25000})
    project = (await admin.get("/api/projects/1")).data["project"]
    (listed,) = (await admin.get("/api/projects")).data["projects"]
    as_on_the_page = {
        "id": 1,
        **new,
        "start_date": "2025-01-01T00:00:00Z",
        "end_date": "2025-06-30T00:00:00Z",
        "status": "active",
        "progress": 65,
        "tasks_count": 15,
        "completed_tasks": 10,
    }
    owner = {"id": 1, "username": "admin", "email": "admin@taskflow.com"}
    times = {name: project[name] for name in ("created_at", "updated_at")}
    assert listed == as_on_the_page | times | {"owner": owner}
    assert project.pop("tasks")[-1] == {
        "id": 1,
        "title": "Design Mockups",
        "status": "completed",
        "priority": "high",
        "assigned_to": {"id": designer, "username": "designer", "email": "designer@taskflow.com"},
    }
    assert project == as_on_the_page | times | {
        "owner": owner | {"department": "Management"},
        "spent_budget": 32500.0,
        "risks": [
            {
                "id": 1,
                "title": "Budget Overrun",
                "severity": "medium",
                "probability": "low",
                "status": "active",
            }
        ],
    }


async def test_the_detail_form_has_the_fields_of_the_page_and_their_order(taskflow: Taskflow) -> None:
    project = await taskflow.admin.made("/api/projects", PAGE_EXAMPLE)
    page = ["id", "name", "description", "budget", "start_date", "end_date", "status", "progress", "owner"]
    assert list(project)[: len(page)] == page
    assert list(project)[-3:] == ["spent_budget", "tasks", "risks"]
    assert list(project["owner"]) == ["id", "username", "email", "department"]
    await taskflow.user("ugo")
    ugos = await taskflow.admin.made("/api/projects", {"name": "P", "owner_id": 2})
    assert ugos["owner"] == {
        "id": 2,
        "username": "ugo",
        "email": "ugo@example.com",
        "department": None,
    }


async def test_an_owner_who_is_renamed_or_moved_is_shown_so_at_once(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    await admin.made("/api/projects", {"name": "P"})
    before = await admin.get("/api/projects/1")
    sales = (await admin.made("/api/departments", {"name": "Sales"}))["id"]
    await admin.put("/api/users/1", {"username": "boss", "department_id": sales})
    after = await admin.get("/api/projects/1")
    owner = {"id": 1, "username": "boss", "email": "admin@taskflow.com"}
    assert after.data["project"]["owner"] == owner | {"department": "Sales"}
    assert (await admin.get("/api/projects")).data["projects"][0]["owner"] == owner
    await admin.put(f"/api/departments/{sales}", {"name": "Trade"})
    assert (await admin.get("/api/projects/1")).data["project"]["owner"]["department"] == "Trade"
    assert before.headers["ETag"] != after.headers["ETag"]


async def test_a_project_with_more_tasks_than_a_page_holds_shows_them_all(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.taskflow.listing.PAGE_MAX", 3)
    await taskflow.admin.made("/api/projects", {"name": "P"})
    for number in range(8):
        await taskflow.admin.made("/api/projects/1/tasks", {"title": f"T{number}"})
    project = (await taskflow.admin.get("/api/projects/1")).data["project"]
    assert [task["id"] for task in project["tasks"]] == [8, 7, 6, 5, 4, 3, 2, 1]


async def test_a_task_that_goes_while_its_project_is_read_hides_no_other(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, model = taskflow.admin, taskflow.core.model
    monkeypatch.setattr("api.taskflow.listing.PAGE_MAX", 3)
    await admin.made("/api/projects", {"name": "P"})
    for number in range(8):
        await admin.made("/api/projects/1/tasks", {"title": f"T{number}"})
    read, gone = model.page, iter((7, 1))

    async def page_and_delete(query: Query) -> Page:
        page = await read(query)
        for task_id in gone if query.kind == "task" else ():
            await admin.delete(f"/api/tasks/{task_id}")
            break
        return page

    monkeypatch.setattr(model, "page", page_and_delete)
    project = (await admin.get("/api/projects/1")).data["project"]
    assert [task["id"] for task in project["tasks"]] == [8, 7, 6, 5, 4, 3, 2]
    assert (await admin.get("/api/projects/1")).data["project"]["tasks_count"] == 6
