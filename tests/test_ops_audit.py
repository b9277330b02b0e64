"""Audit over HTTP: the answers of the command line, for admins."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.http import Taskflow
from tests.test_http_envelope import check_error


@pytest.fixture
async def path(taskflow: Taskflow) -> str:
    project = await taskflow.admin.made("/api/projects", {"name": "P", "budget": 10})
    await taskflow.admin.put(f"/api/projects/{project['id']}", {"budget": 20.5})
    return f"project/{project['id']}"


async def test_a_history_has_everything_that_the_log_knows(taskflow: Taskflow, path: str) -> None:
    answer = await taskflow.admin.get(f"/ops/api/audit/history/{path}", params={"per_page": "1"})
    (entry,) = answer.data["history"]
    assert (entry["type"], entry["effect"]) == ("project.details_changed", "changed")
    assert entry["changes"] == [{"field": "budget", "old": "10.00", "new": "20.50"}]
    assert entry["actor"] == {"id": 1, "name": "admin", "role": "admin"}
    assert entry["address"] == "127.0.0.1"
    assert answer.body["pagination"]["total"] == 2


async def test_an_object_as_it_was_and_what_became_of_it(taskflow: Taskflow, path: str) -> None:
    created = (await taskflow.admin.get(f"/ops/api/audit/history/{path}")).data["history"][-1]
    position = str(created["position"])
    before = await taskflow.admin.get(f"/ops/api/audit/state/{path}", params={"at_position": position})
    assert before.data["object"]["state"]["budget"] == "10.00"
    by_time = await taskflow.admin.get(f"/ops/api/audit/state/{path}", params={"at": created["at"]})
    assert by_time.data["object"]["state"] == before.data["object"]["state"]
    now = await taskflow.admin.get(f"/ops/api/audit/state/{path}")
    assert now.data["object"]["state"]["budget"] == "20.50"
    between = await taskflow.admin.get(f"/ops/api/audit/diff/{path}", params={"from_position": position})
    assert between.data["difference"]["changes"] == [{"field": "budget", "old": "10.00", "new": "20.50"}]


async def test_attempts_that_were_refused(taskflow: Taskflow, database_url: str) -> None:
    number = await taskflow.user("dana")
    dana = await taskflow.signed_in("dana")
    refused = await dana.post("/api/projects", {"name": "P"})
    assert refused.status == 403
    await taskflow.core.attempts.flush()
    answer = await taskflow.admin.get("/ops/api/audit/attempts", params={"status": "4xx", "limit": "5"})
    (attempt,) = answer.data["attempts"]
    assert attempt["request_id"] == refused.body["meta"]["request_id"]
    assert (attempt["status"], attempt["path"], attempt["actor"]) == (
        403, "/api/projects", {"id": number, "name": "dana"},
    )  # fmt: skip
    assert answer.data["next"] is None


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("state/project/1?at=2999-01-01", 400),
        ("state/project/1?at=yesterday", 400),
        ("state/project/1?at=2025-07-01&at_position=1", 400),
        ("state/project/1?at_position=999999", 400),
        ("state/project/1?at=2000-01-01", 404),
        ("state/rocket/1", 404),
        ("state/project/0", 404),
        ("state/project/77", 404),
        ("history/task/1", 404),
        ("diff/project/1", 400),
        ("diff/project/77?from_position=1", 404),
        ("attempts?status=200", 400),
        ("attempts?limit=0", 400),
        ("attempts?limit=1001", 400),
        ("attempts?since=x", 400),
        ("attempts?before=x", 400),
        ("attempts?before=x,y", 400),
        ("attempts?path=%01", 400),
        ("attempts?colour=red", 400),
    ],
)
async def test_what_makes_no_sense_is_refused(taskflow: Taskflow, path: str, asked: str, status: int) -> None:
    answer = await taskflow.admin.get(f"/ops/api/audit/{asked}")
    check_error(answer, status, "BAD_REQUEST" if status == 400 else "NOT_FOUND")


@pytest.mark.parametrize("asked", ["history/project/1", "state/project/1", "diff/project/1", "attempts"])
async def test_audits_are_for_admins(taskflow: Taskflow, path: str, asked: str) -> None:
    await taskflow.user("boss", "manager")
    boss, anybody = await taskflow.signed_in("boss"), await taskflow.anybody()
    check_error(await boss.get(f"/ops/api/audit/{asked}"), 403, "PERMISSION_DENIED")
    check_error(await anybody.get(f"/ops/api/audit/{asked}"), 401, "AUTH_REQUIRED")


async def test_pages_of_attempts_are_found_by_an_index_whatever_is_asked(database_url: str) -> None:
    """Among many requests, nearly all of them carried out, no filter looks at more than it shows."""
    from api.database import QUERIES
    from api.operators.attempts import Wanted, values

    filters: list[dict[str, Any]] = [
        {}, {"status": "403"}, {"status": "5xx"}, {"actor_id": 7}, {"address": "10.0.0.7"},
        {"path": "/api/projects/7"}, {"path": "/api/users*"}, {"since": "2025-06-01"},
    ]  # fmt: skip
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(
            "insert into requests (request_id, at, address, actor_id, dialect, method, path, status)"
            " select 'r' || n, '2025-01-01'::timestamptz + n * interval '1 minute', '10.0.0.' || n %% 250,"
            " n %% 500, 'taskflow', 'PUT', '/api/projects/' || n %% 1000,"
            " case when n %% 20 = 0 then 400 + n %% 23 else 200 end from generate_series(1, 200000) n",
            (),
        )
        await connection.execute("analyze requests")
        for given in filters:
            explain = b"explain (format json, analyze, buffers) " + QUERIES["find_attempts"]
            row = await (await connection.execute(explain, values(Wanted(limit=10, **given)))).fetchone()
            assert row is not None
            assert "Seq Scan" not in str(row[0]), given
            plan = row[0][0]["Plan"]
            # The table has thousands of blocks.
            assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 500, given
