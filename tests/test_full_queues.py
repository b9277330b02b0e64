"""Each queue that is full says so: 503 with `Retry-After`, nothing done, and served again when there is room.

Passwords, reports and large questions have their tests where they are tested otherwise.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from readmodels import announcements, pipe
from tests.http import Reply, Taskflow, taskflow_running
from tests.test_http_envelope import check_error


def check_full(answer: Reply) -> None:
    check_error(answer, 503, "UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) >= 1


async def test_more_commands_than_may_wait_for_the_log(database_url: str, redis_url: str, logs: None) -> None:
    async with taskflow_running(database_url, redis_url, append_queue_max=1, append_batch_max=1) as taskflow:
        made = (taskflow.admin.post("/api/projects", {"name": f"{number}"}) for number in range(40))
        answers = await asyncio.gather(*made)
        statuses = Counter(answer.status for answer in answers)
        assert statuses.keys() == {201, 503}
        for answer in answers:
            if answer.status == 503:
                check_full(answer)
        found = await taskflow.admin.get("/api/projects")
        assert found.body["pagination"]["total"] == statuses[201]
        assert (await taskflow.admin.post("/api/projects", {"name": "Later"})).status == 201


async def test_more_calls_than_connections_to_the_database(
    database_url: str, redis_url: str, logs: None
) -> None:
    few = {"database_connections_max": 1, "database_timeout_s": 0.3}
    async with taskflow_running(database_url, redis_url, **few) as taskflow:
        login = {"username": "admin", "password": "admin123"}
        async with taskflow.core.connections._places:
            check_full(await (await taskflow.anybody()).post("/api/auth/login", login))
        assert (await (await taskflow.anybody()).post("/api/auth/login", login)).status == 200


async def test_more_questions_than_may_wait_for_redis(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(pipe, "WAITING_MAX", 0)
        check_full(await taskflow.admin.get("/api/projects?q=never-asked"))
    assert (await taskflow.admin.get("/api/projects?q=never-asked")).status == 200


async def test_more_answers_than_may_wait_for_the_read_model(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(announcements, "WAITING_MAX", 0)
        check_full(await taskflow.admin.get("/api/projects", headers={"X-Min-Position": "999999"}))
        made = await taskflow.admin.post("/api/projects", {"name": "Written all the same"})
        assert (made.status, made.headers["X-Read-Model"]) == (201, "behind")
    made = await taskflow.admin.post("/api/projects", {"name": "And later as ever"})
    assert "X-Read-Model" not in made.headers


async def test_more_traces_of_requests_than_may_wait_cost_the_traces_alone(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taskflow.core.attempts, "_queue_max", 0)
    dropped = taskflow.core.attempts.dropped_total
    assert (await taskflow.admin.post("/api/projects", {"name": "P"})).status == 201
    assert taskflow.core.attempts.dropped_total == dropped + 1
