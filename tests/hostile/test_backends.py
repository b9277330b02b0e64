"""What stands behind us away, empty, full or read-only: each API says so, and nothing false."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg
import pytest

from api.embedded_valkey import Valkey
from readmodels.connecting import call
from tests.hostile.asking import Api, Refusal, asked_apis, nothing_left
from tests.http import Taskflow, caught_up
from tests.servers import Servers
from tests.test_http_health import unreachable

READS: Final = {
    "TaskFlow": ("/api/projects", "/api/projects/1", "/api/users", "/api/reports/projects"),
    "TaskForge": ("/api/tasks", "/api/tasks/1", "/api/users", "/api/tasks/statistics", "/api/tasks/export"),
}
"""What is read from Redis alone."""

Trouble = Callable[[Taskflow, Valkey], Awaitable[None]]


async def stopped(_: Taskflow, valkey: Valkey) -> None:
    await asyncio.to_thread(valkey.stop)


async def emptied(taskflow: Taskflow, _: Valkey) -> None:
    await taskflow.stop_projector()
    await taskflow.core.redis.flushall()


async def refusing_writes(taskflow: Taskflow, _: Valkey) -> None:
    """As a replica that nobody has promoted."""
    await call(taskflow.core.redis, "REPLICAOF", "127.0.0.1", "1")


async def full(taskflow: Taskflow, _: Valkey) -> None:
    await taskflow.core.redis.config_set("maxmemory", "1mb")


def check_told(api: Api, answer: Any, why: object) -> None:
    api.check(answer, Refusal(503), why)
    assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("trouble", [stopped, emptied])
async def test_without_its_read_model_nothing_false_is_read_and_everything_can_be_written(
    mortal: Taskflow, valkey: Valkey, trouble: Trouble
) -> None:
    apis = await asked_apis(mortal)
    await caught_up(mortal.core)
    await trouble(mortal, valkey)
    for name, paths in READS.items():
        for path in paths:
            check_told(apis[name], await apis[name].client.get(path), path)
    for name in READS:
        answer = await apis[name].write(**{apis[name].text: "Written"})
        assert (answer.status, answer.headers.get("X-Read-Model")) == (201, "behind"), (name, answer.raw)


@pytest.mark.parametrize("trouble", [refusing_writes, full])
async def test_a_read_model_that_takes_no_writes_is_read_as_it_was(
    mortal: Taskflow, valkey: Valkey, trouble: Trouble
) -> None:
    apis = await asked_apis(mortal)
    await caught_up(mortal.core)
    stranger = await mortal.signed_in("admin", "admin123")
    await trouble(mortal, valkey)
    for name in READS:
        answer = await apis[name].write(**{apis[name].text: "Written"})
        assert answer.status == 201, (name, answer.raw)
        found = await apis[name].client.get(apis[name].path)
        assert found.status in (200, 503), (name, found.raw)
        if found.status == 200:
            assert b"Written" in found.raw, "a writer sees what they wrote, or is told to wait"
        else:
            check_told(apis[name], found, "the writer's own list")
    other = await stranger.get("/api/departments")
    assert other.status in (200, 503)


async def test_without_its_database_every_api_says_so(
    taskflow: Taskflow, apis: dict[str, Api], test_servers: Servers, database_url: str
) -> None:
    async with unreachable(test_servers, database_url):
        await asyncio.sleep(1.1)
        for api in apis.values():
            check_told(api, await api.write(**{api.text: "Lost"}), api.name)
    assert (await apis["TaskFlow"].write(name="Back")).status == 201


@asynccontextmanager
async def read_only(test_servers: Servers, database_url: str) -> AsyncIterator[None]:
    """As a standby, or a database whose disk an operator wants to save."""
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    set_it = 'alter database "{}" {} default_transaction_read_only'
    async with await psycopg.AsyncConnection.connect(test_servers.postgres, autocommit=True) as connection:
        await connection.execute(f"{set_it.format(name, 'set')} = on".encode())
        end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s"
        await connection.execute(end, (name,))
        try:
            yield
        finally:
            await connection.execute(set_it.format(name, "reset").encode())
            await connection.execute(end, (name,))


async def test_a_database_that_is_read_only_takes_nothing_and_can_be_read(
    taskflow: Taskflow, apis: dict[str, Api], test_servers: Servers, database_url: str
) -> None:
    async with nothing_left(taskflow):
        async with read_only(test_servers, database_url):
            for name in READS:
                check_told(apis[name], await apis[name].write(**{apis[name].text: "Lost"}), name)
            paused = await taskflow.admin.post("/ops/api/projections/pause", {"reason": "Lost"})
            check_told(apis["operators"], paused, "operators")
            for name in READS:
                assert (await apis[name].client.get(apis[name].path)).status in (200, 503), name
        await asyncio.sleep(0.5)
    assert (await apis["TaskFlow"].write(name="Back")).status == 201
