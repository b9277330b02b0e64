"""TaskForge's limits: per address and endpoint, exact over all processes, told on every answer."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import psycopg
import pytest
from limits import parse
from redis.asyncio import Redis

from api.embedded_valkey import Valkey
from api.limits import principals
from api.limits.allowances import DEFAULT_LIMITS, DEFAULT_WINDOWS, windows
from api.limits.breaker import Breaker
from api.limits.decisions import Decisions
from api.limits.quotas import Quotas
from api.settings import Settings, SettingsError
from api.taskforge.routes import ENDPOINTS
from readmodels.connecting import call, connect
from readmodels.keys import LIMITS
from readmodels.pipe import Pipe
from tests.http import FORGE_PASSWORD, Reply, Taskflow, taskflow_running
from tests.servers import own_valkey, short_folder
from tests.test_http_limits import PATIENT_S, decisions, forget, is_silent, told, two_processes
from tests.test_limits import Clock

WRONG = {"email": "admin@taskflow.com", "password": "wrong password"}
FLOW_WRONG = {"username": "admin", "password": "wrong password"}
ANA = {"username": "ana", "email": "ana@example.com", "password": FORGE_PASSWORD}
HOUR_S = 3600
DAY_S = 24 * HOUR_S


@asynccontextmanager
async def limited(database_url: str, redis_url: str, **settings: Any) -> AsyncIterator[Taskflow]:
    """A server with all limits on, which has counted nothing yet; Redis may be slow on a busy machine."""
    given = {"redis_timeout_s": PATIENT_S, "rate_limits": DEFAULT_LIMITS} | settings
    async with taskflow_running(database_url, redis_url, **given) as server:
        await forget(server)
        yield server


def check_too_many(answer: Reply, limit: str) -> None:
    assert (answer.status, answer.raw) == (429, b'{"message":"429 Too Many Requests: %s"}' % limit.encode())
    assert answer.headers["Content-Type"] == "application/json"
    assert int(answer.headers["Retry-After"]) >= 1


def check_told(answer: Reply, amount: int, remaining: int, window_s: int = HOUR_S) -> None:
    """What the headers say of a window that began a moment ago."""
    limit, left, reset = told(answer)
    assert (limit, left) == (amount, remaining)
    assert window_s - 60 <= reset - time.time() <= window_s + 1
    assert window_s - 60 <= int(answer.headers["Retry-After"]) <= window_s


# What is told


async def test_who_hammers_fills_no_table(database_url: str, redis_url: str, logs: None) -> None:
    async with limited(database_url, redis_url) as taskflow:
        forge, flow = await taskflow.forge(), await taskflow.anybody()
        forged = [await forge.post("/api/auth/login", WRONG) for _ in range(12)]
        flowed = [await flow.post("/api/auth/login", FLOW_WRONG) for _ in range(22)]
        assert [Counter(each.status for each in some) for some in (forged, flowed)] == [
            {401: 10, 429: 2},
            # Guesses at one account from one place count together: 20 of both.
            {401: 10, 429: 12},
        ]
        await taskflow.core.attempts.flush()
    with psycopg.connect(database_url) as connection:
        query = "select dialect, status, count(*) from requests where status > 400 group by 1, 2 order by 1"
        assert connection.execute(query).fetchall() == [("taskflow", 401, 10), ("taskforge", 401, 10)]


async def test_every_answer_counts_down_to_a_refusal(database_url: str, redis_url: str, logs: None) -> None:
    async with limited(database_url, redis_url) as taskflow:
        own = await taskflow.forge()
        answers = [await own.get("/api/health") for _ in range(52)]
        assert [answer.status for answer in answers] == [200] * 50 + [429] * 2
        for turn, answer in enumerate(answers):
            check_told(answer, 50, max(0, 49 - turn))
        for answer in answers[50:]:
            check_too_many(answer, "50 per 1 hour")


async def test_the_day_refuses_when_the_hour_would_not(database_url: str, redis_url: str, logs: None) -> None:
    async with limited(database_url, redis_url) as taskflow:
        own, redis = await taskflow.forge(), taskflow.core.redis
        for _ in range(4):
            answers = await asyncio.gather(*(own.get("/api/health") for _ in range(51)))
            assert Counter(answer.status for answer in answers) == {200: 50, 429: 1}
            for key in await call(redis, "KEYS", f"{LIMITS}:*/hour"):
                await call(redis, "DEL", key)
        answer = await own.get("/api/health")
        check_too_many(answer, "200 per 1 day")
        check_told(answer, 200, 0, DAY_S)


async def test_answers_of_every_kind_tell(database_url: str, redis_url: str, logs: None) -> None:
    async with limited(database_url, redis_url) as taskflow:
        own = await taskflow.forge()
        check_told(await own.get("/api/tasks"), 50, 49)
        answer = await own.get("/api/tasks", headers={"Authorization": "Bearer x"})
        assert answer.status == 401
        check_told(answer, 50, 48)
        answer = await own.post("/api/auth/login", data=b"<xml/>")
        assert answer.status == 400
        check_told(answer, 10, 9)
        admin = await taskflow.forge_admin()
        for answer in (
            await admin.get("/api/tasks/77"),
            await admin.put("/api/tasks/77", {"title": "T"}),
            await admin.send("HEAD", "/api/tags"),
        ):
            check_told(answer, 50, 49)


async def test_when_to_ask_again_is_not_when_the_window_ends(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with limited(database_url, redis_url, caught_up_timeout_s=0.05) as taskflow:
        admin = await taskflow.forge_admin()
        answer = await admin.get("/api/tasks", headers={"X-Min-Position": "999999"})
        assert (answer.status, answer.headers.getall("Retry-After")) == (503, ["1"])
        assert told(answer)[:2] == (50, 49)
        check_told(await admin.get("/api/tasks"), 50, 48)


async def test_what_is_no_endpoint_is_not_counted(database_url: str, redis_url: str, logs: None) -> None:
    async with limited(database_url, redis_url, taskforge_limits=windows("1/hour")) as taskflow:
        own, below = await taskflow.forge(), await taskflow.forge("/taskforge")
        for client in (own, below):
            for method, path in (
                ("GET", "/api/nothing"),
                ("GET", "/api/tasks/abc"),
                ("DELETE", "/api/health"),
                ("OPTIONS", "/api/health"),
                ("OPTIONS", "/api/nothing"),
            ):
                answers = [await client.send(method, path) for _ in range(3)]
                assert len({answer.status for answer in answers}) == 1, path
                assert all(is_silent(answer) for answer in answers), path
        for path in ("/livez", "/readyz"):
            answers = [await own.get(path) for _ in range(3)]
            assert {answer.status for answer in answers} == {200}
            assert all(is_silent(answer) for answer in answers)
        assert await call(taskflow.core.redis, "KEYS", f"{LIMITS}:*") == []


async def test_a_page_of_a_known_origin_may_read_a_refusal(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with limited(database_url, redis_url, taskforge_limits=windows("1/hour")) as taskflow:
        own, origin = await taskflow.forge(), {"Origin": "http://localhost:3000"}
        answers = [await own.get("/api/health", headers=origin) for _ in range(2)]
        assert [answer.status for answer in answers] == [200, 429]
        for answer in answers:
            assert answer.headers["Access-Control-Allow-Origin"] == origin["Origin"]
            assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
        preflight = {**origin, "Access-Control-Request-Method": "GET"}
        assert (await own.send("OPTIONS", "/api/health", headers=preflight)).status == 200


async def test_off_is_off(database_url: str, redis_url: str, logs: None) -> None:
    async with limited(
        database_url, redis_url, rate_limits=None, taskforge_limits=windows("1/hour")
    ) as taskflow:
        own = await taskflow.forge()
        answers = [await own.post("/api/auth/login", WRONG) for _ in range(12)]
        assert {answer.status for answer in answers} == {401}
        answers += [await own.get("/api/health") for _ in range(3)]
        assert all(is_silent(answer) for answer in answers)
        assert await call(taskflow.core.redis, "KEYS", f"{LIMITS}:*") == []


# What counts together


async def test_each_endpoint_has_a_counter_of_its_own(database_url: str, redis_url: str, logs: None) -> None:
    async with limited(database_url, redis_url, taskforge_limits=windows("9/hour")) as taskflow:
        admin = await taskflow.forge_admin()
        task = (await admin.made("/api/tasks", {"title": "T"}))["id"]
        await forget(taskflow)
        paths = ("/api/tasks", f"/api/tasks/{task}", "/api/tasks/statistics", "/api/tags", "/api/auth/me")
        for remaining in (8, 7):
            for path in paths:
                check_told(await admin.get(path), 9, remaining)
        # Another object is the same endpoint, another method is not, but for PATCH, which is PUT.
        check_told(await admin.get(f"/api/tasks/{task + 1}"), 9, 6)
        check_told(await admin.put(f"/api/tasks/{task}", {"title": "U"}), 9, 8)
        check_told(await admin.patch(f"/api/tasks/{task}", {"title": "V"}), 9, 7)
        check_told(await admin.delete(f"/api/tasks/{task}"), 9, 8)
        check_told(await admin.send("HEAD", "/api/tags"), 9, 6)


async def test_both_mounts_share_one_counter(database_url: str, redis_url: str, logs: None) -> None:
    async with limited(database_url, redis_url) as taskflow:
        own, below = await taskflow.forge(), await taskflow.forge("/taskforge")
        check_told(await own.get("/api/health"), 50, 49)
        check_told(await below.get("/api/health"), 50, 48)
        answers = [await client.post("/api/auth/login", WRONG) for client in (own, below) for _ in range(6)]
        assert [answer.status for answer in answers] == [401] * 10 + [429] * 2


async def test_addresses_are_counted_apart_and_users_are_not(
    database_url: str, redis_url: str, logs: None
) -> None:
    proxies = (ip_network("127.0.0.1"),)
    async with limited(database_url, redis_url, trusted_proxies=proxies) as taskflow:
        admin, own = await taskflow.forge_admin(), await taskflow.forge()
        await forget(taskflow)
        for client, address, remaining in (
            (admin, "203.0.113.7", 49),
            (own, "203.0.113.7", 48),
            (own, "203.0.113.8", 49),
            (admin, "2001:db8::1", 49),
            (admin, "2001:db8::2", 48),
        ):
            answer = await client.get("/api/auth/me", headers={"X-Forwarded-For": address})
            check_told(answer, 50, remaining)


async def test_the_two_apis_do_not_count_each_others_requests(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with limited(database_url, redis_url) as taskflow:
        below, nobody = await taskflow.forge("/taskforge"), await taskflow.anybody()
        for _ in range(30):
            assert (await below.get("/api/health")).status == 200
        await below.get("/api/nothing")
        # Of TaskFlow Pro's 100 an hour and 20 a minute, none is gone.
        assert told(await nobody.get("/api/projects"))[:2] == (100, 99)
        await nobody.post("/api/auth/login", {"username": "admin", "password": "wrong"})
        check_told(await below.get("/api/health"), 50, 19)
        check_told(await below.post("/api/auth/login", WRONG), 10, 9)


# Limits of single endpoints


def test_the_contracts_own_limits_are_set() -> None:
    with_limit = {
        f"{each.methods[0]} {each.path}": (each.limit, each.counts_callers_only)
        for each in ENDPOINTS
        if each.limit
    }
    assert with_limit == {
        "POST /api/auth/register": ("5/hour", False),
        "POST /api/auth/login": ("10/hour", False),
        "POST /api/auth/change-password": ("3/hour", True),
        "POST /api/tasks": ("50/hour", True),
        "POST /api/tags": ("20/hour", True),
    }
    assert str(DEFAULT_WINDOWS) == "200/day;50/hour"


@pytest.mark.parametrize(
    ("path", "body", "amount"), [("/api/auth/register", {}, 5), ("/api/auth/login", WRONG, 10)]
)
async def test_failures_count_against_register_and_login(
    database_url: str, redis_url: str, logs: None, path: str, body: dict[str, str], amount: int
) -> None:
    # Its own limit stands in the place of the default ones.
    async with limited(database_url, redis_url, taskforge_limits=windows("1/hour")) as taskflow:
        own = await taskflow.forge()
        answers = [await own.post(path, body) for _ in range(amount + 2)]
        assert [answer.status for answer in answers[amount:]] == [429] * 2
        assert 429 not in [answer.status for answer in answers[:amount]]
        for turn, answer in enumerate(answers):
            check_told(answer, amount, max(0, amount - 1 - turn))
        check_too_many(answers[-1], f"{amount} per 1 hour")
        # The right password is refused as well.
        right = {"email": "admin@taskflow.com", "password": "admin123"}
        if path == "/api/auth/login":
            check_too_many(await own.post(path, right), "10 per 1 hour")


@pytest.mark.parametrize(
    ("path", "amount"), [("/api/auth/change-password", 3), ("/api/tasks", 50), ("/api/tags", 20)]
)
async def test_only_who_is_known_counts_against_the_others(
    database_url: str, redis_url: str, logs: None, path: str, amount: int
) -> None:
    async with limited(database_url, redis_url, taskforge_limits=windows("1/hour")) as taskflow:
        admin, own = await taskflow.forge_admin(), await taskflow.forge()
        for token in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}):
            answer = await own.post(path, {}, headers=token)
            assert answer.status == 401
            assert is_silent(answer)
        answers = [await admin.post(path, {}) for _ in range(amount + 1)]
        assert [answer.status for answer in answers] == [400] * amount + [429]
        for turn, answer in enumerate(answers):
            check_told(answer, amount, max(0, amount - 1 - turn))
        check_too_many(answers[-1], f"{amount} per 1 hour")
        # The limit is the address's: a second user there has none of it left.
        assert (await own.post(path, {})).status == 401


# Exactly as many as allowed


async def test_two_processes_together_let_exactly_as_many_pass(taskflow: Taskflow, tmp_path: Path) -> None:
    limits = "1000/hour;1000/hour;1000/minute"
    async with two_processes(taskflow, tmp_path, limits) as (clients, _):

        async def flood(number: int, method: str, path: str, **options: Any) -> Counter[tuple[int, str]]:
            async def one(turn: int) -> tuple[int, str]:
                send = clients[turn % 2].request(method, f"/taskforge{path}", **options)
                async with send as answer:
                    body = await answer.json()
                    return answer.status, body["message"] if answer.status == 429 else ""

            return Counter(await asyncio.gather(*map(one, range(number))))

        assert await flood(150, "GET", "/api/health") == {
            (200, ""): 50,
            (429, "429 Too Many Requests: 50 per 1 hour"): 100,
        }
        assert await flood(40, "POST", "/api/auth/login", json=WRONG) == {
            (401, ""): 10,
            (429, "429 Too Many Requests: 10 per 1 hour"): 30,
        }
        assert await flood(20, "POST", "/api/auth/register", json=ANA | {"password": "short"}) == {
            (400, ""): 5,
            (429, "429 Too Many Requests: 5 per 1 hour"): 15,
        }


# Without Redis


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    """A Valkey of this test's own, to be stopped at will."""
    with short_folder() as folder, own_valkey(folder, durable=True) as server:
        yield server


async def test_without_redis_logins_stay_limited_and_the_rest_passes(
    database_url: str, valkey: Valkey, logs: None
) -> None:
    settings = {"limiter_retry_s": 0.2, "redis_timeout_s": 1.0, "taskforge_limits": windows("3/hour")}
    async with limited(database_url, valkey.url(), **settings) as taskflow:
        await taskflow.stop_projector()
        own = await taskflow.forge()
        assert [(await own.get("/api/health")).status for _ in range(4)] == [200] * 3 + [429]
        known = decisions(taskflow)
        await asyncio.to_thread(valkey.stop)

        answers = [await own.get("/api/health") for _ in range(6)]
        assert {answer.status for answer in answers} == {200}
        assert all(is_silent(answer) for answer in answers)
        for path, body, amount in (("/api/auth/login", WRONG, 10), ("/api/auth/register", {}, 5)):
            answers = [await own.post(path, body) for _ in range(amount + 2)]
            assert [answer.status == 429 for answer in answers] == [False] * amount + [True] * 2
            check_too_many(answers[-1], f"{amount} per 1 hour")
            for turn, answer in enumerate(answers):
                check_told(answer, amount, max(0, amount - 1 - turn))
        assert decisions(taskflow) == {
            **known,
            ("quota", "unchecked"): 6,
            ("local", "allowed"): 15,
            ("local", "limited"): 4,
            ("sign_in", "allowed"): known["sign_in", "allowed"] + 10,
        }

        await asyncio.to_thread(valkey.start)
        await asyncio.to_thread(valkey.wait_ready)
        await asyncio.sleep(0.3)
        check_too_many(await own.get("/api/health"), "3 per 1 hour")


async def test_a_count_that_must_not_be_lost_goes_on_in_this_process(redis: Redis) -> None:
    limit, decided = parse("3/hour"), Decisions()
    somebody, other = principals.address("192.0.2.7"), principals.address("192.0.2.8")
    away = Quotas(Pipe(connect("redis://127.0.0.1:1"), 1), Breaker("test", 1, Clock()), decided)
    for remaining in (2, 1, 0):
        verdict = await away.count_always(somebody, limit, endpoint="a")
        assert (verdict.is_allowed, verdict.standings[0].remaining) == (True, remaining)
    refused = await away.count_always(somebody, limit, endpoint="a")
    assert not refused.is_allowed
    assert refused.blocking.limit == limit
    assert HOUR_S - 10 <= refused.retry_after_s <= HOUR_S
    for principal, endpoint in ((somebody, "b"), (other, "a")):
        assert (await away.count_always(principal, limit, endpoint=endpoint)).is_allowed
    assert decided.counts() == {("local", "allowed"): 5, ("local", "limited"): 1}
    there = Quotas(Pipe(redis, PATIENT_S), Breaker("test", 1, Clock()), decided)
    assert (await there.count_always(somebody, limit, endpoint="a")).standings[0].remaining == 2
    assert decided.counts()["quota", "allowed"] == 1


# The setting


@pytest.mark.parametrize("text", ["200/day;50/hour", "7/2minute", "1/second;2/minute;3/hour"])
def test_windows_are_shown_as_they_are_written(text: str) -> None:
    assert str(windows(text)) == text


@pytest.mark.parametrize(
    "text", ["", "off", "5", "0/hour", "5/hour;", "5/hour,6/day", "5/fortnight", "9/2year"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="as in 200/day;50/hour"):
        windows(text)


def test_the_setting_is_read_and_a_wrong_one_named() -> None:
    environ = {"DATABASE_URL": "postgresql:///x", "REDIS_URL": "redis://x"}
    keys = {"master_key": bytes(32), "jwt_secret": bytes(32)}

    def read(text: str) -> Settings:
        return Settings.from_environment(environ | {"TASKLEDGER_TASKFORGE_LIMITS": text}, **keys)

    assert str(read("9/minute").taskforge_limits) == "9/minute"
    assert str(read("").taskforge_limits) == "200/day;50/hour"
    with pytest.raises(SettingsError, match="TASKLEDGER_TASKFORGE_LIMITS must be limits that hold together"):
        read("many")
