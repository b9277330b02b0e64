"""Risks over HTTP: their form, filters, rights, and their place in the project."""

from __future__ import annotations

import pytest

from tests.http import Client, Taskflow
from tests.test_http_envelope import check_error, check_frame
from tests.test_http_projects import three_people

PAGE_EXAMPLE = {
    "title": "Technical Complexity Risk",
    "description": "High technical complexity may lead to delays",
    "severity": "high",
    "probability": "medium",
    "impact": "schedule",
    "mitigation_plan": "Engage senior developers and provide additional training",
}
PAGE_CHANGE = {
    "status": "mitigated",
    "actual_impact": "minimal",
    "resolution_notes": "Risk successfully managed through proactive measures",
}


async def test_the_pages_examples_raise_and_mitigate_a_risk(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    await admin.made("/api/projects", {"name": "P"})
    created = await admin.post("/api/projects/1/risks", PAGE_EXAMPLE)
    check_frame(created)
    assert (created.status, created.body["message"]) == (201, "Risk created successfully")
    risk = created.data["risk"]
    assert risk == {
        "id": 1,
        "project_id": 1,
        **PAGE_EXAMPLE,
        "status": "active",
        "actual_impact": "",
        "resolution_notes": "",
        "created_at": risk["created_at"],
        "updated_at": risk["created_at"],
    }
    assert created.headers["ETag"].startswith('"1-')
    assert (await admin.get("/api/risks/1")).data["risk"] == risk
    changed = await admin.put("/api/risks/1", PAGE_CHANGE)
    check_frame(changed)
    assert (changed.status, changed.body["message"]) == (200, "Risk updated successfully")
    assert changed.data["risk"] == risk | PAGE_CHANGE | {"updated_at": changed.data["risk"]["updated_at"]}
    listed = await admin.get("/api/projects/1/risks")
    check_frame(listed)
    assert listed.data["risks"] == [changed.data["risk"]]
    assert listed.body["pagination"] == {"page": 1, "per_page": 10, "total": 1, "pages": 1}


async def test_a_risk_needs_no_more_than_a_title(taskflow: Taskflow) -> None:
    await taskflow.admin.made("/api/projects", {"name": "P"})
    risk = await taskflow.admin.made("/api/projects/1/risks", {"title": "  Rain "})
    given = (risk["title"], risk["severity"], risk["probability"], risk["status"])
    assert given == ("Rain", "medium", "medium", "active")
    assert (risk["description"], risk["impact"], risk["mitigation_plan"]) == ("", "", "")
    over = {"title": "Snow", "status": "closed", "actual_impact": " none ", "resolution_notes": "It was warm"}
    risk = await taskflow.admin.made("/api/projects/1/risks", over)
    assert (risk["status"], risk["actual_impact"]) == ("closed", "none")
    assert risk["resolution_notes"] == "It was warm"


async def test_everything_that_is_wrong_is_said_at_once(taskflow: Taskflow) -> None:
    await taskflow.admin.made("/api/projects", {"name": "P"})
    await taskflow.admin.made("/api/projects/1/risks", {"title": "Rain"})
    wrong = {
        "title": "x" * 201,
        "description": "x" * 5001,
        "severity": "urgent",
        "probability": "critical",
        "impact": "x" * 51,
        "mitigation_plan": "a\0b",
        "status": "open",
        "actual_impact": ["x"],
        "resolution_notes": 5,
        "project_id": 2,
    }
    faults = {
        "title": ["Title must be at most 200 characters"],
        "description": ["Description must be at most 5000 characters"],
        "severity": ["Severity must be one of: low, medium, high, critical"],
        "probability": ["Probability must be one of: low, medium, high"],
        "impact": ["Impact must be at most 50 characters"],
        "mitigation_plan": ["Mitigation plan must not contain the NUL character"],
        "status": ["Status must be one of: active, mitigated, resolved, closed"],
        "actual_impact": ["Actual impact must be a text"],
        "resolution_notes": ["Resolution notes must be a text"],
        "project_id": ["Project id is not a known field"],
    }
    for answer in (
        await taskflow.admin.post("/api/projects/1/risks", wrong),
        await taskflow.admin.put("/api/risks/1", wrong),
    ):
        assert (answer.status, answer.body["message"]) == (422, "Validation failed")
        check_frame(answer)
        assert answer.errors == faults
    answer = await taskflow.admin.post("/api/projects/1/risks", {})
    assert answer.errors == {"title": ["Title is required"]}
    assert (await taskflow.admin.put("/api/risks/1", {})).status == 200
    assert (await taskflow.admin.put("/api/risks/1", {"title": ""})).errors == {
        "title": ["Title is required"]
    }


async def test_as_much_as_fits_is_kept(taskflow: Taskflow) -> None:
    await taskflow.admin.made("/api/projects", {"name": "P"})
    full = {
        "title": "ü" * 200,
        "description": "x" * 5000,
        "impact": "x" * 50,
        "mitigation_plan": "x" * 5000,
        "actual_impact": "x" * 50,
        "resolution_notes": "=1+1\n" * 1000,
    }
    risk = await taskflow.admin.made("/api/projects/1/risks", full)
    assert {name: risk[name] for name in full} == full
    empty = {name: None for name in full if name != "title"}
    changed = await taskflow.admin.put("/api/risks/1", empty)
    assert {changed.data["risk"][name] for name in empty} == {""}


async def test_who_may_do_what(taskflow: Taskflow) -> None:
    mia, max_, uma = await three_people(taskflow)
    await mia.made("/api/projects", {"name": "Of Mia"})
    await mia.made("/api/projects/1/risks", {"title": "Rain"})
    nobody = await taskflow.anybody()
    for answer in (
        await nobody.get("/api/projects/1/risks"),
        await nobody.post("/api/projects/1/risks", {"title": "x"}),
        await nobody.get("/api/risks/1"),
        await nobody.put("/api/risks/1", {"status": "closed"}),
    ):
        check_error(answer, 401, "AUTH_REQUIRED")
    for answer in (await max_.get("/api/projects/1/risks"), await max_.get("/api/risks/1")):
        assert answer.status == 200
    for answer in (
        await max_.post("/api/projects/1/risks", {"nonsense": 1}),
        await max_.put("/api/risks/1", {"status": "nonsense"}),
    ):
        check_error(answer, 403, "PERMISSION_DENIED")
        assert (answer.data["required_role"], answer.data["current_role"]) == ("admin", "manager")
    # Who has nothing to do with the project does not even learn that there is one.
    for answer in (
        await uma.get("/api/projects/1/risks"),
        await uma.post("/api/projects/1/risks", {"nonsense": 1}),
    ):
        check_error(answer, 404, "NOT_FOUND")
        assert answer.body["message"] == "Project not found"
    for answer in (await uma.get("/api/risks/1"), await uma.put("/api/risks/1", {"nonsense": 1})):
        check_error(answer, 404, "NOT_FOUND")
        assert answer.body["message"] == "Risk not found"
    await mia.made("/api/projects/1/tasks", {"title": "For Uma", "assigned_to": [4]})
    assert len((await uma.get("/api/projects/1/risks")).data["risks"]) == 1
    assert (await uma.get("/api/risks/1")).data["risk"]["title"] == "Rain"
    for answer in (
        await uma.post("/api/projects/1/risks", {"title": "x"}),
        await uma.put("/api/risks/1", {"status": "closed"}),
    ):
        check_error(answer, 403, "PERMISSION_DENIED")
        assert (answer.data["required_role"], answer.data["current_role"]) == ("manager", "user")
    assert (await mia.put("/api/risks/1", {"severity": "low"})).status == 200
    assert (await taskflow.admin.put("/api/risks/1", {"severity": "high"})).status == 200


async def test_what_is_not_there_is_404_whatever_is_asked(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    await admin.made("/api/projects", {"name": "P"})
    for answer in (
        await admin.get("/api/projects/2/risks"),
        await admin.post("/api/projects/2/risks", {"nonsense": 1}),
        await admin.get("/api/projects/x/risks"),
        await admin.get("/api/risks/1"),
        await admin.put("/api/risks/1", {"nonsense": 1}),
        await admin.get("/api/risks/0"),
        await admin.put("/api/risks/one", {}),
    ):
        check_error(answer, 404, "NOT_FOUND")
    # Nothing in the contract deletes a risk, or lists the risks of all projects.
    await admin.made("/api/projects/1/risks", {"title": "Rain"})
    answer = await admin.delete("/api/risks/1")
    check_error(answer, 405, "METHOD_NOT_ALLOWED")
    assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD", "PUT"}
    check_error(await admin.get("/api/risks"), 404, "NOT_FOUND")


@pytest.mark.parametrize("status", ["completed", "cancelled"])
async def test_a_closed_project_takes_no_new_risks(taskflow: Taskflow, status: str) -> None:
    admin = taskflow.admin
    await admin.made("/api/projects", {"name": "P"})
    await admin.made("/api/projects/1/risks", {"title": "Rain"})
    await admin.put("/api/projects/1", {"status": status})
    answer = await admin.post("/api/projects/1/risks", {"title": "Snow"})
    check_error(answer, 409, "CONFLICT")
    assert "no new risks" in answer.body["message"]
    assert (await admin.post("/api/projects/1/risks", {})).status == 422
    assert (await admin.put("/api/risks/1", PAGE_CHANGE)).data["risk"]["status"] == "mitigated"
    await admin.put("/api/projects/1", {"status": "on_hold"})
    assert (await admin.post("/api/projects/1/risks", {"title": "Snow"})).status == 201


async def test_with_its_project_a_risk_is_gone(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    for number in (1, 2):
        await admin.made("/api/projects", {"name": f"P{number}"})
        await admin.made(f"/api/projects/{number}/risks", {"title": "Rain"})
    await admin.delete("/api/projects/1")
    check_error(await admin.get("/api/risks/1"), 404, "NOT_FOUND")
    check_error(await admin.put("/api/risks/1", {"title": "x"}), 404, "NOT_FOUND")
    check_error(await admin.get("/api/projects/1/risks"), 404, "NOT_FOUND")
    assert (await admin.get("/api/projects/2/risks")).body["pagination"]["total"] == 1


async def titles(client: Client, query: str = "") -> list[str]:
    answer = await client.get(f"/api/projects/1/risks?per_page=100{query}")
    assert answer.status == 200, answer.raw
    return [risk["title"] for risk in answer.data["risks"]]


async def test_filters_sorting_and_pages(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    for name in "PQ":
        await admin.made("/api/projects", {"name": name})
    await admin.made("/api/projects/2/risks", {"title": "Elsewhere"})
    for title, severity, status in (
        ("beta", "low", "active"),
        ("Alpha", "critical", "mitigated"),
        ("gamma", "medium", "resolved"),
        ("Delta", "high", "active"),
    ):
        await admin.made("/api/projects/1/risks", {"title": title, "severity": severity, "status": status})
    assert await titles(admin) == ["Delta", "gamma", "Alpha", "beta"]
    assert await titles(admin, "&status=active") == ["Delta", "beta"]
    assert await titles(admin, "&status=closed") == []
    assert await titles(admin, "&severity=critical") == ["Alpha"]
    assert await titles(admin, "&severity=high&status=active") == ["Delta"]
    assert await titles(admin, "&severity=high&status=resolved") == []
    assert await titles(admin, "&sort=title") == ["Alpha", "beta", "Delta", "gamma"]
    assert await titles(admin, "&sort=-severity") == ["Alpha", "Delta", "gamma", "beta"]
    assert await titles(admin, "&sort=severity") == ["beta", "gamma", "Delta", "Alpha"]
    assert await titles(admin, "&sort=id") == ["beta", "Alpha", "gamma", "Delta"]
    assert await titles(admin, "&sort=created_at") == ["beta", "Alpha", "gamma", "Delta"]
    await admin.put("/api/risks/2", {"impact": "cost"})
    assert (await titles(admin, "&sort=-updated_at"))[0] == "beta"
    await admin.put("/api/risks/2", {"status": "closed", "severity": "high"})
    assert await titles(admin, "&status=active") == ["Delta"]
    assert await titles(admin, "&severity=high") == ["Delta", "beta"]
    page = await admin.get("/api/projects/1/risks?page=2&per_page=3")
    assert [risk["title"] for risk in page.data["risks"]] == ["beta"]
    assert page.body["pagination"] == {"page": 2, "per_page": 3, "total": 4, "pages": 2}
    for wrong in ("status=open", "severity=urgent", "probability=low", "q=x", "sort=status", "page=0"):
        answer = await admin.get(f"/api/projects/1/risks?{wrong}")
        check_error(answer, 400, "BAD_REQUEST")
        assert wrong.partition("=")[0] in answer.body["message"]


async def test_risks_have_tags_and_keys_as_everything_has(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    await admin.made("/api/projects", {"name": "P"})
    key = {"Idempotency-Key": "rain-1"}
    first = await admin.post("/api/projects/1/risks", {"title": "Rain"}, headers=key)
    again = await admin.post("/api/projects/1/risks", {"title": "Rain"}, headers=key)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert again.raw == first.raw
    other = await admin.post("/api/projects/1/risks", {"title": "Snow"}, headers=key)
    assert list(other.errors) == ["Idempotency-Key"]
    tag = (await admin.get("/api/risks/1")).headers["ETag"]
    assert tag == first.headers["ETag"]
    assert (await admin.get("/api/risks/1", headers={"If-None-Match": tag})).status == 304
    changed = await admin.put("/api/risks/1", {"status": "closed"}, headers={"If-Match": tag})
    assert (changed.status, changed.headers["ETag"][:3]) == (200, '"2-')
    stale = await admin.put("/api/risks/1", {"status": "active"}, headers={"If-Match": tag})
    check_error(stale, 412, "PRECONDITION_FAILED")
    same = await admin.put("/api/risks/1", {"status": "closed"})
    assert same.headers["ETag"] == changed.headers["ETag"]


async def test_the_project_shows_its_risks_in_brief_newest_first(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.taskflow.listing.PAGE_MAX", 2)
    admin = taskflow.admin
    await admin.made("/api/projects", {"name": "P"})
    await admin.made("/api/projects/1/risks", PAGE_EXAMPLE)
    for title in "abcd":
        await admin.made("/api/projects/1/risks", {"title": title})
    before = await admin.get("/api/projects/1")
    assert [risk["id"] for risk in before.data["project"]["risks"]] == [5, 4, 3, 2, 1]
    assert before.data["project"]["risks"][-1] == {
        "id": 1,
        "title": "Technical Complexity Risk",
        "severity": "high",
        "probability": "medium",
        "status": "active",
    }
    await admin.put("/api/risks/1", PAGE_CHANGE)
    after = await admin.get("/api/projects/1")
    assert after.data["project"]["risks"][-1]["status"] == "mitigated"
    assert after.headers["ETag"] != before.headers["ETag"]
    assert after.headers["ETag"].split("-")[0] == before.headers["ETag"].split("-")[0]
