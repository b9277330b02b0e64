"""Whether a server lives and is ready, and what it does when the database is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from commands.context import SYSTEM
from commands.operations import PauseProjection, ResumeProjection
from events.instants import now
from events.log import Metadata
from tests.http import Taskflow, caught_up, taskflow_running
from tests.servers import Servers
from tests.test_http_auth import in_database
from tests.test_http_envelope import check_error, check_frame


async def checks(taskflow: Taskflow, status: int) -> dict[str, Any]:
    answer = await (await taskflow.anybody()).get("/readyz")
    check_frame(answer)
    assert answer.status == status, answer.raw
    found: dict[str, Any] = answer.data["checks"]
    return found


async def test_all_is_well(taskflow: Taskflow) -> None:
    nobody = await taskflow.anybody()
    answer = await nobody.get("/livez")
    check_frame(answer)
    assert answer.status == 200
    found = await checks(taskflow, 200)
    assert list(found) == ["database", "redis", "migrations", "projector"]
    assert all(check["ok"] for check in found.values())
    assert found["projector"]["lag"] == {"events": 0, "seconds": 0.0}


async def test_a_projector_that_stands_still_is_named(database_url: str, redis_url: str, logs: None) -> None:
    async with taskflow_running(
        database_url, redis_url, projector_lag_max_s=0.5, caught_up_timeout_s=0.1
    ) as taskflow:
        await taskflow.stop_projector()
        await taskflow.admin.post("/api/projects", {"name": "P"})
        await asyncio.sleep(0.6)
        found = await checks(taskflow, 503)
        assert [name for name, check in found.items() if not check["ok"]] == ["projector"]
        assert "1 events behind" in found["projector"]["reason"]
        taskflow.start_projector()
        await caught_up(taskflow.core)
        await until_ready(taskflow)


async def test_a_projector_that_is_dead_is_named_although_nobody_writes(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with taskflow_running(database_url, redis_url, projector_lag_max_s=0.5) as taskflow:
        await taskflow.stop_projector()
        await checks(taskflow, 200)
        await asyncio.sleep(0.6)
        found = await checks(taskflow, 503)
        assert [name for name, check in found.items() if not check["ok"]] == ["projector"]
        assert "no projector has been at work for 1 seconds" in found["projector"]["reason"]
        assert "events behind" not in found["projector"]["reason"], "nothing waits"
        taskflow.start_projector()
        await until_ready(taskflow)


async def test_a_projector_that_died_is_missed_when_its_lease_is_over(taskflow: Taskflow) -> None:
    """Whoever is killed releases nothing: the lease runs out by itself."""
    await taskflow.stop_projector()
    await in_database(taskflow, "update projector_lease set until = clock_timestamp() + interval '1 hour'")
    await checks(taskflow, 200)
    await in_database(taskflow, "update projector_lease set until = clock_timestamp() - interval '6 seconds'")
    found = await checks(taskflow, 503)
    assert "no projector has been at work" in found["projector"]["reason"]


async def test_a_ledger_that_never_had_a_projector_is_not_ready(taskflow: Taskflow) -> None:
    await taskflow.stop_projector()
    await in_database(taskflow, "delete from projector_lease")
    found = await checks(taskflow, 503)
    assert "no projector has begun to work" in found["projector"]["reason"]


async def test_a_paused_projection_is_named(taskflow: Taskflow) -> None:
    await operate(taskflow, PauseProjection(reason="the disk is full"))
    found = await checks(taskflow, 503)
    assert "an operator has paused folding" in found["projector"]["reason"]
    await operate(taskflow, ResumeProjection(reason="there is room again"))
    await until_ready(taskflow)


async def operate(taskflow: Taskflow, command: object) -> None:
    await taskflow.core.dispatcher.dispatch(command, SYSTEM, Metadata(), now=now())


async def until_ready(taskflow: Taskflow) -> None:
    async with asyncio.timeout(10):
        while (await taskflow.admin.get("/readyz")).status != 200:  # noqa: ASYNC110 - as probes do
            await asyncio.sleep(0.05)


async def test_a_read_model_that_is_lost_is_named(taskflow: Taskflow) -> None:
    await taskflow.stop_projector()
    await taskflow.core.redis.flushdb()
    found = await checks(taskflow, 503)
    assert [name for name, check in found.items() if not check["ok"]] == ["redis", "projector"]
    assert (await taskflow.admin.get("/livez")).status == 200


async def test_a_migration_that_was_not_applied_is_named(taskflow: Taskflow) -> None:
    await in_database(taskflow, "delete from schema_migrations where name like '0006%%'")
    found = await checks(taskflow, 503)
    assert [name for name, check in found.items() if not check["ok"]] == ["migrations"]
    assert "0006" in found["migrations"]["reason"]


@asynccontextmanager
async def unreachable(test_servers: Servers, database_url: str) -> AsyncIterator[None]:
    """Nobody gets into the database, and whoever is in is thrown out."""
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    async with await psycopg.AsyncConnection.connect(test_servers.postgres, autocommit=True) as connection:
        await connection.execute(f'alter database "{name}" allow_connections false')
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,)
        )
        yield
        await connection.execute(f'alter database "{name}" allow_connections true')


async def test_without_its_database_a_server_says_503_until_it_is_back(
    taskflow: Taskflow, test_servers: Servers, database_url: str
) -> None:
    await taskflow.admin.made("/api/projects", {"name": "P"})
    async with unreachable(test_servers, database_url):
        await asyncio.sleep(1.1)
        check_error(await taskflow.admin.get("/api/projects/1"), 503, "UNAVAILABLE")
        for method, path in (("POST", "/api/projects"), ("PUT", "/api/projects/1")):
            answer = await taskflow.admin.send(method, path, {"name": "Q"})
            check_error(answer, 503, "UNAVAILABLE")
            assert int(answer.headers["Retry-After"]) > 0
        client = await taskflow.anybody()
        answer = await client.post("/api/auth/login", {"username": "admin", "password": "admin123"})
        check_error(answer, 503, "UNAVAILABLE")
        found = await checks(taskflow, 503)
        assert not found["database"]["ok"]
        assert (await client.get("/livez")).status == 200
    assert (await taskflow.admin.put("/api/projects/1", {"name": "Q"})).status == 200
    assert (await taskflow.admin.get("/api/projects")).body["pagination"]["total"] == 1
