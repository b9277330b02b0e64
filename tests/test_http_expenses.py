"""Expenses over HTTP: their form, filters and rights, and what projects have spent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from readmodels.documents import Ref
from tests.http import Client, Taskflow
from tests.test_http_envelope import check_error, check_frame
from tests.test_http_projects import three_people

LICENCES = {
    "amount": 1250.50,
    "category": "Licences",
    "description": "Design software, one year",
    "incurred_on": "2025-07-14",
}
PATH = "/api/projects/1/expenses"


async def spent(taskflow: Taskflow) -> float:
    figure: float = (await taskflow.admin.get("/api/projects/1")).data["project"]["spent_budget"]
    return figure


async def test_an_expense_is_recorded_read_and_taken_back(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    await admin.made("/api/projects", {"name": "P"})
    created = await admin.post(PATH, LICENCES)
    check_frame(created)
    assert (created.status, created.body["message"]) == (201, "Expense created successfully")
    expense = created.data["expense"]
    assert expense == {
        "id": 1,
        "project_id": 1,
        **LICENCES,
        "incurred_on": "2025-07-14T00:00:00Z",
        "created_at": expense["created_at"],
    }
    assert created.headers["ETag"].startswith('"1-')
    read = await admin.get(f"{PATH}/1")
    check_frame(read)
    assert (read.data["expense"], read.headers["ETag"]) == (expense, created.headers["ETag"])
    listed = await admin.get(PATH)
    check_frame(listed)
    assert listed.data["expenses"] == [expense]
    assert listed.body["pagination"] == {"page": 1, "per_page": 10, "total": 1, "pages": 1}
    assert await spent(taskflow) == 1250.5
    deleted = await admin.delete(f"{PATH}/1")
    check_frame(deleted)
    assert (deleted.status, deleted.body["message"]) == (200, "Expense deleted successfully")
    assert int(deleted.headers["X-Event-Position"]) > int(created.headers["X-Event-Position"])
    check_error(await admin.get(f"{PATH}/1"), 404, "NOT_FOUND")
    check_error(await admin.delete(f"{PATH}/1"), 404, "NOT_FOUND")
    assert (await admin.get(PATH)).body["pagination"]["total"] == 0
    assert await spent(taskflow) == 0.0


async def test_an_amount_is_enough_and_the_day_is_today(taskflow: Taskflow) -> None:
    await taskflow.admin.made("/api/projects", {"name": "P"})
    for given in ({}, {"incurred_on": None, "category": None, "description": None}):
        before = datetime.now(UTC)
        expense = await taskflow.admin.made(PATH, {"amount": 1, **given})
        after = datetime.now(UTC)
        days = {f"{moment:%Y-%m-%d}T00:00:00Z" for moment in (before, after)}
        assert expense["incurred_on"] in days
        assert (expense["category"], expense["description"]) == ("", "")


async def test_the_day_is_that_in_utc(taskflow: Taskflow) -> None:
    await taskflow.admin.made("/api/projects", {"name": "P"})
    for sent, day in (
        ("2025-07-01", "2025-07-01"),
        ("2025-07-01T23:59:59.999999Z", "2025-07-01"),
        ("2025-07-01T00:30:00+02:00", "2025-06-30"),
        ("2025-06-30T23:30:00-02:00", "2025-07-01"),
        ("0001-01-01", "0001-01-01"),
        ("9999-12-31", "9999-12-31"),
    ):
        expense = await taskflow.admin.made(PATH, {"amount": 1, "incurred_on": sent})
        assert expense["incurred_on"] == f"{day}T00:00:00Z"


AMOUNTS: list[tuple[bytes, float | str]] = [
    (b"0.01", 0.01),
    (b"1", 1.0),
    (b"19.99", 19.99),
    (b"0.1e1", 1.0),
    (b"999999999999.99", 999999999999.99),
    (b"0", "Amount must be a positive number"),
    (b"0.00", "Amount must be a positive number"),
    (b"-0.0", "Amount must be a positive number"),
    (b"-5", "Amount must be a positive number"),
    (b"-0.001", "Amount must be a positive number"),
    (b"0.001", "Amount must have at most two decimals"),
    (b"1.005", "Amount must have at most two decimals"),
    (b"1e-400", "Amount must have at most two decimals"),
    (b"1000000000000", "Amount must be at most 999,999,999,999.99"),
    (b"1e300", "Amount must be at most 999,999,999,999.99"),
    (b'"5"', "Amount must be a number"),
    (b"true", "Amount must be a number"),
    (b"null", "Amount must be a number"),
    (b"[1]", "Amount must be a number"),
]


async def test_an_amount_is_exact_and_more_than_nothing(taskflow: Taskflow) -> None:
    await taskflow.admin.made("/api/projects", {"name": "P"})
    kind = {"Content-Type": "application/json"}
    for sent, expected in AMOUNTS:
        answer = await taskflow.admin.post(PATH, data=b'{"amount": ' + sent + b"}", headers=kind)
        if isinstance(expected, float):
            assert answer.data["expense"]["amount"] == expected, sent
        else:
            assert (answer.status, answer.errors) == (422, {"amount": [expected]}), sent
    assert (await taskflow.admin.post(PATH, {})).errors == {"amount": ["Amount is required"]}


async def test_everything_that_is_wrong_is_said_at_once(taskflow: Taskflow) -> None:
    await taskflow.admin.made("/api/projects", {"name": "P"})
    wrong = {
        "amount": -1,
        "category": "x" * 51,
        "description": "x" * 501,
        "incurred_on": "yesterday",
        "currency": "EUR",
    }
    answer = await taskflow.admin.post(PATH, wrong)
    assert (answer.status, answer.body["message"]) == (422, "Validation failed")
    check_frame(answer)
    date = "must be a date, as in 2025-07-01, or an ISO 8601 date-time"
    assert answer.errors == {
        "amount": ["Amount must be a positive number"],
        "category": ["Category must be at most 50 characters"],
        "description": ["Description must be at most 500 characters"],
        "incurred_on": [f"Incurred on {date}"],
        "currency": ["Currency is not a known field"],
    }
    for name in ("category", "description"):
        answer = await taskflow.admin.post(PATH, {"amount": 1, name: "a\0b"})
        assert answer.errors == {name: [f"{name.capitalize()} must not contain the NUL character"]}
    full = {"amount": 1, "category": "ü" * 50, "description": "x" * 500}
    assert (await taskflow.admin.post(PATH, full)).status == 201


async def test_who_may_do_what(taskflow: Taskflow) -> None:
    mia, max_, uma = await three_people(taskflow)
    await mia.made("/api/projects", {"name": "Of Mia"})
    await mia.made(PATH, {"amount": 5})
    nobody = await taskflow.anybody()
    for answer in (
        await nobody.get(PATH),
        await nobody.post(PATH, {"amount": 1}),
        await nobody.get(f"{PATH}/1"),
        await nobody.delete(f"{PATH}/1"),
    ):
        check_error(answer, 401, "AUTH_REQUIRED")
    assert (await max_.get(PATH)).status == (await max_.get(f"{PATH}/1")).status == 200
    for answer in (await max_.post(PATH, {"nonsense": 1}), await max_.delete(f"{PATH}/1")):
        check_error(answer, 403, "PERMISSION_DENIED")
        assert (answer.data["required_role"], answer.data["current_role"]) == ("admin", "manager")
    # What one may not see is as if it were not there, down to the words.
    for number in (1, 99):
        path = f"/api/projects/{number}/expenses"
        for answer in (await uma.get(path), await uma.post(path, {"nonsense": 1})):
            check_error(answer, 404, "NOT_FOUND")
            assert answer.body["message"] == "Project not found"
        for answer in (await uma.get(f"{path}/1"), await uma.delete(f"{path}/1")):
            check_error(answer, 404, "NOT_FOUND")
            assert answer.body["message"] == "Expense not found"
    await mia.made("/api/projects/1/tasks", {"title": "For Uma", "assigned_to": [4]})
    assert (await uma.get(f"{PATH}/1")).data["expense"]["amount"] == 5.0
    assert (await uma.get(PATH)).body["pagination"]["total"] == 1
    for answer in (await uma.post(PATH, {"amount": 1}), await uma.delete(f"{PATH}/1")):
        check_error(answer, 403, "PERMISSION_DENIED")
        assert (answer.data["required_role"], answer.data["current_role"]) == ("manager", "user")
    assert (await taskflow.admin.post(PATH, {"amount": 1})).status == 201
    assert (await mia.delete(f"{PATH}/2")).status == 200


async def test_an_expense_is_found_under_its_own_project_only(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    for name in "PQ":
        await admin.made("/api/projects", {"name": name})
    await admin.made(PATH, {"amount": 5})
    other = "/api/projects/2/expenses"
    assert (await admin.get(other)).body["pagination"]["total"] == 0
    for path in (f"{other}/1", "/api/projects/99/expenses/1", f"{PATH}/2", f"{PATH}/x", f"{PATH}/0"):
        check_error(await admin.get(path), 404, "NOT_FOUND")
        check_error(await admin.delete(path), 404, "NOT_FOUND")
    check_error(await admin.get("/api/projects/99/expenses"), 404, "NOT_FOUND")
    check_error(await admin.post("/api/projects/99/expenses", {"nonsense": 1}), 404, "NOT_FOUND")
    # What was spent is corrected by taking it back, not by writing over it.
    answer = await admin.put(f"{PATH}/1", {"amount": 6})
    check_error(answer, 405, "METHOD_NOT_ALLOWED")
    assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD", "DELETE"}
    assert (await admin.get(f"{PATH}/1")).data["expense"]["amount"] == 5.0


async def test_a_closed_project_still_pays(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    await admin.made("/api/projects", {"name": "P"})
    for status in ("completed", "cancelled"):
        await admin.put("/api/projects/1", {"status": status})
        expense = await admin.made(PATH, {"amount": 5})
        assert await spent(taskflow) == 5.0
        assert (await admin.delete(f"{PATH}/{expense['id']}")).status == 200


async def test_labour_and_expenses_are_what_was_spent(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    ana = await taskflow.user("ana", hourly_rate=40.5)
    await admin.made("/api/projects", {"name": "P", "budget": 500})
    await admin.made("/api/projects/1/tasks", {"title": "T", "assigned_to": [ana], "actual_hours": 2})
    await admin.made("/api/projects/1/tasks", {"title": "U", "assigned_to": [ana], "actual_hours": 0.1})
    assert await spent(taskflow) == 85.05
    await admin.made(PATH, {"amount": 0.1})
    await admin.made(PATH, {"amount": 0.2})
    assert await spent(taskflow) == 85.35
    # The money is spent, whatever becomes of the task that it was spent on.
    await admin.delete("/api/tasks/1")
    assert await spent(taskflow) == 85.35
    await admin.put("/api/tasks/2", {"actual_hours": 0})
    assert await spent(taskflow) == 81.3
    await admin.delete(f"{PATH}/1")
    assert await spent(taskflow) == 81.2
    # What an hour of hers costs from now on changes nothing about what it cost.
    await admin.put(f"/api/users/{ana}", {"hourly_rate": 1000})
    assert await spent(taskflow) == 81.2


async def test_sums_beyond_any_single_amount_are_shown_to_the_cent(taskflow: Taskflow) -> None:
    await taskflow.admin.made("/api/projects", {"name": "P"})
    for _ in range(11):
        await taskflow.admin.made(PATH, {"amount": 999_999_999_999.99})
    assert b'"spent_budget":10999999999999.89,' in (await taskflow.admin.get("/api/projects/1")).raw


async def test_with_its_project_an_expense_is_gone(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    for number in (1, 2):
        await admin.made("/api/projects", {"name": f"P{number}"})
        await admin.made(f"/api/projects/{number}/expenses", {"amount": number})
    await admin.delete("/api/projects/1")
    for path in (PATH, f"{PATH}/1"):
        check_error(await admin.get(path), 404, "NOT_FOUND")
    check_error(await admin.post(PATH, {"amount": 1}), 404, "NOT_FOUND")
    check_error(await admin.delete(f"{PATH}/1"), 404, "NOT_FOUND")
    assert (await admin.get("/api/projects/2")).data["project"]["spent_budget"] == 2.0
    analysis = (await admin.get("/api/reports/budget-analysis")).data["budget_analysis"]
    assert analysis["total_spent"] == 2.0
    # Nor does it linger where nobody looks.
    gone, kept, portfolio = Ref("expense", "1"), Ref("expense", "2"), Ref("portfolio", "all")
    found = await taskflow.core.model.fetch([gone, kept, portfolio])
    assert found.keys() == {kept, portfolio}
    assert found[portfolio]["expenses_cents"] == 200


async def ids(client: Client, query: str = "") -> list[int]:
    answer = await client.get(f"{PATH}?per_page=100{query}")
    assert answer.status == 200, answer.raw
    return [expense["id"] for expense in answer.data["expenses"]]


async def test_filters_sorting_and_pages(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    for name in "PQ":
        await admin.made("/api/projects", {"name": name})
    for amount, category, day in (
        (30, "Travel", "2025-07-02"),
        (10.5, "travel", "2025-06-30"),
        (10.25, " Licences: a b ", "2025-07-01T18:00:00Z"),
        (10, "", "2025-07-31"),
    ):
        await admin.made(PATH, {"amount": amount, "category": category, "incurred_on": day})
    await admin.made("/api/projects/2/expenses", {"amount": 1, "category": "Travel"})
    assert await ids(admin) == [4, 3, 2, 1]
    # Categories are the same in any case, and nothing in them is special.
    assert await ids(admin, "&category=TRAVEL") == [2, 1]
    assert await ids(admin, "&category=licences:%20a%20b") == [3]
    assert await ids(admin, "&category=trav") == await ids(admin, "&category=*") == []
    assert await ids(admin, "&incurred_from=2025-07-01") == [4, 3, 1]
    assert await ids(admin, "&incurred_from=2025-07-01T23:00:00Z") == [4, 3, 1]
    assert await ids(admin, "&incurred_to=2025-07-01") == [3, 2]
    assert await ids(admin, "&incurred_from=2025-07-01&incurred_to=2025-07-02") == [3, 1]
    assert await ids(admin, "&incurred_to=2025-07-02&category=travel") == [2, 1]
    assert await ids(admin, "&incurred_from=2025-07-03&incurred_to=2025-07-02") == []
    assert await ids(admin, "&sort=amount") == [4, 3, 2, 1]
    assert await ids(admin, "&sort=-amount") == [1, 2, 3, 4]
    assert await ids(admin, "&sort=incurred_on") == [2, 3, 1, 4]
    assert await ids(admin, "&sort=-incurred_on") == [4, 1, 3, 2]
    assert await ids(admin, "&sort=id") == await ids(admin, "&sort=created_at") == [1, 2, 3, 4]
    page = await admin.get(f"{PATH}?page=2&per_page=3")
    assert [expense["id"] for expense in page.data["expenses"]] == [1]
    assert page.body["pagination"] == {"page": 2, "per_page": 3, "total": 4, "pages": 2}
    for wrong in ("category=", "incurred_from=soon", "incurred_to=2025-02-30", "sort=category", "q=x"):
        answer = await admin.get(f"{PATH}?{wrong}")
        check_error(answer, 400, "BAD_REQUEST")
        assert wrong.partition("=")[0] in answer.body["message"]


async def test_expenses_have_tags_and_keys_as_everything_has(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    await admin.made("/api/projects", {"name": "P"})
    key = {"Idempotency-Key": "invoice-77"}
    first = await admin.post(PATH, LICENCES, headers=key)
    again = await admin.post(PATH, LICENCES, headers=key)
    assert (again.raw, again.headers["Idempotency-Replayed"]) == (first.raw, "true")
    assert await spent(taskflow) == 1250.5
    tag = first.headers["ETag"]
    assert (await admin.get(f"{PATH}/1", headers={"If-None-Match": tag})).status == 304
    stale = await admin.delete(f"{PATH}/1", headers={"If-Match": '"7-abc"'})
    check_error(stale, 412, "PRECONDITION_FAILED")
    assert (await admin.delete(f"{PATH}/1", headers={"If-Match": tag})).status == 200


async def test_nothing_is_rewritten_the_log_keeps_both(taskflow: Taskflow) -> None:
    await taskflow.admin.made("/api/projects", {"name": "P"})
    await taskflow.admin.made(PATH, LICENCES)
    await taskflow.admin.delete(f"{PATH}/1")
    found: Any = await taskflow.core.store.read_streams(["expense-1"])
    assert [record.event.TOPIC for record in found["expense-1"]] == ["expense.recorded", "expense.reversed"]
