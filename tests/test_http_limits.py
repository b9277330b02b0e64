"""Limits as clients meet them: exact over all server processes, told in headers, and gone when Redis is."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from limits import parse

from api import requests
from api.embedded_valkey import Valkey
from api.limits.allowances import rate_limits
from api.limits.decisions import Decision
from api.requests import stated_address
from api.seldom import Seldom
from api.settings import LOOPBACK
from api.taskflow.routes import ENDPOINTS
from events.errors import Unavailable
from readmodels.connecting import call
from readmodels.keys import LIMITS
from tests.http import JWT_SECRET, MASTER_KEY, Reply, Taskflow, taskflow_running
from tests.running import Running, free_port
from tests.servers import own_valkey, short_folder
from tests.test_http_auth import token_of
from tests.test_http_envelope import check_error

WRONG = {"username": "admin", "password": "wrong password"}
HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
PATIENT_S = 10.0


@asynccontextmanager
async def limited(database_url: str, redis_url: str, limits: str, **settings: Any) -> AsyncIterator[Taskflow]:
    """A server with these limits, which has counted nothing yet; Redis may be slow on a busy machine."""
    given = {"redis_timeout_s": PATIENT_S, **settings, "rate_limits": rate_limits(limits)}
    async with taskflow_running(database_url, redis_url, **given) as server:
        await forget(server)
        yield server


async def forget(server: Taskflow) -> None:
    """Begin to count anew."""
    redis = server.core.redis
    for key in await call(redis, "KEYS", f"{LIMITS}:*"):
        await call(redis, "DEL", key)


def told(answer: Reply) -> tuple[int, int, int]:
    limit, remaining, reset = (int(answer.headers[name]) for name in HEADERS)
    return limit, remaining, reset


def is_silent(answer: Reply) -> bool:
    return not any(name in answer.headers for name in (*HEADERS, "Retry-After"))


def check_refused(answer: Reply, limit: str, whose: str) -> None:
    check_error(answer, 429, "RATE_LIMITED")
    seconds = answer.headers["Retry-After"]
    assert int(seconds) >= 1
    said = f"Too many requests: the limit for {whose} is {limit}. Ask again in {seconds} seconds"
    assert answer.body["message"] == said


# What is told


async def test_every_answer_counts_down_to_a_refusal(database_url: str, redis_url: str, logs: None) -> None:
    async with limited(database_url, redis_url, "4/hour;3/hour;20/minute") as taskflow:
        before = time.time()
        answers = [await taskflow.admin.get("/api/auth/me") for _ in range(6)]
        assert [answer.status for answer in answers] == [200] * 4 + [429] * 2
        assert [told(answer)[:2] for answer in answers] == [(4, 3), (4, 2), (4, 1), (4, 0), (4, 0), (4, 0)]
        (reset,) = {told(answer)[2] for answer in answers}
        assert before + 3599 <= reset <= time.time() + 3601
        for refused in answers[4:]:
            check_refused(refused, "4 per hour", "a user")
            assert abs(reset - time.time() - int(refused.headers["Retry-After"])) <= 2
        assert "Retry-After" not in answers[0].headers

        nobody = await taskflow.anybody()
        answers = [await nobody.get("/api/projects") for _ in range(4)]
        assert [answer.status for answer in answers] == [401] * 3 + [429]
        assert [told(answer)[:2] for answer in answers] == [(3, 2), (3, 1), (3, 0), (3, 0)]
        check_refused(answers[3], "3 per hour", "an address without a session")


async def test_a_burst_is_refused_while_the_headers_speak_of_the_hour(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with limited(database_url, redis_url, "50/hour;40/hour;3/minute") as taskflow:
        for client, hourly, whose in (
            (taskflow.admin, 50, "a user"),
            (await taskflow.anybody(), 40, "an address without a session"),
        ):
            answers = [await client.get("/api/auth/me") for _ in range(5)]
            assert [answer.status == 429 for answer in answers] == [False] * 3 + [True] * 2
            # What the burst refuses is not taken from the hour.
            assert [told(answer)[1] for answer in answers] == [
                hourly - 1, hourly - 2, hourly - 3, hourly - 3, hourly - 3
            ]  # fmt: skip
            check_refused(answers[4], "3 per minute", whose)
            assert int(answers[4].headers["Retry-After"]) <= 60
            assert told(answers[4])[2] > time.time() + 3500


async def test_answers_of_every_kind_are_counted(database_url: str, redis_url: str, logs: None) -> None:
    async with limited(database_url, redis_url, "1000/hour;1000/hour;1000/minute") as taskflow:
        admin = taskflow.admin
        etag = (await admin.get("/api/users/1")).headers["ETag"]
        answers = [
            await admin.get("/api/users/1", headers={"If-None-Match": etag}),
            await admin.get("/api/nothing"),
            await admin.get("/"),
            await admin.send("PATCH", "/api/projects"),
            await admin.send("HEAD", "/api/projects"),
            await admin.get("/api/projects?nope=1"),
            await admin.post("/api/projects", {}),
            await admin.post("/api/projects", {"name": "P"}, headers={"Idempotency-Key": "k"}),
            await admin.post("/api/projects", {"name": "P"}, headers={"Idempotency-Key": "k"}),
            await admin.post("/api/projects", data=b"<p/>", headers={"Content-Type": "text/xml"}),
            await admin.post("/api/projects", {"name": "P"}, headers={"Sec-Fetch-Site": "cross-site"}),
            await admin.get("/login"),
        ]
        statuses = [answer.status for answer in answers]
        assert statuses == [304, 404, 404, 405, 200, 400, 422, 201, 201, 415, 403, 200]
        assert "Idempotency-Replayed" in answers[8].headers
        assert [told(answer)[:2] for answer in answers] == [(1000, 998 - turn) for turn in range(12)]
        streamed = await admin.get("/api/reports/budget-analysis?format=csv")
        assert streamed.headers["Content-Type"].startswith("text/csv")
        assert told(streamed)[:2] == (1000, 986)


async def test_health_and_documentation_are_exempt(database_url: str, redis_url: str, logs: None) -> None:
    async with limited(database_url, redis_url, "5/hour;1/hour;5/minute") as taskflow:
        nobody = await taskflow.anybody()
        assert (await nobody.get("/api/projects")).status == 401
        for path in ("/livez", "/readyz", "/api/docs/openapi.json", "/docs/api/postman_collection.json"):
            answers = [await nobody.get(path) for _ in range(7)]
            assert {answer.status for answer in answers} == {200}, path
            assert all(is_silent(answer) for answer in answers)
        # Only what is there: nobody gets past the limit by a name alone.
        for path in ("/api/docs/../projects", "/api/docs%2f..%2fprojects", "/api/docsx", "/livez/x", "/docs"):
            answer = await nobody.get(path)
            assert answer.status == 429, path


async def test_off_is_off(database_url: str, redis_url: str, logs: None) -> None:
    async with limited(database_url, redis_url, "off") as taskflow:
        nobody = await taskflow.anybody()
        answers = [await nobody.post("/api/auth/login", WRONG) for _ in range(25)]
        answers += [await taskflow.admin.get("/api/projects") for _ in range(25)]
        assert Counter(answer.status for answer in answers) == {401: 25, 200: 25}
        assert all(is_silent(answer) for answer in answers)
        assert await call(taskflow.core.redis, "KEYS", f"{LIMITS}:*") == []


# Who is counted


async def test_users_behind_one_address_have_their_own_quotas(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with limited(database_url, redis_url, "5/hour;1000/hour;1000/minute") as taskflow:
        await taskflow.user("ana")
        ana, again = await taskflow.signed_in("ana"), await taskflow.signed_in("ana")
        await forget(taskflow)
        assert [(await ana.get("/api/auth/me")).status for _ in range(6)] == [200] * 5 + [429]
        # A user's sessions share the user's quota; to the address none of this counts.
        assert (await again.get("/api/auth/me")).status == 429
        assert told(await taskflow.admin.get("/api/auth/me"))[1] == 4
        assert told(await (await taskflow.anybody()).get("/api/auth/me"))[:2] == (1000, 999)


async def test_a_session_that_is_none_counts_for_the_address(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with limited(database_url, redis_url, "1000/hour;5/hour;1000/minute") as taskflow:
        ended = await taskflow.signed_in("admin", "admin123")
        headers = {"Cookie": f"session={token_of(ended)}"}
        await ended.post("/api/auth/logout")
        await forget(taskflow)
        nobody = await taskflow.anybody()
        for turn, cookie in enumerate((headers, {"Cookie": "session=made-up"}, {"Cookie": "session="}, {})):
            answer = await nobody.get("/api/auth/me", headers=cookie)
            assert (answer.status, told(answer)[:2]) == (401, (5, 4 - turn))


async def test_a_spoofed_address_changes_nothing(database_url: str, redis_url: str, logs: None) -> None:
    async with limited(database_url, redis_url, "1000/hour;10/hour;1000/minute") as taskflow:
        nobody = await taskflow.anybody()
        answers = await asyncio.gather(*(nobody.get("/api/projects", headers=h) for h in spoofed(40)))
        assert Counter(answer.status for answer in answers) == {401: 10, 429: 30}


def spoofed(number: int) -> Iterator[dict[str, str]]:
    for turn in range(number):
        address = f"198.51.100.{turn}"
        yield {
            "X-Forwarded-For": f"{address}, {address}",
            "Forwarded": f"for={address}",
            "X-Real-IP": address,
            "True-Client-IP": address,
        }


async def test_behind_a_trusted_proxy_the_address_that_it_saw_counts(
    database_url: str, redis_url: str, logs: None
) -> None:
    proxies = tuple(map(ip_network, ("127.0.0.1", "10.0.0.0/8")))
    settings = {"trusted_proxies": proxies}
    async with limited(database_url, redis_url, "9/hour;3/hour;9/minute", **settings) as taskflow:
        nobody = await taskflow.anybody()

        async def remaining(forwarded_for: str) -> int:
            headers = {"X-Forwarded-For": forwarded_for}
            return told(await nobody.get("/api/projects", headers=headers))[1]

        assert await remaining("203.0.113.7") == 2
        assert await remaining("198.51.100.1, 203.0.113.7") == 1
        assert await remaining("198.51.100.2, 203.0.113.7, 10.1.2.3") == 0
        assert await remaining("203.0.113.8") == 2
        assert await remaining("203.0.113.7, 203.0.113.8") == 1
        assert await remaining("2001:db8:0:1::1") == 2
        assert await remaining("2001:db8:0:1:ffff::2") == 1
        assert await remaining("2001:db8:0:2::1") == 2
        # Some proxies add the port, and brackets with or without it.
        assert await remaining("203.0.113.9:5555") == 2
        assert await remaining("203.0.113.9") == 1
        assert await remaining("203.0.113.9:1, 10.1.2.3:443") == 0
        assert await remaining("[2001:db8:0:2::1]") == 1
        assert await remaining("[2001:db8:0:2::1]:5") == 0


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:5555", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:5", "2001:db8::1"),
        *[
            (wrong, None)
            for wrong in ("", "unknown", "1.2.3:4", "[", "[]:5", "[::1", "1.2.3.4:x", "_a:5", "[x]:1")
        ],
    ],
)
def test_an_entry_of_a_proxy_is_an_address_with_or_without_a_port(entry: str, address: str | None) -> None:
    assert stated_address(entry) == address


async def test_operators_learn_of_a_proxy_that_is_not_believed_or_not_understood(
    database_url: str,
    redis_url: str,
    logs: None,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once in a while, whatever strangers send."""
    for trusted, event in (((), "forwarded_header_ignored"), (LOOPBACK, "forwarded_entry_unreadable")):
        monkeypatch.setattr(requests, "_not_believed", Seldom("forwarded_header_ignored"))
        monkeypatch.setattr(requests, "_not_read", Seldom("forwarded_entry_unreadable"))
        caplog.clear()
        async with limited(
            database_url, redis_url, "99/hour;99/hour;99/minute", trusted_proxies=trusted
        ) as taskflow:
            nobody = await taskflow.anybody()
            for number in range(5):
                await nobody.get("/api/projects", headers={"X-Forwarded-For": f"unknown{number}"})
        assert [
            each.getMessage().count(event) for each in caplog.records if "forwarded_" in each.getMessage()
        ] == [1]


# Exactly as many as allowed


@contextmanager
def served(environment: Mapping[str, str], folder: Path) -> Iterator[list[str]]:
    """Two server processes of one ledger; their addresses."""
    with ExitStack() as stack:
        servers = []
        for number in range(2):
            server = Running(["serve"], free_port(), folder / f"server{number}")
            server.environment = dict(environment)
            stack.callback(server.start().stop)
            servers.append(server)
        yield [server.wait_until_ready().url for server in servers]


@asynccontextmanager
async def two_processes(
    taskflow: Taskflow, folder: Path, limits: str
) -> AsyncIterator[tuple[list[ClientSession], dict[str, str]]]:
    """Clients of two processes that limit, on the data of one that does not; the admin's cookie."""
    settings = taskflow.core.settings
    environment = {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "TASKLEDGER_MASTER_KEY": MASTER_KEY.hex(),
        "TASKLEDGER_JWT_SECRET": JWT_SECRET.hex(),
        "TASKLEDGER_RATE_LIMITS": limits,
        "TASKLEDGER_REDIS_TIMEOUT_S": str(PATIENT_S),
    }
    context = served(environment, folder)
    urls = await asyncio.to_thread(context.__enter__)
    try:
        async with ClientSession(urls[0]) as first, ClientSession(urls[1]) as second:
            yield [first, second], {"Cookie": f"session={token_of(taskflow.admin)}"}
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)


async def flood(
    clients: list[ClientSession],
    number: int,
    method: str = "GET",
    path: str = "/api/auth/me",
    **options: Any,
) -> Counter[tuple[int, str]]:
    """How many of `number` requests at once ended how: status, and the limit that a refusal names."""

    async def one(client: ClientSession) -> tuple[int, str]:
        async with client.request(method, path, **options) as answer:
            message = (await answer.json()).get("message", "")
            limit = message.partition(" is ")[2].partition(".")[0] if answer.status == 429 else ""
            return answer.status, limit

    return Counter(await asyncio.gather(*(one(clients[turn % 2]) for turn in range(number))))


async def test_two_processes_together_let_exactly_the_hours_quota_pass(
    taskflow: Taskflow, tmp_path: Path
) -> None:
    async with two_processes(taskflow, tmp_path, "25/hour;15/hour;1000/minute") as (clients, admin):
        assert await flood(clients, 100, headers=admin) == {(200, ""): 25, (429, "25 per hour"): 75}
        assert await flood(clients, 60) == {(401, ""): 15, (429, "15 per hour"): 45}


async def test_two_processes_together_let_exactly_the_burst_and_the_operations_limit_pass(
    taskflow: Taskflow, tmp_path: Path
) -> None:
    async with two_processes(taskflow, tmp_path, "1000/hour;900/hour;22/minute") as (clients, admin):
        assert await flood(clients, 88, headers=admin) == {(200, ""): 22, (429, "22 per minute"): 66}
        logins = await flood(clients, 80, "POST", "/api/auth/login", json=WRONG)
        assert logins == {(401, ""): 20, (429, "20 per minute"): 2, (429, "22 per minute"): 58}


# Limits of single operations


async def test_logins_are_limited_by_address_whoever_asks(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with limited(database_url, redis_url, "1000/hour;1000/hour;1000/minute") as taskflow:
        twin = await taskflow.twin()
        await twin.admin.sign_in()
        await forget(taskflow)
        clients = [taskflow.admin, twin.admin, await taskflow.anybody(), await twin.anybody()]
        answers = await asyncio.gather(
            *(
                clients[turn % 4].post("/api/auth/login", WRONG, headers=h)
                for turn, h in enumerate(spoofed(60))
            )
        )
        assert Counter(answer.status for answer in answers) == {401: 20, 429: 40}
        for answer in answers:
            if answer.status == 429:
                check_refused(answer, "20 per minute", "this operation")
                assert int(answer.headers["Retry-After"]) <= 60
                assert told(answer)[0] == 1000
        # Other operations go on.
        assert (await taskflow.admin.get("/api/auth/me")).status == 200
        assert (await taskflow.admin.post("/api/auth/logout")).status == 200


def test_no_operation_has_a_limit_that_cannot_be_read() -> None:
    with_limit = {f"{each.method} {each.path}": each.limit for each in ENDPOINTS if each.limit}
    assert with_limit["POST /api/auth/login"] == "20/minute"
    for limit in with_limit.values():
        assert parse(limit).amount > 0


# As time goes by


async def test_when_the_window_ends_requests_pass_again(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with limited(database_url, redis_url, "2/second;1000/hour;1000/minute") as taskflow:
        admin = taskflow.admin
        project = {"name": "P"}
        key = {"Idempotency-Key": "again"}
        await admin.get("/api/auth/me")
        await admin.get("/api/auth/me")
        refused = await admin.post("/api/projects", project, headers=key)
        check_refused(refused, "2 per second", "a user")
        assert refused.headers["Retry-After"] == "1"
        await asyncio.sleep(1.0)
        # A refusal of this kind is no answer to keep.
        answer = await admin.post("/api/projects", project, headers=key)
        assert answer.status == 201
        assert "Idempotency-Replayed" not in answer.headers
        assert told(answer)[:2] == (2, 1)
        assert told(answer)[2] > told(refused)[2]
        assert math.ceil(time.time()) <= told(answer)[2] <= math.ceil(time.time()) + 1


async def test_after_a_flush_counting_begins_anew(database_url: str, redis_url: str, logs: None) -> None:
    async with limited(database_url, redis_url, "1000/hour;5/hour;1000/minute") as taskflow:
        nobody, redis = await taskflow.anybody(), taskflow.core.redis
        assert [(await nobody.get("/api/auth/me")).status for _ in range(6)] == [401] * 5 + [429]
        await call(redis, "FLUSHDB")
        await call(redis, "SCRIPT", "FLUSH")
        answers = await asyncio.gather(*(nobody.get("/api/auth/me") for _ in range(20)))
        assert Counter(answer.status for answer in answers) == {401: 5, 429: 15}


# Without Redis, without the database


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    """A Valkey of this test's own, to be stopped at will."""
    with short_folder() as folder, own_valkey(folder, durable=True) as server:
        yield server


def decisions(server: Taskflow) -> Mapping[tuple[str, Decision], int]:
    limiter = server.core.limiter
    assert limiter
    return limiter.decisions.counts()


async def test_without_redis_requests_pass_and_are_counted_and_logins_stay_limited(
    database_url: str, valkey: Valkey, logs: None
) -> None:
    settings = {"limiter_retry_s": 0.2, "redis_timeout_s": 1.0}
    async with limited(database_url, valkey.url(), "9/hour;3/hour;9/minute", **settings) as taskflow:
        await taskflow.stop_projector()
        nobody = await taskflow.anybody()
        assert [(await nobody.get("/api/auth/me")).status for _ in range(4)] == [401] * 3 + [429]
        known = decisions(taskflow)
        await asyncio.to_thread(valkey.stop)

        answers = [await nobody.get("/api/auth/me") for _ in range(12)]
        assert {answer.status for answer in answers} == {401}
        assert all(is_silent(answer) for answer in answers)
        assert decisions(taskflow) == {**known, ("quota", "unchecked"): 12}

        answers = [await nobody.post("/api/auth/login", WRONG) for _ in range(23)]
        assert [answer.status for answer in answers] == [401] * 20 + [429] * 3
        check_refused(answers[-1], "20 per minute", "this operation")
        assert decisions(taskflow) == {
            **known,
            ("quota", "unchecked"): 35,
            ("local", "allowed"): 20,
            ("local", "limited"): 3,
            ("sign_in", "allowed"): known["sign_in", "allowed"] + 20,
        }

        await asyncio.to_thread(valkey.start)
        await asyncio.to_thread(valkey.wait_ready)
        await asyncio.sleep(0.3)
        # What was counted before is on disk.
        assert (await nobody.get("/api/auth/me")).status == 429


async def test_a_redis_that_hangs_is_waited_for_once(database_url: str, valkey: Valkey, logs: None) -> None:
    settings = {"limiter_retry_s": 30.0, "redis_timeout_s": 2.0}
    async with limited(database_url, valkey.url(), "9/hour;3/hour;9/minute", **settings) as taskflow:
        nobody = await taskflow.anybody()
        await nobody.get("/api/auth/me")
        # The projector has no such patience.
        await taskflow.stop_projector()
        process = int((await call(taskflow.core.redis, "INFO", "server"))["process_id"])
        os.kill(process, signal.SIGSTOP)
        try:
            started = time.perf_counter()
            answers = [await nobody.get("/api/auth/me") for _ in range(20)]
            assert {answer.status for answer in answers} == {401}
            assert 2.0 <= time.perf_counter() - started < 4.0, "as long as one waits, and not as two do"
        finally:
            os.kill(process, signal.SIGCONT)


async def test_while_sessions_cannot_be_looked_up_the_address_counts_and_answers_are_as_ever(
    database_url: str, redis_url: str, logs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with limited(database_url, redis_url, "1000/hour;4/hour;1000/minute") as taskflow:
        asked: list[str] = []

        async def find(token: str) -> None:
            asked.append(token)
            raise Unavailable("the database is away")

        monkeypatch.setattr(taskflow.core.sessions, "find", find)
        admin = taskflow.admin
        check_error(await admin.get("/api/projects"), 503, "UNAVAILABLE")
        check_error(await admin.post("/api/auth/login", WRONG), 503, "UNAVAILABLE")
        answer = await admin.get("/api/nothing")
        check_error(answer, 404, "NOT_FOUND")
        assert told(answer)[:2] == (4, 1)
        # Each request asked once, and not again when it came to its handler.
        assert asked == [token_of(admin)] * 3


async def test_a_request_looks_its_session_up_once(
    database_url: str, redis_url: str, logs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with limited(database_url, redis_url, "1000/hour;1000/hour;1000/minute") as taskflow:
        find, asked = taskflow.core.sessions.find, []

        async def counted(token: str) -> object:
            asked.append(token)
            return await find(token)

        monkeypatch.setattr(taskflow.core.sessions, "find", counted)
        assert (await taskflow.admin.post("/api/projects", {"name": "P"})).status == 201
        assert (await taskflow.admin.get("/api/projects/1")).status == 200
        assert len(asked) == 2
