"""Two ports and two mounts: which API answers where, in whose words, and with which headers."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from aiohttp import ClientSession
from structlog.testing import capture_logs

from api.listeners import Ports, bound
from api.origins import origins
from api.serve import listening, serving
from api.settings import Settings, SettingsError
from api.taskforge import health
from tests.http import ForgeClient, Reply, Taskflow, taskflow_running
from tests.running import free_port
from tests.servers import Servers
from tests.test_http_auth import in_database
from tests.test_http_envelope import RAW, STRICT, check_error, exchange
from tests.test_http_health import unreachable

NOTHING = {"success": False, "message": "Resource not found", "error": "Not Found"}
NO_METHOD = {"success": False, "message": "Method not allowed", "error": "Method Not Allowed"}


async def mounts(taskflow: Taskflow) -> tuple[ForgeClient, ForgeClient]:
    """TaskForge at its own port, and below the first one."""
    return await taskflow.forge(), await taskflow.forge("/taskforge")


def check_headers(answer: Reply) -> None:
    """What no answer may lack, in either dialect."""
    assert re.fullmatch(r"[A-Za-z0-9_-]{8,64}", answer.headers["X-Request-Id"])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == STRICT
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Server"] == "web"


def check_failed(answer: Reply, status: int, body: object) -> None:
    assert (answer.status, answer.body) == (status, body)
    assert answer.headers["Content-Type"] == "application/json"
    check_headers(answer)


# Who answers where


async def test_both_mounts_serve_the_same(taskflow: Taskflow) -> None:
    for client in await mounts(taskflow):
        answer = await client.get("/api/health")
        check_headers(answer)
        body = answer.body
        at = datetime.fromisoformat(body["data"].pop("timestamp")).replace(tzinfo=UTC)
        assert abs(datetime.now(UTC) - at) < timedelta(seconds=10)
        assert answer.status == 200
        assert body == {
            "success": True,
            "data": {
                "status": "healthy",
                "app_name": "TaskForge API",
                "version": "1.0.0",
                "database": "connected",
            },
        }
        head = await client.send("HEAD", "/api/health")
        assert (head.status, head.raw) == (200, b"")


async def test_an_unknown_path_is_404_in_the_words_of_its_own_api(taskflow: Taskflow) -> None:
    own, below = await mounts(taskflow)
    for path in ("/api/nothing", "/api/health/", "/api/health/x", "/api//health", "/%00", "/"):
        for client in (own, below):
            check_failed(await client.get(path), 404, NOTHING)
    # What is served at the first port only.
    for path in ("/taskforge/api/health", "/api/projects", "/api/auth/session", "/login"):
        check_failed(await own.get(path), 404, NOTHING)
    nobody = await taskflow.anybody()
    for path in ("/taskforge", "/taskforgex/api/health", "/api/health", "/Taskforge/api/health"):
        check_error(await nobody.get(path), 404, "NOT_FOUND")


async def test_an_encoded_path_is_its_own_apis(taskflow: Taskflow) -> None:
    sent = b"GET /%74askforge/api/%68ealth HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert (await exchange(taskflow, sent)).data["status"] == "healthy"
    sent = b"GET //taskforge/api/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    check_error(await exchange(taskflow, sent), 404, "NOT_FOUND")
    sent = b"GET http://localhost/taskforge/api/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
    check_failed(await exchange(taskflow, sent), 404, NOTHING)


async def test_a_method_that_is_not_taken_is_405(taskflow: Taskflow) -> None:
    for client in await mounts(taskflow):
        for method in ("POST", "DELETE", "TRACE"):
            answer = await client.send(method, "/api/health")
            check_failed(answer, 405, NO_METHOD)
            assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD"}


async def test_what_is_no_http_is_refused_in_the_envelope_of_the_port(taskflow: Taskflow) -> None:
    body = {"success": False, "message": "The request is not well-formed HTTP"}
    for what, sent in RAW.items():
        answer = await exchange(taskflow, sent, taskflow.forge_url)
        assert answer.status == 400, what
        check_failed(answer, 400, body)


async def test_an_expectation_that_nobody_meets_is_417_in_the_envelope(taskflow: Taskflow) -> None:
    body = {
        "success": False,
        "message": "The only expectation that is met is 100-continue",
        "error": "Expectation Failed",
    }
    for url, path in ((taskflow.forge_url, "/api/health"), (taskflow.url, "/taskforge/nothing")):
        sent = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nExpect: miracles\r\n\r\n".encode()
        check_failed(await exchange(taskflow, sent, url), 417, body)


async def test_a_body_above_the_bound_is_413(taskflow: Taskflow) -> None:
    long = orjson.dumps({"username": "x" * 262_144})
    for client in await mounts(taskflow):
        kind = {"Content-Type": "application/json"}
        answer = await client.post("/api/auth/register", data=long, headers=kind)
        assert answer.status == 413
        assert answer.body["success"] is False
        assert answer.body["error"] == "Payload Too Large"
        check_headers(answer)


async def test_an_unexpected_failure_is_500_and_tells_nothing(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: object) -> bool:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(health, "is_database_up", broken)
    body = {
        "success": False,
        "message": "An unexpected error occurred",
        "error": "Internal Server Error",
    }
    for client in await mounts(taskflow):
        check_failed(await client.get("/api/health"), 500, body)


async def test_a_request_ends_by_its_deadline(
    database_url: str, redis_url: str, logs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_: object) -> bool:
        await asyncio.sleep(60)
        return True

    monkeypatch.setattr(health, "is_database_up", never)
    async with taskflow_running(database_url, redis_url, request_deadline_s=0.3) as taskflow:
        for client in await mounts(taskflow):
            answer = await client.get("/api/health")
            assert (answer.status, answer.body["success"]) == (503, False)
            assert int(answer.headers["Retry-After"]) > 0
            check_headers(answer)


async def test_a_header_as_long_as_an_absurd_token_is_read(taskflow: Taskflow) -> None:
    for client in await mounts(taskflow):
        headers = {"Authorization": f"Bearer {'x' * 110_000}"}
        assert (await client.get("/api/health", headers=headers)).status == 200


async def test_attempts_are_recorded_by_the_dialect_that_answered(taskflow: Taskflow) -> None:
    own, below = await mounts(taskflow)
    await own.post("/api/nothing", headers={"X-Request-Id": "test-0001"})
    await below.delete("/api/health", headers={"X-Request-Id": "test-0002"})
    await below.get("/api/health", headers={"X-Request-Id": "test-0003"})
    await taskflow.admin.post("/api/nothing", headers={"X-Request-Id": "test-0004"})
    await taskflow.core.attempts.flush()
    rows = await in_database(
        taskflow,
        "select request_id, dialect, method, path, status from requests"
        " where request_id like 'test-%%' order by request_id",
    )
    assert rows == [
        ("test-0001", "taskforge", "POST", "/api/nothing", 404),
        ("test-0002", "taskforge", "DELETE", "/taskforge/api/health", 405),
        ("test-0004", "taskflow", "POST", "/api/nothing", 404),
    ]


# Health


async def test_the_second_port_has_probes_of_its_own(taskflow: Taskflow) -> None:
    own = await taskflow.forge()
    for path in ("/livez", "/readyz"):
        assert (await own.get(path)).status == 200
    assert (await own.get("/readyz")).body.keys() == (await taskflow.admin.get("/readyz")).body.keys()


async def test_without_its_database_health_is_degraded_and_still_200(
    taskflow: Taskflow, test_servers: Servers, database_url: str
) -> None:
    own = await taskflow.forge()
    async with unreachable(test_servers, database_url):
        answer = await own.get("/api/health")
        assert (answer.status, answer.body["success"]) == (200, True)
        assert (answer.data["status"], answer.data["database"]) == ("degraded", "disconnected")
    assert (await own.get("/api/health")).data["status"] == "healthy"


async def test_a_database_that_hangs_is_waited_for_within_a_bound(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never() -> int:
        await asyncio.sleep(60)
        return 0

    monkeypatch.setattr("api.health.CHECK_TIMEOUT_S", 0.2)
    monkeypatch.setattr(taskflow.core.store, "head", never)
    answer = await asyncio.wait_for((await taskflow.forge()).get("/api/health"), 2)
    assert (answer.status, answer.data["database"]) == (200, "disconnected")


# CORS

ORIGIN = "http://localhost:3000"
PREFLIGHT = {
    "Access-Control-Request-Method": "PUT",
    "Access-Control-Request-Headers": "authorization,content-type",
}


def cors(answer: Reply) -> dict[str, str]:
    return {
        name.removeprefix("Access-Control-"): value
        for name, value in answer.headers.items()
        if name.startswith("Access-Control-")
    }


ALLOWED = {
    "Allow-Origin": ORIGIN,
    "Allow-Credentials": "true",
    "Expose-Headers": "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After,"
    " X-Request-Id, Content-Disposition",
}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/health", 200), ("GET", "/api/nothing", 404), ("POST", "/api/health", 405)],
)
@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (ORIGIN, ALLOWED),
        ("http://localhost:5173", ALLOWED | {"Allow-Origin": "http://localhost:5173"}),
        ("http://localhost:3001", {}),
        ("https://localhost:3000", {}),
        ("http://localhost:3000.example.com", {}),
        ("null", {}),
        ("*", {}),
        ("", {}),
        (None, {}),
    ],
)
async def test_known_origins_may_read_every_answer(
    taskflow: Taskflow, method: str, path: str, status: int, origin: str | None, expected: dict[str, str]
) -> None:
    headers = {} if origin is None else {"Origin": origin}
    for client in await mounts(taskflow):
        answer = await client.send(method, path, headers=headers)
        assert answer.status == status
        assert cors(answer) == expected
        assert answer.headers["Vary"] == "Origin"


async def test_a_preflight_is_200_and_empty(taskflow: Taskflow) -> None:
    for client in await mounts(taskflow):
        answer = await client.send("OPTIONS", "/api/health", headers={"Origin": ORIGIN, **PREFLIGHT})
        assert (answer.status, answer.raw) == (200, b"")
        assert cors(answer) == {
            "Allow-Origin": ORIGIN,
            "Allow-Credentials": "true",
            "Allow-Methods": "DELETE, GET, OPTIONS, PATCH, POST, PUT",
            "Allow-Headers": "Authorization, Content-Type",
        }
        assert answer.headers["Vary"] == "Origin"
        assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
        check_headers(answer)
        stranger = {"Origin": "http://localhost:3001", **PREFLIGHT}
        answer = await client.send("OPTIONS", "/api/health", headers=stranger)
        assert (answer.status, answer.raw, cors(answer)) == (200, b"", {})
        plain = await client.send("OPTIONS", "/api/health")
        assert (plain.status, plain.raw, cors(plain)) == (200, b"", {})
        check_failed(await client.send("OPTIONS", "/api/nothing", headers=PREFLIGHT), 404, NOTHING)


async def test_taskflow_pro_lets_no_other_origin_in(taskflow: Taskflow) -> None:
    for path in ("/api/projects", "/livez", "/api/nothing", "/taskforge"):
        answer = await taskflow.admin.get(path, headers={"Origin": ORIGIN})
        assert cors(answer) == {}
        assert "Vary" not in answer.headers
    answer = await taskflow.admin.send("OPTIONS", "/api/projects", headers={"Origin": ORIGIN, **PREFLIGHT})
    check_error(answer, 405, "METHOD_NOT_ALLOWED")
    assert cors(answer) == {}


async def test_origins_are_those_of_the_setting(database_url: str, redis_url: str, logs: None) -> None:
    allowed = origins("https://tasks.example.com")
    async with taskflow_running(database_url, redis_url, cors_origins=allowed) as taskflow:
        own = await taskflow.forge()
        for origin, expected in (("https://tasks.example.com", True), (ORIGIN, False)):
            answer = await own.get("/api/health", headers={"Origin": origin})
            assert bool(cors(answer)) is expected


@pytest.mark.parametrize(
    "text",
    ["*", "localhost:3000", "http://", "http://a/", "http://a/x", "ftp://a", "http://a b", "http://a:0",
     "http://a:123456", "http://*.example.com", "http://u@a", "null", "http://a;http://b", ","],
)  # fmt: skip
def test_an_origin_is_a_scheme_a_host_and_perhaps_a_port(text: str) -> None:
    environ = {"DATABASE_URL": "postgresql:///x", "REDIS_URL": "redis://x", "TASKLEDGER_CORS_ORIGINS": text}
    with pytest.raises(SettingsError, match="TASKLEDGER_CORS_ORIGINS must be origins"):
        Settings.from_environment(environ, master_key=bytes(32))


def test_origins_are_read_as_browsers_write_them() -> None:
    read = origins(" HTTPS://Tasks.Example.com , http://localhost:3000,http://[::1]:80")
    assert read.allowed == ("https://tasks.example.com", "http://localhost:3000", "http://[::1]:80")


# Starting and stopping


@asynccontextmanager
async def slow_server(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Ports, asyncio.Task[None]]]:
    """A server until a signal, whose health takes half a second."""

    async def slowly(_: object) -> bool:
        await asyncio.sleep(0.5)
        return True

    monkeypatch.setattr(health, "is_database_up", slowly)
    ports = Ports(free_port(), free_port())
    server = asyncio.create_task(serving(taskflow.core.settings, bound("127.0.0.1", ports)))
    async with ClientSession() as client, asyncio.timeout(10):
        for port in ports:
            while not await lives(client, port):  # noqa: ASYNC110 - nobody tells when it listens
                await asyncio.sleep(0.05)
    yield ports, server
    await asyncio.wait_for(server, 10)


async def lives(client: ClientSession, port: int) -> bool:
    try:
        async with client.get(f"http://127.0.0.1:{port}/livez") as answer:
            return answer.status == 200
    except OSError:
        return False


async def test_a_signal_stops_both_ports_and_both_finish_what_is_running(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with slow_server(taskflow, monkeypatch) as (ports, server), ClientSession() as client:
        urls = (
            f"http://127.0.0.1:{ports.taskforge}/api/health",
            f"http://127.0.0.1:{ports.taskflow}/taskforge/api/health",
        )
        running = [asyncio.create_task(client.get(url).__aenter__()) for url in urls]
        await asyncio.sleep(0.2)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.1)
        async with ClientSession() as late:
            assert [await lives(late, port) for port in ports] == [False, False]
        assert not server.done()
        assert [(await answer).status for answer in running] == [200, 200]


async def test_a_port_that_is_taken_ends_the_start_and_frees_the_other(taskflow: Taskflow) -> None:
    taken = int(taskflow.forge_url.rpartition(":")[2])
    free = free_port()
    with pytest.raises(OSError, match="Address already in use"):
        bound("127.0.0.1", Ports(free, taken))
    async with (
        listening(taskflow.core, bound("127.0.0.1", Ports(free, 0))) as ports,
        ClientSession() as client,
    ):
        assert [await lives(client, port) for port in ports] == [True, True]


async def test_a_failure_outside_all_handlers_is_500_and_logged_with_its_request(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("aiohttp.web.Application._handle", broken)
    async with listening(taskflow.core, bound("127.0.0.1", Ports(0, 0))) as ports, ClientSession() as client:
        for port, path in ((ports.taskforge, "/api/health"), (ports.taskflow, "/taskforge/api/health")):
            with capture_logs() as said:
                async with client.get(f"http://127.0.0.1:{port}{path}") as answer:
                    assert (answer.status, await answer.json()) == (
                        500,
                        {
                            "success": False,
                            "message": "An unexpected error occurred",
                            "error": "Internal Server Error",
                        },
                    )
            (failure,) = [line for line in said if line["log_level"] == "error"]
            assert "secret detail" in repr(failure["exc_info"].__cause__)
