"""Tags by TaskForge: their form, every message, who may do what, and what tasks show of them."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from api.limits.allowances import rate_limits
from api.taskforge.tag_forms import FAULTS
from tests.http import ForgeClient, Reply, Taskflow, caught_up, taskflow_running

GONE = "User account not found or inactive"
NO_DATA = "No data provided"
ADMINS_ONLY = "Admin access required"
NO_HEX_CODE = "Color must be a valid hex code (e.g., #FF0000)"
THEIR_PASSWORD = "password of theirs"  # what Taskflow.user gives

WORK = {"name": "Work", "color": "#FF0000", "description": "What is paid for"}
ONE = "/api/tags/1"


def check_refused(answer: Reply, status: int, message: str) -> None:
    """The whole body, and nothing beside it."""
    assert (answer.status, answer.body) == (status, {"success": False, "message": message})


def check_token_asked_for(answer: Reply) -> None:
    assert (answer.status, answer.body) == (401, {"msg": "Missing Authorization Header"})


def check_shown(answer: Reply, data: object, message: str | None = None, status: int = 200) -> None:
    said = {} if message is None else {"message": message}
    assert (answer.status, answer.body) == (status, {"success": True, "data": data} | said)


def check_confirmed(answer: Reply, message: str) -> None:
    assert (answer.status, answer.body) == (200, {"success": True, "message": message})


async def somebody(taskflow: Taskflow, username: str, role: str = "user") -> ForgeClient:
    """Somebody whom TaskFlow Pro's admin has registered, logged in to TaskForge."""
    await taskflow.user(username, role)
    return await (await taskflow.forge()).log_in(f"{username}@example.com", THEIR_PASSWORD)


async def shut_out(taskflow: Taskflow) -> tuple[ForgeClient, ForgeClient]:
    """Two whose access tokens are good, but who are inactive and deleted."""
    lazy, gone = await somebody(taskflow, "lazy"), await somebody(taskflow, "gone")
    admin = await taskflow.forge_admin()
    assert (await admin.post(f"/api/users/{lazy.id}/deactivate")).status == 200
    assert (await admin.delete(f"/api/users/{gone.id}")).status == 200
    return lazy, gone


async def names(client: ForgeClient, query: str = "") -> list[str]:
    answer = await client.get(f"/api/tags{query}")
    assert answer.status == 200, answer.raw
    return [tag["name"] for tag in answer.data["tags"]]


async def count(client: ForgeClient, tag_id: int) -> int | None:
    found: int | None = (await client.get(f"/api/tags/{tag_id}")).data["task_count"]
    return found


async def test_a_tag_is_made_read_changed_and_deleted(taskflow: Taskflow) -> None:
    admin, uma = await taskflow.forge_admin(), await taskflow.forge_user("uma")
    made = await uma.post("/api/tags", WORK)
    tag = made.data
    assert tag == WORK | {
        "id": 1,
        "created_at": tag["created_at"],
        "updated_at": tag["created_at"],
        "task_count": 0,
    }
    assert list(tag) == ["id", "name", "color", "description", "created_at", "updated_at", "task_count"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?", tag["created_at"])
    check_shown(made, tag, "Tag created successfully", 201)
    check_shown(await uma.get(ONE), tag)
    for method, change in (("PUT", {"name": "Job", "color": "#00ff00"}), ("PATCH", {"description": "Fun"})):
        changed = await admin.send(method, ONE, change)
        assert changed.data["updated_at"] > tag["updated_at"]
        tag |= change | {"updated_at": changed.data["updated_at"]}
        check_shown(changed, tag, "Tag updated successfully")
        check_shown(await uma.get(ONE), tag)
    check_confirmed(await admin.delete(ONE), "Tag deleted successfully")
    for answer in (await uma.get(ONE), await admin.put(ONE, {"name": "x"}), await admin.delete(ONE)):
        check_refused(answer, 404, "Tag not found")


async def test_what_is_left_out_empty_or_unknown(taskflow: Taskflow) -> None:
    admin = await taskflow.forge_admin()
    cases: tuple[tuple[dict[str, object], str | None, str | None], ...] = (
        ({}, "#808080", None),
        ({"color": None, "description": None}, None, None),
        ({"color": "", "description": ""}, None, None),
        ({"color": "#aBcDeF", "description": " \t "}, "#aBcDeF", None),
        ({"description": " Two words ", "task_count": 7, "id": 77, "nonsense": {}}, "#808080", "Two words"),
    )
    for number, (body, color, description) in enumerate(cases, 1):
        tag = await admin.made("/api/tags", {"name": f" Tag {number}\n"} | body)
        assert (tag["id"], tag["name"]) == (number, f"Tag {number}")
        assert (tag["color"], tag["description"]) == (color, description)
    path = f"/api/tags/{tag['id']}"
    for nothing in (None, ""):
        await admin.put(path, {"color": "#112233", "description": "D"})
        cleared = (await admin.patch(path, {"color": nothing, "description": nothing})).data
        assert (cleared["color"], cleared["description"]) == (None, None)
    for change in ({"nonsense": 1}, {"id": 3, "task_count": 9}, {"name": cleared["name"], "color": None}):
        check_shown(await admin.put(path, change), cleared, "Tag updated successfully")


UNUSABLE: tuple[dict[str, Any], ...] = (
    {},
    {"json": {}},
    {"json": []},
    {"json": "name"},
    {"data": b"null", "headers": {"Content-Type": "application/json"}},
    {"data": b'{"name": "x"', "headers": {"Content-Type": "application/json"}},
    {"data": b'{"name": "x"}'},
    {"data": b'{"name": "x"}', "headers": {"Content-Type": "text/plain"}},
)
"""Bodies that hold nothing, or nothing that can be read."""

FIELD_RULES: tuple[tuple[dict[str, object], str], ...] = (
    ({"name": 5, "color": 5, "description": 5}, "Name must be a string"),
    ({"name": ["x"]}, "Name must be a string"),
    ({"name": "a\0b", "color": "x"}, "Name contains an invalid character"),
    ({"name": " \t ", "color": "x"}, "Name must be at least 1 characters"),
    ({"name": "x" * 51, "color": "x"}, "Name must not exceed 50 characters"),
    ({"name": "Taken", "color": 5, "description": 5}, "Color must be a string"),
    ({"name": "New", "color": False}, "Color must be a string"),
    ({"name": "New", "color": []}, "Color must be a string"),
    ({"name": "New", "color": "#0000\0"}, "Color contains an invalid character"),
    ({"name": "Taken", "color": "red", "description": 5}, NO_HEX_CODE),
    ({"name": "Taken", "description": 5}, "Description must be a string"),
    ({"name": "New", "description": {}}, "Description must be a string"),
    ({"name": "New", "description": "\0"}, "Description contains an invalid character"),
    ({"name": "Taken", "description": "x" * 5001}, "Description must not exceed 5000 characters"),
)
"""Each with what comes first, whatever else is wrong after it."""

NO_COLORS = ("#f00", "ff0000", "#ff00000", "#GGGGGG", " #FF0000", "#FF0000\n", " ", "#१२३४५६")


def test_every_rule_that_is_documented_is_provoked_here() -> None:
    assert {message for _, message in FIELD_RULES} == set(FAULTS)


async def test_every_rule_for_a_new_tag_in_its_order(taskflow: Taskflow) -> None:
    admin = await taskflow.forge_admin()
    await admin.made("/api/tags", {"name": "Taken"})
    head = await taskflow.core.store.head()
    for unusable in UNUSABLE:
        check_refused(await admin.post("/api/tags", **unusable), 400, NO_DATA)
    for missing in ({"color": 5}, {"name": None, "color": "x"}, {"name": "", "description": 5}):
        check_refused(await admin.post("/api/tags", missing), 400, "Missing required fields: name")
    for body, message in FIELD_RULES:
        check_refused(await admin.post("/api/tags", body), 400, message)
    for color in NO_COLORS:
        check_refused(await admin.post("/api/tags", {"name": "Taken", "color": color}), 400, NO_HEX_CODE)
    for name in ("Taken", "tAKEN", "  taken "):
        check_refused(await admin.post("/api/tags", {"name": name}), 409, "Tag already exists")
    assert await taskflow.core.store.head() == head
    longest = {"name": "é" * 50, "description": "x" * 5000}
    assert (await admin.made("/api/tags", longest))["name"] == "é" * 50


async def test_every_rule_for_a_change_in_its_order(taskflow: Taskflow) -> None:
    admin, uma = await taskflow.forge_admin(), await taskflow.forge_user("uma")
    for name in ("Mine", "Taken"):
        await admin.made("/api/tags", {"name": name})
    head = await taskflow.core.store.head()
    for unusable in UNUSABLE:
        check_refused(await uma.put(ONE, **unusable), 403, ADMINS_ONLY)
        for path in (ONE, "/api/tags/77"):
            check_refused(await admin.put(path, **unusable), 400, NO_DATA)
    for number in ("0", "77", "0077", "9" * 18, "9" * 19, "9" * 40):
        check_refused(await admin.put(f"/api/tags/{number}", {"name": 5}), 404, "Tag not found")
        check_refused(await admin.get(f"/api/tags/{number}"), 404, "Tag not found")
        check_refused(await admin.delete(f"/api/tags/{number}"), 404, "Tag not found")
    for body, message in FIELD_RULES:
        for method in ("PUT", "PATCH"):
            check_refused(await admin.send(method, ONE, body), 400, message)
    check_refused(await admin.put(ONE, {"name": None}), 400, "Name must be a string")
    check_refused(await admin.put(ONE, {"name": ""}), 400, "Name must be at least 1 characters")
    check_refused(await admin.put(ONE, {"name": "TAKEN", "color": "#000000"}), 409, "Tag already exists")
    assert await taskflow.core.store.head() == head
    assert (await admin.get(ONE)).data["color"] == "#808080"
    assert (await admin.put(ONE, {"name": " MINE "})).data["name"] == "MINE"


async def test_who_may_do_what(taskflow: Taskflow) -> None:
    admin, uma = await taskflow.forge_admin(), await taskflow.forge_user("uma")
    mia = await somebody(taskflow, "mia", "manager")
    lazy, gone = await shut_out(taskflow)
    nobody = await taskflow.forge()
    for client in (admin, mia, uma):
        await client.made("/api/tags", {"name": f"By {client.user['username']}"})
        assert (await client.get("/api/tags")).status == 200
        assert (await client.get(ONE)).status == 200
    for method, path, body in (
        ("GET", "/api/tags", None),
        ("GET", ONE, None),
        ("POST", "/api/tags", {"name": "New"}),
        ("PUT", ONE, {"name": "New"}),
        ("PATCH", ONE, {"name": "New"}),
        ("DELETE", ONE, None),
    ):
        check_token_asked_for(await nobody.send(method, path, body))
        for client in (lazy, gone):
            check_refused(await client.send(method, path, body), 404, GONE)
        if method not in ("GET", "POST"):
            for client in (mia, uma):
                for each in (path, "/api/tags/77", "/api/tags/" + "9" * 40):
                    check_refused(await client.send(method, each, body), 403, ADMINS_ONLY)
    assert sorted(await names(admin)) == ["By admin", "By mia", "By uma"]


async def test_lists_by_every_order_and_page(taskflow: Taskflow) -> None:
    admin = await taskflow.forge_admin()
    for number, name in enumerate(("cherry", "Apple", "banana", "Élan", "apple pie"), 1):
        await admin.made("/api/tags", {"name": name})
        assert (await admin.get(f"/api/tags/{number}")).data["name"] == name
    await admin.put("/api/tags/2", {"color": None})
    by_name = ["Apple", "apple pie", "banana", "cherry", "Élan"]
    by_id = ["cherry", "Apple", "banana", "Élan", "apple pie"]
    by_change = ["cherry", "banana", "Élan", "apple pie", "Apple"]
    for query, found in (
        ("", by_name),
        ("?sort_order=desc", by_name[::-1]),
        ("?sort_order=DESC&sort_by=name", by_name[::-1]),
        ("?sort_by=color&sort_order=up", by_name),
        ("?sort_by=id", by_id),
        ("?sort_by=id&sort_order=desc", by_id[::-1]),
        ("?sort_by=created_at&sort_order=Asc", by_id),
        ("?sort_by=created_at&sort_order=desc", by_id[::-1]),
        ("?sort_by=updated_at", by_change),
        ("?sort_by=updated_at&sort_order=desc", by_change[::-1]),
        ("?per_page=2&page=2", by_name[2:4]),
        ("?per_page=0&page=0", by_name),
        ("?per_page=x&page=x&nonsense=1", by_name),
    ):
        assert await names(admin, query) == found, query
    for query, page, per_page, pages, has_next, has_prev in (
        ("", 1, 10, 1, False, False),
        ("?per_page=2", 1, 2, 3, True, False),
        ("?per_page=2&page=2", 2, 2, 3, True, True),
        ("?per_page=2&page=3", 3, 2, 3, False, True),
        ("?per_page=2&page=9", 9, 2, 3, False, True),
        ("?per_page=-5&page=-5", 1, 10, 1, False, False),
        ("?per_page=101", 1, 100, 1, False, False),
    ):
        answer = await admin.get(f"/api/tags{query}")
        pagination = {
            "page": page,
            "per_page": per_page,
            "total": 5,
            "total_pages": pages,
            "has_next": has_next,
            "has_prev": has_prev,
        }
        check_shown(answer, {"tags": answer.data["tags"], "pagination": pagination})
    assert await names(admin, "?per_page=2&page=9") == []


async def test_without_any_tag_there_is_no_page(taskflow: Taskflow) -> None:
    pagination = {
        "page": 1,
        "per_page": 10,
        "total": 0,
        "total_pages": 0,
        "has_next": False,
        "has_prev": False,
    }
    check_shown(await (await taskflow.forge_admin()).get("/api/tags"), {"tags": [], "pagination": pagination})


async def test_everybodys_tasks_count_once_and_as_long_as_they_have_the_tag(taskflow: Taskflow) -> None:
    admin, uma, ugo = (
        await taskflow.forge_admin(),
        await taskflow.forge_user("uma"),
        await taskflow.forge_user("ugo"),
    )
    for name in ("One", "Two"):
        await admin.made("/api/tags", {"name": name})
    hers = await uma.made("/api/tasks", {"title": "Hers", "tags": [1]})
    his = await ugo.made("/api/tasks", {"title": "His", "tags": [2, 1, 1, 77]})
    assert [tag["id"] for tag in his["tags"]] == [1, 2]
    assert [tag["task_count"] for tag in his["tags"]] == [2, 1]
    assert [await count(uma, each) for each in (1, 2)] == [2, 1]
    listed = (await uma.get("/api/tags")).data["tags"]
    assert [(tag["name"], tag["task_count"]) for tag in listed] == [("One", 2), ("Two", 1)]
    await uma.put(f"/api/tasks/{hers['id']}", {"tags": [2]})
    assert [await count(uma, each) for each in (1, 2)] == [1, 2]
    await uma.put(f"/api/tasks/{hers['id']}", {"tags": []})
    assert [await count(uma, each) for each in (1, 2)] == [1, 1]
    assert (await admin.delete(f"/api/users/{ugo.id}")).status == 200
    assert [await count(uma, each) for each in (1, 2)] == [0, 0]
    await uma.put(f"/api/tasks/{hers['id']}", {"tags": [1, 2]})
    assert (await uma.delete(f"/api/tasks/{hers['id']}")).status == 200
    assert [await count(uma, each) for each in (1, 2)] == [0, 0]


async def test_a_deleted_tag_leaves_its_tasks_and_its_name_is_free(taskflow: Taskflow) -> None:
    admin, uma = await taskflow.forge_admin(), await taskflow.forge_user("uma")
    for name in ("One", "Two"):
        await admin.made("/api/tags", {"name": name})
    task = await uma.made("/api/tasks", {"title": "T", "tags": [1, 2]})
    assert (await admin.delete(ONE)).status == 200
    left = (await uma.get(f"/api/tasks/{task['id']}")).data
    assert [tag["name"] for tag in left["tags"]] == ["Two"]
    again = await uma.made("/api/tags", {"name": "one"})
    assert (again["id"], again["task_count"]) == (3, 0)
    left = (await uma.put(f"/api/tasks/{task['id']}", {"tags": [1, 2, 3]})).data
    assert [tag["id"] for tag in left["tags"]] == [2, 3]


async def test_both_apis_show_one_and_the_same_tags(taskflow: Taskflow) -> None:
    forge = await taskflow.forge_admin()
    for tag in (WORK, {"name": "Plain", "color": None}, {"name": "Gone"}):
        await forge.made("/api/tags", tag)
    task = await forge.made("/api/tasks", {"title": "T", "tags": [3, 2, 1]})
    path = f"/api/tasks/{task['id']}"
    work, plain = {"id": 1, "name": "Work", "color": "#FF0000"}, {"id": 2, "name": "Plain", "color": ""}
    assert (await forge.delete("/api/tags/3")).status == 200
    shown = await taskflow.admin.get(path)
    assert shown.data["task"]["tags"] == [work, plain]
    assert (await forge.put(ONE, {"name": "Job"})).status == 200
    assert (await taskflow.admin.get(path)).data["task"]["tags"] == [work | {"name": "Job"}, plain]
    # What TaskFlow Pro changes of a task, its tags survive.
    assert (await taskflow.admin.put(path, {"title": "U"})).data["task"]["tags"] == [
        work | {"name": "Job"},
        plain,
    ]
    assert [tag["name"] for tag in (await forge.get(path)).data["tags"]] == ["Job", "Plain"]


async def test_of_many_who_want_one_name_one_gets_it(taskflow: Taskflow) -> None:
    twin = await taskflow.twin()
    clients = [await taskflow.forge_admin(), await twin.forge_admin()]
    wanted = ("Urgent", "urgent", "URGENT", " urgent ")
    answers = await asyncio.gather(
        *(clients[turn % 2].post("/api/tags", {"name": wanted[turn % 4]}) for turn in range(20))
    )
    assert sorted(answer.status for answer in answers) == [201] + [409] * 19
    for answer in answers:
        if answer.status == 409:
            check_refused(answer, 409, "Tag already exists")
    await clients[0].made("/api/tags", {"name": "Other"})
    other = (await clients[0].get("/api/tags?sort_by=id&sort_order=desc")).data["tags"][0]["id"]
    await clients[0].made("/api/tags", {"name": "Third"})
    third = (await clients[0].get("/api/tags?sort_by=id&sort_order=desc")).data["tags"][0]["id"]
    renamed = await asyncio.gather(
        *(
            client.put(f"/api/tags/{tag_id}", {"name": "New"})
            for client in clients
            for tag_id in (other, third)
        )
    )
    assert sorted(answer.status for answer in renamed) == [200, 200, 409, 409]
    assert (await names(clients[0])).count("New") == 1


async def test_a_repeated_key_makes_no_second_tag(taskflow: Taskflow) -> None:
    admin = await taskflow.forge_admin()
    key = {"Idempotency-Key": "one-and-only-key"}
    first = await admin.post("/api/tags", WORK, headers=key)
    again = await admin.post("/api/tags", WORK, headers=key)
    assert (first.status, again.status) == (201, 201)
    assert again.raw == first.raw
    other = await admin.post("/api/tags", WORK | {"color": "#000000"}, headers=key)
    check_refused(other, 409, "This Idempotency-Key was used with another body")
    refused = {"Idempotency-Key": "another-key-of-theirs"}
    for _ in range(2):
        check_refused(await admin.post("/api/tags", WORK, headers=refused), 409, "Tag already exists")
    assert await names(admin) == ["Work"]


async def test_somebody_may_make_twenty_tags_an_hour_and_strangers_do_not_count(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with taskflow_running(
        database_url, redis_url, rate_limits=rate_limits("1000/hour;100/hour;20/minute")
    ) as server:
        admin, nobody = await server.forge_admin(), await server.forge()
        for _ in range(3):
            check_token_asked_for(await nobody.post("/api/tags", WORK))
        answers = [await admin.post("/api/tags", {"name": f"Tag {turn}"}) for turn in range(20)]
        assert {answer.status for answer in answers} == {201}
        over = await admin.post("/api/tags", {"name": "One more"})
        assert (over.status, over.body) == (429, {"message": "429 Too Many Requests: 20 per 1 hour"})


async def test_a_write_that_the_read_model_has_not_seen_is_shown_all_the_same(taskflow: Taskflow) -> None:
    admin = await taskflow.forge_admin()
    await admin.made("/api/tags", WORK)
    await admin.made("/api/tasks", {"title": "T", "tags": [1]})
    await taskflow.stop_projector()
    object.__setattr__(taskflow.core.settings, "caught_up_timeout_s", 0.2)
    answers = (
        await admin.post("/api/tags", {"name": "New"}),
        await admin.put(ONE, {"name": "Job"}),
        await admin.delete("/api/tags/2"),
        await admin.post("/api/tasks", {"title": "U", "tags": [1, 2]}),
    )
    assert [answer.headers["X-Read-Model"] for answer in answers] == ["behind"] * 4
    assert (answers[0].data["name"], answers[0].data["task_count"]) == ("New", 0)
    # How many tasks have it is as it was last known.
    assert (answers[1].data["name"], answers[1].data["task_count"]) == ("Job", 1)
    assert [(tag["name"], tag["task_count"]) for tag in answers[3].data["tags"]] == [("Job", 1)]
    assert (await admin.get(ONE)).status == 503
    object.__setattr__(taskflow.core.settings, "caught_up_timeout_s", 5)
    taskflow.start_projector()
    await caught_up(taskflow.core)
    assert await names(admin) == ["Job"]
