"""Lists of tasks over TaskForge: whose they are, filters, sorting, paging, and the statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, Final

import pytest
from redis.asyncio import Redis

from api import scans
from tests.http import ForgeClient, Taskflow
from tests.test_http_envelope import exchange

Shown = dict[str, Any]

PRESENT: Final = datetime.now(UTC).replace(tzinfo=None)


def due(**distance: float) -> str:
    return (PRESENT + timedelta(**distance)).isoformat(timespec="seconds")


TASKS: Final[tuple[Mapping[str, Any], ...]] = (
    {"title": "Banana", "description": "Yellow 50% off", "due_date": due(days=-3), "tags": [1]},
    {"title": "apple", "priority": "low", "due_date": due(days=2)},
    {"title": "Cherry", "description": "red", "status": "completed", "due_date": due(days=-3), "tags": [2]},
    {
        "title": "Apple",
        "priority": "urgent",
        "status": "in_progress",
        "due_date": due(hours=-1),
        "tags": [1, 2],
    },
    {"title": "Äpfel", "description": "GRÜN und süß", "priority": "high", "status": "cancelled"},
    {"title": "banana", "due_date": due(days=-9), "status": "cancelled", "tags": [3]},
    {"title": "50_50", "description": "apple pie", "priority": "low", "tags": [1, 2, 3]},
    {"title": "Date", "due_date": "2024-01-15", "status": "completed", "priority": "high"},
    {"title": "elder", "due_date": due(days=2), "priority": "urgent"},
    {"title": "(.*)", "description": "[a-z]\\", "due_date": "2024-01-15T10:30:00"},
    {"title": "Banana", "status": "in_progress"},
)
TAGS: Final = ("Work", "homework 100%", "Old_stuff")

SORTS: Final[Mapping[str, Callable[[Shown], Any]]] = {
    "id": lambda task: task["id"],
    "title": lambda task: task["title"].casefold(),
    "status": lambda task: task["status"],
    "priority": lambda task: task["priority"],
    "due_date": lambda task: task["due_date"],
    "created_at": lambda task: task["created_at"],
    "updated_at": lambda task: task["updated_at"],
}


async def filled(taskflow: Taskflow) -> ForgeClient:
    """Ana, who has made all tags and tasks; some of these have changed since."""
    ana = await taskflow.forge_user("ana")
    for name in TAGS:
        await ana.made("/api/tags", {"name": name})
    for task in TASKS:
        await ana.made("/api/tasks", task)
    for number in (3, 7, 2):
        await ana.put(f"/api/tasks/{number}", {"priority": "medium"})
    return ana


async def listed(client: ForgeClient, **asked: str) -> list[Shown]:
    answer = await client.get("/api/tasks", params={"per_page": "100"} | asked)
    assert answer.status == 200, answer.raw
    tasks: list[Shown] = answer.data["tasks"]
    assert answer.data["pagination"]["total"] == len(tasks)
    return tasks


async def ids(client: ForgeClient, **asked: str) -> list[int]:
    """In ascending order, unless something else is asked for."""
    return [task["id"] for task in await listed(client, **{"sort_by": "id", "sort_order": "asc"} | asked)]


def in_order(tasks: Sequence[Shown], field: str, *, descending: bool) -> list[int]:
    """What has no value comes last either way; equal ones go by id in the direction of the order."""
    by_id = sorted(tasks, key=lambda task: task["id"], reverse=descending)
    some = [task for task in by_id if SORTS[field](task) is not None]
    none = [task for task in by_id if SORTS[field](task) is None]
    return [task["id"] for task in [*sorted(some, key=SORTS[field], reverse=descending), *none]]


async def test_every_order_and_every_page_of_it(taskflow: Taskflow) -> None:
    ana = await filled(taskflow)
    tasks = await listed(ana)
    assert [task["id"] for task in tasks] == list(range(len(TASKS), 0, -1))
    for field, order in product(SORTS, ("asc", "desc", "ASC", "DESC")):
        wanted = in_order(tasks, field, descending=order.lower() == "desc")
        assert await ids(ana, sort_by=field, sort_order=order) == wanted, (field, order)
        pages = [
            (await ana.get(f"/api/tasks?sort_by={field}&sort_order={order}&per_page=4&page={number}")).data
            for number in (1, 2, 3)
        ]
        assert [task["id"] for page in pages for task in page["tasks"]] == wanted, (field, order)


async def test_unknown_orders_are_the_default_which_is_the_newest_first(taskflow: Taskflow) -> None:
    ana = await filled(taskflow)
    newest = list(range(len(TASKS), 0, -1))
    for asked in ("", "?sort_by=created_at", "?sort_by=user_id", "?sort_by=&sort_order=", "?sort_order=down"):
        assert [task["id"] for task in (await ana.get(f"/api/tasks{asked}")).data["tasks"]] == newest[:10]
    assert await ids(ana, sort_by="TITLE", sort_order="asc") == newest[::-1]
    assert await ids(ana, sort_by="id", sort_order="sideways") == newest


PLACES: Final = (
    ("", 1, 10, 10),
    ("?page=2", 2, 10, 1),
    ("?page=3", 3, 10, 0),
    ("?page=0", 1, 10, 10),
    ("?page=-5", 1, 10, 10),
    ("?page=two", 1, 10, 10),
    ("?page=1.5", 1, 10, 10),
    ("?page=", 1, 10, 10),
    ("?per_page=3", 1, 3, 3),
    ("?per_page=3&page=4", 4, 3, 2),
    ("?per_page=0", 1, 10, 10),
    ("?per_page=-1", 1, 10, 10),
    ("?per_page=all", 1, 10, 10),
    ("?per_page=100", 1, 100, 11),
    ("?per_page=101", 1, 100, 11),
    (f"?per_page={'9' * 30}", 1, 100, 11),
    (f"?per_page={'9' * 6000}", 1, 100, 11),
    (f"?per_page=-{'9' * 30}", 1, 10, 10),
    (f"?per_page={'0' * 30}5", 1, 5, 5),
    ("?page=999999999999999", 999999999999999, 10, 0),
    (f"?page={'9' * 16}", 10**15, 10, 0),
    (f"?page={'9' * 30}", 10**15, 10, 0),
    (f"?page={'9' * 6000}&per_page={'9' * 30}", 10**15, 100, 0),
    (f"?page=-{'9' * 30}", 1, 10, 10),
    (f"?page={'0' * 30}2", 2, 10, 1),
    (f"?page={'9' * 30}x", 1, 10, 10),
    ("?page=2&page=3", 2, 10, 1),
)


async def test_pages_say_where_they_stand(taskflow: Taskflow) -> None:
    ana = await filled(taskflow)
    for asked, page, per_page, count in PLACES:
        data = (await ana.get(f"/api/tasks{asked}")).data
        pages = -(-len(TASKS) // per_page)
        assert len(data["tasks"]) == count, asked
        assert data["pagination"] == {
            "page": page,
            "per_page": per_page,
            "total": len(TASKS),
            "total_pages": pages,
            "has_next": page < pages,
            "has_prev": page > 1,
        }, asked
    bob = await taskflow.forge_user("bob")
    assert (await bob.get("/api/tasks?page=2")).body == {
        "success": True,
        "data": {
            "tasks": [],
            "pagination": {
                "page": 2,
                "per_page": 10,
                "total": 0,
                "total_pages": 0,
                "has_next": False,
                "has_prev": True,
            },
        },
    }


FILTERED: Final[tuple[tuple[Mapping[str, str], list[int]], ...]] = (
    ({"status": "pending"}, [1, 2, 7, 9, 10]),
    ({"status": "cancelled"}, [5, 6]),
    ({"status": "Pending"}, []),
    ({"status": "done"}, []),
    ({"status": ""}, []),
    ({"status": "pending\0"}, []),
    ({"priority": "urgent"}, [4, 9]),
    ({"priority": "asap"}, []),
    ({"priority": ""}, []),
    ({"status": "in_progress", "priority": "urgent"}, [4]),
    ({"tag_id": "1"}, [1, 4, 7]),
    ({"tag_id": " 2 "}, [3, 4, 7]),
    ({"tag_id": "99"}, []),
    ({"tag_id": "-1"}, []),
    ({"tag_id": "0"}, []),
    ({"tag_id": "x"}, []),
    ({"tag_id": ""}, []),
    ({"tag_id": "1.0"}, []),
    ({"tag_id": "9" * 40}, []),
    ({"tag_name": "WORK"}, [1, 3, 4, 7]),
    ({"tag_name": "homework"}, [3, 4, 7]),
    ({"tag_name": "_stuff"}, [6, 7]),
    ({"tag_name": "100%"}, [3, 4, 7]),
    ({"tag_name": "w%k"}, []),
    ({"tag_name": "w_rk"}, []),
    ({"tag_name": "k h"}, []),
    ({"tag_name": "zebra"}, []),
    ({"tag_name": ""}, list(range(1, 12))),
    ({"tag_name": "\0"}, []),
    ({"tag_name": "x" * 7000}, []),
    ({"tag_id": "1", "tag_name": "old"}, [7]),
    ({"search": "APPLE"}, [2, 4, 7]),
    ({"search": "banana"}, [1, 6, 11]),
    ({"search": "äPF"}, [5]),
    ({"search": "grün und SÜSS"}, [5]),
    ({"search": "50%"}, [1]),
    ({"search": "50_"}, [7]),
    ({"search": "%"}, [1]),
    ({"search": "_"}, [7]),
    ({"search": "(.*)"}, [10]),
    ({"search": "[a-z]\\"}, [10]),
    ({"search": "e"}, [1, 2, 3, 4, 5, 7, 8, 9]),
    ({"search": " "}, [1, 5, 7]),
    ({"search": ""}, list(range(1, 12))),
    ({"search": "\0"}, []),
    ({"search": "apple\0"}, []),
    ({"search": "x" * 7000}, []),
    ({"search": "apple", "tag_name": "work"}, [4, 7]),
    ({"search": "apple", "status": "pending"}, [2, 7]),
    ({"overdue": "true"}, [1, 4, 10]),
    ({"overdue": "TRUE"}, [1, 4, 10]),
    ({"overdue": "false"}, list(range(1, 12))),
    ({"overdue": "1"}, list(range(1, 12))),
    ({"overdue": ""}, list(range(1, 12))),
    ({"overdue": "true", "status": "cancelled"}, []),
    ({"overdue": "true", "tag_id": "2", "search": "app"}, [4]),
    ({"due_date_to": "2024-01-15"}, [8]),
    ({"due_date_to": "2024-01-15T10:30:00"}, [8, 10]),
    ({"due_date_to": "2024-01-15T10:29:59.999999"}, [8]),
    ({"due_date_from": "2024-01-15", "due_date_to": "2024-01-15"}, [8]),
    ({"due_date_from": "2024-01-15", "due_date_to": "2024-01-16"}, [8, 10]),
    ({"due_date_from": "2024-01-15T10:30:00Z", "due_date_to": "2024-01-15T12:30:00+02:00"}, [10]),
    ({"due_date_from": "2024-01-15T10:30:00.000001", "due_date_to": "2024-02"}, []),
    ({"due_date_from": due(days=2)}, [2, 9]),
    ({"due_date_from": due(days=-3)}, [1, 2, 3, 4, 9]),
    ({"due_date_from": due(days=-3), "overdue": "true"}, [1, 4]),
    ({"due_date_from": "yesterday"}, list(range(1, 12))),
    ({"due_date_from": "", "due_date_to": "31/12/2024"}, list(range(1, 12))),
    ({"due_date_from": "yesterday", "due_date_to": "2024"}, list(range(1, 12))),
    ({"due_date_from": "2025-01-01", "due_date_to": "2024-01-01"}, []),
    ({"due_date_from": "0001-01-01", "due_date_to": "9999-12-31"}, [1, 2, 3, 4, 6, 8, 9, 10]),
    ({"user_id": "1"}, list(range(1, 12))),
    ({"unknown": "1", "q": "apple"}, list(range(1, 12))),
)


async def test_filters_one_by_one_and_together(taskflow: Taskflow) -> None:
    ana = await filled(taskflow)
    admin = await taskflow.forge_admin()
    for asked, wanted in FILTERED:
        assert await ids(ana, **asked) == wanted, asked
        if "user_id" not in asked:
            assert await ids(admin, **asked) == wanted, asked


async def test_the_plus_of_an_offset_may_arrive_as_a_blank(taskflow: Taskflow) -> None:
    """Written into an address as it is, it does; the blank before a time stays what it is."""
    ana = await filled(taskflow)
    for until, wanted in (
        ("2024-01-15T12:30:00+02:00", [8, 10]),
        ("2024-01-15T12:29:59+02:00", [8]),
        ("2024-01-15T12:30:00+0200", [8, 10]),
        ("2024-01-15 12:29:59+0200", [8]),
        ("2024-01-15%2012:30+02", [8, 10]),
        ("20240115T122959+02", [8]),
        ("2024-01-15 10:30", [8, 10]),
        ("2024-01-15 10:29", [8]),
        ("2024-01-15 1029", [8]),
        ("2024-01-15T12:30:00%2B02:00", [8, 10]),
    ):
        answer = await ana.get(f"/api/tasks?sort_by=id&sort_order=asc&due_date_to={until}")
        assert [task["id"] for task in answer.data["tasks"]] == wanted, until
    for nonsense in (
        "2024-01-15 2024-01-15",
        "2024-01-15T+02:00",
        "x+02:00",
        "2024-01+0200",
        "2024-01-15T10+2",
    ):
        assert len(await ids(ana, due_date_to=nonsense.replace("+", " "))) == len(TASKS), nonsense


async def test_what_is_no_text_is_found_nowhere(taskflow: Taskflow) -> None:
    """Bytes that are no UTF-8, lone surrogates, and the longest that a server lets through."""
    ana = await filled(taskflow)
    for name in ("search", "tag_name", "status", "priority", "tag_id"):
        for value in ("%FF%FE", "%ED%A0%80", "%00", "%C3%28", "%F5", "%00" * 2000, "%FF" * 2000):
            answer = await ana.get(f"/api/tasks?{name}={value}")
            assert (answer.status, answer.data["tasks"]) == (200, []), (name, value)


async def test_bytes_that_come_as_they_are_break_nothing(taskflow: Taskflow) -> None:
    ana = await filled(taskflow)
    for name, value in product(("search", "tag_name", "status", "due_date_to"), (b"\xff", b"\xed\xa0\x80")):
        lines = (
            b"GET /api/tasks?%s=%s HTTP/1.1" % (name.encode(), value),
            b"Host: localhost",
            b"Authorization: Bearer %s" % (ana.token or "").encode(),
        )
        answer = await exchange(taskflow, b"\r\n".join((*lines, b"", b"")), taskflow.forge_url)
        assert (answer.status, answer.body["success"]) == (400, False), (name, value)


async def test_users_list_their_own_and_admins_everybodys(taskflow: Taskflow) -> None:
    ana, bob = await taskflow.forge_user("ana"), await taskflow.forge_user("bob")
    admin = await taskflow.forge_admin()
    await ana.made("/api/tasks", {"title": "1 of Ana"})
    await bob.made("/api/tasks", {"title": "2 of Bob"})
    await admin.made("/api/tasks", {"title": "3 of the admin"})
    await taskflow.admin.made("/api/projects", {"name": "P"})
    await taskflow.admin.made("/api/projects/1/tasks", {"title": "4 for Ana", "assigned_to": [ana.id]})
    await taskflow.admin.made(
        "/api/projects/1/tasks", {"title": "5 for both", "assigned_to": [bob.id, ana.id]}
    )
    assert await ids(ana) == [1, 4, 5]
    assert await ids(bob) == [2, 5]
    assert await ids(admin) == [1, 2, 3, 4, 5]
    # By who created them: for admins only, everybody else is not even told that it is no number.
    for user_id, wanted in (
        (ana.id, [1]),
        (bob.id, [2]),
        (1, [3, 4, 5]),
        (99, []),
        ("x", []),
        ("", []),
        ("9" * 30, []),
        ("-1", []),
    ):
        assert await ids(admin, user_id=str(user_id)) == wanted
        assert await ids(ana, user_id=str(user_id)) == [1, 4, 5]
    assert await ids(admin, user_id="1", search="for", status="pending") == [4, 5]
    # Whoever is not assigned any more does not find it, and what is deleted nobody does.
    await taskflow.admin.put("/api/tasks/5", {"assigned_to": [bob.id]})
    await ana.delete("/api/tasks/1")
    assert (await ids(ana), await ids(bob), await ids(admin, user_id=str(ana.id))) == ([4], [2, 5], [])


async def test_a_tag_that_is_gone_finds_nothing(taskflow: Taskflow) -> None:
    ana = await filled(taskflow)
    admin = await taskflow.forge_admin()
    assert await ids(ana, tag_id="3") == await ids(ana, tag_name="old") == [6, 7]
    assert (await admin.delete("/api/tags/3")).status == 200
    assert await ids(ana, tag_id="3") == await ids(ana, tag_name="old") == []
    assert (await admin.put("/api/tags/2", {"name": "Old clothes"})).status == 200
    assert await ids(ana, tag_name="old") == [3, 4, 7]


async def test_many_tags_with_one_name_in_common(taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them than the read model is asked for at once."""
    monkeypatch.setattr(scans, "SCAN_DOCUMENTS_MAX", 4)
    ana = await taskflow.forge_user("ana")
    for number in range(1, 12):
        await ana.made("/api/tags", {"name": f"label {number}"})
    for tags in ([1], [11], [6, 7], []):
        await ana.made("/api/tasks", {"title": "T", "tags": tags})
    assert await ids(ana, tag_name="LABEL") == [1, 2, 3]
    assert await ids(ana, tag_name="label 1") == [1, 2]


def counted(tasks: Sequence[Shown]) -> Shown:
    """The statistics of these tasks, added up one by one."""

    def having(name: str, value: object) -> int:
        return sum(task[name] == value for task in tasks)

    return {
        "total_tasks": len(tasks),
        "completed_tasks": having("status", "completed"),
        "pending_tasks": having("status", "pending"),
        "in_progress_tasks": having("status", "in_progress"),
        "cancelled_tasks": having("status", "cancelled"),
        "overdue_tasks": having("is_overdue", True),
        "by_priority": {word: having("priority", word) for word in ("low", "medium", "high", "urgent")},
    }


async def statistics(client: ForgeClient) -> Shown:
    answer = await client.get("/api/tasks/statistics")
    assert (answer.status, set(answer.body)) == (200, {"success", "data"})
    return answer.data


async def test_statistics_are_what_the_list_adds_up_to(taskflow: Taskflow) -> None:
    ana, admin = await filled(taskflow), await taskflow.forge_admin()
    bob = await taskflow.forge_user("bob")
    await taskflow.admin.made("/api/projects", {"name": "P"})
    late = {"title": "For Ana", "due_date": "2020-01-01", "assigned_to": [ana.id]}
    await taskflow.admin.made("/api/projects/1/tasks", late)

    async def check() -> Shown:
        found = await statistics(ana)
        assert found == counted(await listed(ana))
        return found

    assert await check() == {
        "total_tasks": 12,
        "completed_tasks": 2,
        "pending_tasks": 6,
        "in_progress_tasks": 2,
        "cancelled_tasks": 2,
        "overdue_tasks": 4,
        "by_priority": {"low": 0, "medium": 8, "high": 2, "urgent": 2},
    }
    assert await statistics(bob) == counted([])
    # The admin lists all tasks, but their statistics are of their own: the one in the project.
    assert await statistics(admin) == counted([(await admin.get("/api/tasks/12")).data])
    await ana.post("/api/tasks/1/complete")
    await ana.put("/api/tasks/2", {"due_date": "2020-01-01", "priority": "urgent"})
    await ana.put("/api/tasks/4", {"due_date": None})
    await ana.put("/api/tasks/6", {"status": "pending"})
    await ana.delete("/api/tasks/10")
    await check()
    await taskflow.admin.put("/api/tasks/12", {"assigned_to": []})
    assert (await check())["total_tasks"] == 10
    # Closing a project finishes nobody's task here.
    await taskflow.admin.put("/api/tasks/12", {"assigned_to": [ana.id]})
    await taskflow.admin.put("/api/projects/1", {"status": "cancelled"})
    assert (await check())["overdue_tasks"] == 3
    await taskflow.admin.delete("/api/projects/1")
    assert (await check())["total_tasks"] == 10


async def test_what_is_due_today_is_late_from_its_moment_on(taskflow: Taskflow) -> None:
    """TaskFlow Pro gives a date its whole day; here a date is its first moment."""
    ana = await taskflow.forge_user("ana")
    midnight = f"{datetime.now(UTC):%Y-%m-%d}"
    for moment in (midnight, due(seconds=-2), due(hours=1)):
        await ana.made("/api/tasks", {"title": "T", "due_date": moment})
    tasks = await listed(ana, sort_by="id", sort_order="asc")
    assert [task["is_overdue"] for task in tasks] == [True, True, False]
    assert await ids(ana, overdue="true") == [1, 2]
    assert (await statistics(ana))["overdue_tasks"] == 2
    assert (await taskflow.admin.get("/api/tasks?overdue=true")).body["pagination"]["total"] == 1


async def test_without_a_read_model_nobody_is_told_that_there_is_nothing(
    taskflow: Taskflow, redis: Redis
) -> None:
    ana = await taskflow.forge_user("ana")
    await ana.made("/api/tags", {"name": "Work"})
    await ana.made("/api/tasks", {"title": "T", "tags": [1]})
    await taskflow.stop_projector()
    await redis.flushdb()
    for path in ("", "?status=pending", "?status=none", "?tag_id=1", "?tag_name=work", "/statistics", "/1"):
        answer = await ana.get(f"/api/tasks{path}")
        assert (answer.status, answer.body["success"]) == (503, False), answer.raw
        assert int(answer.headers["Retry-After"]) >= 1
