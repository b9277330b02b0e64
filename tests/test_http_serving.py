"""Bounds on what a client can make a server wait for, an orderly end, and what is kept of requests."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from aiohttp import ClientSession

import api.serve
from api.core import Core
from api.listeners import Listeners, Ports, bound
from api.purge import purge
from api.serve import serving
from api.settings import Settings
from tests.http import JWT_SECRET, MASTER_KEY, Taskflow, taskflow_running
from tests.running import free_port
from tests.test_http_auth import in_database, token_of
from tests.test_http_envelope import check_error, exchange


async def test_a_body_that_trickles_in_is_not_waited_for(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with taskflow_running(database_url, redis_url, body_timeout_s=0.3, lingering_s=0.1) as taskflow:
        head = (
            b"POST /api/projects HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\nCookie: session=" + token_of(taskflow.admin).encode() + b"\r\n\r\n{"
        )
        started = time.perf_counter()
        answer = await exchange(taskflow, head)
        check_error(answer, 400, "BAD_REQUEST")
        assert answer.headers["Connection"] == "close"
        assert 0.3 <= time.perf_counter() - started < 2


async def test_headers_that_trickle_in_are_cut_off(database_url: str, redis_url: str, logs: None) -> None:
    async with taskflow_running(database_url, redis_url, idle_connection_s=0.4) as taskflow:
        host, port = taskflow.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        started = time.perf_counter()
        writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n")
        ended = asyncio.ensure_future(reader.read())
        while not ended.done() and time.perf_counter() < started + 3:
            writer.write(b"X-Slow: 1\r\n")
            await asyncio.wait({ended}, timeout=0.1)
        assert ended.done()
        assert time.perf_counter() - started < 2
        writer.close()


async def test_a_request_ends_by_its_deadline(
    database_url: str, redis_url: str, logs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with taskflow_running(database_url, redis_url, request_deadline_s=0.5) as taskflow:

        async def never(*_: object) -> None:
            await asyncio.sleep(60)

        monkeypatch.setattr(taskflow.core.store, "append", never)
        answer = await taskflow.admin.post("/api/projects", {"name": "P"}, headers={"Idempotency-Key": "k"})
        check_error(answer, 503, "UNAVAILABLE")
        assert "Idempotency-Key" in answer.body["message"]


async def test_a_signal_ends_what_is_running_in_order(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    listeners = bound("127.0.0.1", Ports(port, free_port()))
    server = asyncio.create_task(serving(taskflow.core.settings, listeners))
    url = f"http://127.0.0.1:{port}"
    headers = {"Cookie": f"session={token_of(taskflow.admin)}"}
    async with ClientSession(url, headers=headers) as client:
        for _ in range(100):
            try:
                async with client.get("/livez") as answer:
                    assert answer.status == 200
                    break
            except OSError:
                await asyncio.sleep(0.05)
        waiting = client.get("/api/projects", headers={"X-Min-Position": "999999"})
        running = asyncio.create_task(waiting.__aenter__())
        await asyncio.sleep(0.3)
        os.kill(os.getpid(), signal.SIGTERM)
        # The one that is under way still gets its answer: 503 after two seconds, as always.
        assert (await running).status == 503
        await asyncio.wait_for(server, 10)
        with pytest.raises(OSError, match="Cannot connect"):
            await client.get("/livez")


async def test_a_signal_that_comes_as_listening_begins_ends_it_in_order(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = api.serve.listening

    @contextlib.asynccontextmanager
    async def listening(core: Core, listeners: Listeners) -> AsyncIterator[Ports]:
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        os.kill(os.getpid(), signal.SIGTERM)
        async with before(core, listeners) as ports:
            yield ports

    monkeypatch.setattr(api.serve, "listening", listening)
    listeners = bound("127.0.0.1", Ports(free_port(), free_port()))
    async with asyncio.timeout(10):
        await serving(taskflow.core.settings, listeners)


async def requests_of(taskflow: Taskflow) -> list[tuple[object, ...]]:
    await taskflow.core.attempts.flush()
    return await in_database(
        taskflow,
        "select request_id, address, user_agent, actor_id, dialect, method, path, status"
        " from requests where request_id like 'test-%%' order by request_id",
    )


async def test_where_changes_came_from_is_kept_beside_the_log(taskflow: Taskflow) -> None:
    nobody = await taskflow.anybody()

    def named(number: int) -> dict[str, str]:
        return {
            "X-Request-Id": f"test-{number:04}",
            "User-Agent": "robot" * 100,
            "X-Forwarded-For": "1.2.3.4",
        }

    await taskflow.admin.post("/api/projects", {"name": "P"}, headers=named(1))
    await taskflow.admin.put("/api/projects/1", {"budget": -1}, headers=named(2))
    await taskflow.admin.get("/api/projects/1?q=x", headers=named(3))
    await nobody.delete("/api/projects/1?token=secret", headers=named(4))
    await nobody.post("/api/auth/login", {"username": "admin", "password": "x"}, headers=named(5))
    agent = ("robot" * 100)[:400]
    assert await requests_of(taskflow) == [
        ("test-0001", "127.0.0.1", agent, 1, "taskflow", "POST", "/api/projects", 201),
        ("test-0002", "127.0.0.1", agent, 1, "taskflow", "PUT", "/api/projects/1", 422),
        ("test-0004", "127.0.0.1", agent, None, "taskflow", "DELETE", "/api/projects/1", 401),
        ("test-0005", "127.0.0.1", agent, None, "taskflow", "POST", "/api/auth/login", 401),
    ]


async def test_a_trusted_proxy_names_the_client(database_url: str, redis_url: str, logs: None) -> None:
    proxies = Settings.from_environment(
        {"TASKLEDGER_TRUSTED_PROXIES": "127.0.0.0/8, 10.0.0.0/8"},
        database_url=database_url,
        redis_url=redis_url,
        master_key=MASTER_KEY,
        jwt_secret=JWT_SECRET,
    ).trusted_proxies
    expected = {
        "8.8.8.8": "8.8.8.8",
        "6.6.6.6, 8.8.8.8": "8.8.8.8",
        "8.8.8.8, 10.1.2.3": "8.8.8.8",
        "10.1.2.3": "10.1.2.3",
        "2001:db8::1": "2001:db8::1",
        "8.8.8.8, nonsense": "127.0.0.1",
        "": "127.0.0.1",
    }
    async with taskflow_running(database_url, redis_url, trusted_proxies=proxies) as taskflow:
        for number, given in enumerate(expected):
            headers = {"X-Request-Id": f"test-{number:04}", "X-Forwarded-For": given}
            await taskflow.admin.post("/api/projects", {"name": "P"}, headers=headers)
        assert [row[1] for row in await requests_of(taskflow)] == [*expected.values()]


async def test_what_nobody_needs_is_forgotten(taskflow: Taskflow) -> None:
    object.__setattr__(taskflow.core.settings, "purge_batch_max", 2)
    for number in range(5):
        await taskflow.signed_in("admin", "admin123")
        headers = {"Idempotency-Key": f"k{number}", "X-Request-Id": f"test-{number:04}"}
        await taskflow.admin.post("/api/projects", {"name": "P"}, headers=headers)
    await taskflow.core.attempts.flush()
    kept = {"sessions": "token_hash", "commands": "command_id", "requests": "request_id"}
    count = "select " + ", ".join(f"(select count(*) from {table})" for table in kept)
    before = (await in_database(taskflow, count))[0]
    await purge(taskflow.core)
    assert (await in_database(taskflow, count))[0] == before
    await in_database(taskflow, "update commands set created_at = created_at - interval '24 hours 1 second'")
    await in_database(taskflow, "update requests set at = at - interval '90 days 1 second'")
    await in_database(
        taskflow, "update sessions set last_seen_at = last_seen_at - interval '13 hours' where user_id = 1"
    )
    await purge(taskflow.core)
    assert (await in_database(taskflow, count))[0] == (0, 0, 0)
    assert await taskflow.core.store.head() > 5


def test_logs_are_json_lines_with_request_ids_and_without_secrets(tmp_path: Path) -> None:
    """See what a process of its own writes; here pytest stands between."""
    script = tmp_path / "speak.py"
    script.write_text(
        "import logging, structlog\n"
        "from api.logs import logging_to\n"
        "with logging_to('json', 'info'):\n"
        "    structlog.contextvars.bind_contextvars(request_id='req_1')\n"
        "    log = structlog.get_logger('here')\n"
        "    log.info('one', path='/a\\nb')\n"
        "    logging.getLogger('library').warning('two %s', 2)\n"
        "    log.debug('three')\n"
        "    try:\n        1 / 0\n"
        "    except ZeroDivisionError as error:\n        log.error('four', exc_info=error)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run([sys.executable, script], capture_output=True, env=environment, check=True)
    lines = [orjson.loads(line) for line in done.stderr.splitlines()]
    assert [(line["event"], line["level"], line["request_id"]) for line in lines] == [
        ("one", "info", "req_1"),
        ("two 2", "warning", "req_1"),
        ("four", "error", "req_1"),
    ]
    assert lines[0]["path"] == "/a\nb"
    assert "ZeroDivisionError" in lines[2]["exception"]
    assert all(line["timestamp"].endswith("Z") for line in lines)
