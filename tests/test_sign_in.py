"""Guessing at passwords over both APIs, and what is kept of passwords and of the places they came from."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from statistics import median
from typing import Any, Final

import pytest
from argon2 import PasswordHasher

from api import passwords
from api.limits.allowances import rate_limits, sign_in_limits
from api.limits.guesses import SHARE
from api.limits.principals import neighbourhood
from api.passwords import PASSWORD_CHARACTERS_MAX, Passwords
from api.purge import purge
from readmodels.connecting import call
from tests.http import Reply, Taskflow, taskflow_running
from tests.quick_passwords import QUICK
from tests.test_http_auth import in_database
from tests.test_http_envelope import check_error

LOGIN: Final = "/api/auth/login"
PASSWORD: Final = "password of theirs"
HOME, ELSEWHERE = "192.0.2.7", "198.51.100.7"
GENEROUS: Final = rate_limits("100000/hour;100000/hour;100000/minute")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first wait is longer than any test, so that a slow machine changes nothing."""
    monkeypatch.setattr("api.limits.guesses.FIRST_WAIT_MS", 60_000)


@asynccontextmanager
async def guarded(
    database_url: str, redis_url: str, limits: str = "3/hour;5/hour;8/hour;12/hour", **settings: Any
) -> AsyncIterator[Taskflow]:
    """A server behind a proxy that is trusted, so that clients may come from anywhere."""
    given: dict[str, Any] = {
        "rate_limits": GENEROUS,
        "sign_in_limits": sign_in_limits(limits),
        "trusted_proxies": (ip_network("127.0.0.0/8"),),
        "redis_timeout_s": 10.0,
    }
    async with taskflow_running(database_url, redis_url, **given | settings) as server:
        yield server


@pytest.fixture
async def server(database_url: str, redis_url: str, logs: None) -> AsyncIterator[Taskflow]:
    """A guarded one, at which Ana has an account."""
    async with guarded(database_url, redis_url) as taskflow:
        await taskflow.user("ana")
        yield taskflow


async def tried(
    taskflow: Taskflow, name: str, password: str = "wrong", address: str = HOME, *, forge: bool = False
) -> Reply:
    """An attempt to sign in, from an address."""
    client = await (taskflow.forge() if forge else taskflow.anybody())
    known_as = {"email": f"{name}@example.com"} if forge else {"username": name}
    sent = {"X-Forwarded-For": address}
    return await client.post(LOGIN, known_as | {"password": password}, headers=sent)


def check_waits(answer: Reply, limit: str) -> None:
    check_error(answer, 429, "RATE_LIMITED")
    seconds = int(answer.headers["Retry-After"])
    assert 1 <= seconds <= 60
    said = f"Too many requests: the limit for signing in is {limit}. Ask again in {seconds} seconds"
    assert answer.body["message"] == said


@pytest.mark.parametrize("name", ["ana", "nobody"])
async def test_after_some_wrong_passwords_even_the_right_one_waits(server: Taskflow, name: str) -> None:
    """Whether the account exists or not."""
    for _ in range(3):
        check_error(await tried(server, name), 401, "INVALID_CREDENTIALS")
    check_waits(await tried(server, name), "3 per hour")
    check_waits(await tried(server, name, PASSWORD), "3 per hour")


async def test_both_applications_count_together_each_in_its_own_words(server: Taskflow) -> None:
    assert (await tried(server, "ana@example.com")).status == 401
    assert (await tried(server, "ana", forge=True)).status == 401
    assert (await tried(server, "ANA@Example.com")).status == 401
    check_waits(await tried(server, "ana@example.com"), "3 per hour")
    answer = await tried(server, "ana", PASSWORD, forge=True)
    assert (answer.status, answer.body) == (429, {"message": "429 Too Many Requests: 3 per 1 hour"})
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


async def test_an_attack_from_elsewhere_keeps_the_owner_from_no_place_of_theirs(server: Taskflow) -> None:
    assert (await tried(server, "ana", PASSWORD)).status == 200
    told = Counter(
        [(await tried(server, "ana", address=f"198.51.100.{number}")).status for number in range(12)]
    )
    assert told == {401: 5 + SHARE.amount, 429: 7 - SHARE.amount}
    # Where they are she has to wait, too; at a place that is new to her, or the usual one, she has not.
    check_waits(await tried(server, "ana", PASSWORD, "198.51.100.99"), "5 per hour")
    assert (await tried(server, "ana", address="203.0.113.9")).status == 401
    assert (await tried(server, "ana", PASSWORD, "203.0.113.9")).status == 200
    for address in (HOME, "192.0.2.200"):
        assert (await tried(server, "ana", PASSWORD, address)).status == 200
    assert (await tried(server, "ana", PASSWORD, forge=True)).status == 200


async def test_a_username_and_an_address_of_one_account_count_together(server: Taskflow) -> None:
    for name in ("ana", "ana@example.com", "ana"):
        check_error(await tried(server, name), 401, "INVALID_CREDENTIALS")
    for name in ("ana", "ana@example.com"):
        check_waits(await tried(server, name, PASSWORD), "3 per hour")


async def test_neighbours_at_a_known_place_wait_together(server: Taskflow) -> None:
    assert (await tried(server, "ana", PASSWORD)).status == 200
    told = [(await tried(server, "ana", address=f"192.0.2.{number}")).status for number in range(8)]
    assert told == [401] * 5 + [429] * 3


async def test_our_own_proxy_is_nobody_s_place(server: Taskflow) -> None:
    """Whoever does not say where they come from, or says it in no way, all come from there."""
    every = "select count(*) from known_places"
    before = await in_database(server, every)
    for address in ("127.0.0.1", "nonsense", "203.0.113.9, 127.0.0.1, nonsense"):
        assert (await tried(server, "ana", PASSWORD, address)).status == 200
    assert await in_database(server, every) == before
    assert (await tried(server, "ana", PASSWORD, "[2001:db8::1]:443")).status == 200
    assert await in_database(server, every) == [(before[0][0] + 1,)]


async def test_an_attacker_at_one_address_waits_whomever_they_try(server: Taskflow) -> None:
    assert (await tried(server, "ana", PASSWORD)).status == 200
    told = [(await tried(server, f"name{number}")).status for number in range(10)]
    assert told == [401] * 8 + [429] * 2
    # Whoever has signed in from there before, behind the same address, does so again.
    assert (await tried(server, "ana", PASSWORD)).status == 200


async def test_all_attackers_together_wait_and_who_is_known_does_not(server: Taskflow) -> None:
    assert (await tried(server, "ana", PASSWORD)).status == 200
    told = [(await tried(server, f"n{number}", address=f"198.51.{number}.7")).status for number in range(14)]
    assert told == [401] * 12 + [429] * 2
    assert (await tried(server, "ana", PASSWORD)).status == 200


async def test_what_says_that_it_comes_from_elsewhere_is_not_believed(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with guarded(database_url, redis_url, trusted_proxies=()) as taskflow:
        told = [(await tried(taskflow, "ana", address=f"198.51.{number}.7")).status for number in range(6)]
        assert told == [401] * 3 + [429] * 3


async def test_of_many_at_once_few_are_looked_at(server: Taskflow) -> None:
    checked = server.core.passwords.outcomes["wrong"]
    answers = await asyncio.gather(*(tried(server, "ana") for _ in range(40)))
    assert Counter(answer.status for answer in answers) == {401: 3, 429: 37}
    assert server.core.passwords.outcomes["wrong"] == checked + 3


async def test_signing_in_is_never_too_often(server: Taskflow) -> None:
    for number in range(15):
        assert (await tried(server, "ana", PASSWORD, f"198.51.{number}.7")).status == 200


async def test_a_disabled_account_is_no_oracle(server: Taskflow) -> None:
    """The right password of one gives nothing back."""
    await server.user("gone", active=False)
    for _ in range(3):
        check_error(await tried(server, "gone", PASSWORD), 401, "INVALID_CREDENTIALS")
    check_waits(await tried(server, "gone", PASSWORD), "3 per hour")


async def test_two_servers_count_together_and_without_redis_each_for_itself(
    server: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = (server, await server.twin())
    told = [(await tried(each, "ana")).status for each in both * 3]
    assert told == [401] * 3 + [429] * 3

    async def away(*_: object) -> None:
        raise ConnectionError("away")

    for each in both:
        assert each.core.limiter
        monkeypatch.setattr(each.core.limiter.guesses._pipe, "ask", away)
    told = [(await tried(each, "ana")).status for each in both * 4]
    assert told == [401] * 6 + [429] * 2


async def test_a_crowd_that_was_not_looked_at_has_not_guessed(
    costly_passwords: None, database_url: str, redis_url: str, logs: None
) -> None:
    limits = "30/hour;30/hour;30/hour;30/hour"
    async with guarded(database_url, redis_url, limits, password_queue_max=2) as taskflow:
        answers = await asyncio.gather(*(tried(taskflow, "ana") for _ in range(12)))
        told = Counter(answer.status for answer in answers)
        assert told.keys() == {401, 503}
        level = await call(taskflow.core.redis, "HGET", "tl:limits:{sign-in}:all", "level")
        assert round(float(level)) == told[401]


async def test_off_is_off(taskflow: Taskflow) -> None:
    assert taskflow.core.limiter is None
    assert {(await tried(taskflow, "ana")).status for _ in range(40)} == {401}


# Places


def test_a_place_is_a_wider_network() -> None:
    assert neighbourhood("192.0.2.7") == neighbourhood("::ffff:192.0.2.99") == "192.0.2.0/24"
    assert neighbourhood("2001:db8:1:2::1") == neighbourhood("2001:db8:1:ffff::9") == "2001:db8:1::/48"
    assert neighbourhood("192.0.3.7") != neighbourhood("192.0.2.7")
    assert neighbourhood(None) == neighbourhood("nonsense") == ""


async def test_places_are_kept_unreadable_bounded_and_for_a_while(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with guarded(database_url, redis_url, known_places_max=3) as taskflow:
        ana = await taskflow.user("ana")
        every = "select place from known_places where user_id = %s order by last_seen_at"
        for number in range(5):
            assert (await tried(taskflow, "ana", PASSWORD, f"198.51.{number}.7")).status == 200
        kept = await in_database(taskflow, every, ana)
        assert len(kept) == 3
        assert all(len(place) == 32 for (place,) in kept)
        # Bela comes from where Ana came from: nobody can tell.
        bela = await taskflow.user("bela")
        assert (await tried(taskflow, "bela", PASSWORD, "198.51.4.7")).status == 200
        assert not set(await in_database(taskflow, every, bela)) & set(kept)
        # One that was seen a moment ago is not written again; one seen longer ago is.
        assert (await tried(taskflow, "ana", PASSWORD, "198.51.2.7")).status == 200
        assert await in_database(taskflow, every, ana) == kept
        aged = "update known_places set last_seen_at = last_seen_at - interval '2 days' where user_id = %s"
        await in_database(taskflow, aged, ana)
        assert (await tried(taskflow, "ana", PASSWORD, "198.51.2.7")).status == 200
        assert await in_database(taskflow, every, ana) == [*kept[1:], kept[0]]
        old = "update known_places set last_seen_at = last_seen_at - interval '89 days' where user_id = %s"
        await in_database(taskflow, old, ana)
        await purge(taskflow.core)
        assert await in_database(taskflow, every, ana) == [kept[0]]


async def test_who_is_deleted_leaves_no_places(server: Taskflow) -> None:
    bela = await server.user("bela")
    assert (await tried(server, "bela", PASSWORD)).status == 200
    every = "select count(*) from known_places where user_id = %s"
    assert await in_database(server, every, bela) == [(1,)]
    answer = await (await server.forge_admin()).delete(f"/api/users/{bela}")
    assert answer.status == 200, answer.raw
    assert await in_database(server, every, bela) == [(0,)]


# What a refusal costs


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that a password was compared with."""
    seen: list[str] = []
    is_password = passwords.is_password

    def noted(kept: str, password: str) -> bool:
        seen.append(kept)
        return is_password(kept, password)

    monkeypatch.setattr(passwords, "is_password", noted)
    return seen


WRONG: Final = {
    "a wrong password": ("ana", "wrong"),
    "an unknown name": ("nobody", PASSWORD),
    "a disabled account": ("gone", PASSWORD),
    "a disabled account and a wrong password": ("gone", "wrong"),
    "no password": ("ana", " "),
    "more than any password has": ("ana", "x" * (PASSWORD_CHARACTERS_MAX + 1)),
    "an unknown name and more than any password has": ("nobody", "x" * (PASSWORD_CHARACTERS_MAX + 1)),
}


async def test_every_refusal_costs_one_comparison_of_the_same_kind(
    costly_passwords: None, taskflow: Taskflow, compared: list[str]
) -> None:
    await taskflow.user("ana")
    await taskflow.user("gone", active=False)
    for why, (name, password) in WRONG.items():
        for forge in (False, True):
            compared.clear()
            answer = await tried(taskflow, name, password, forge=forge)
            is_told = forge and why == "a disabled account"
            assert answer.status == (403 if is_told else 401), (why, answer.raw)
            assert len(compared) == 1, why
            assert compared[0].startswith("$argon2id$v=19$m=19456,t=2,p=1$"), why


async def test_refusals_take_the_same_time(costly_passwords: None, taskflow: Taskflow) -> None:
    """Without the work on a password one takes a tenth; on a busy machine the best of some rounds counts."""
    await taskflow.user("ana")
    await taskflow.user("gone", active=False)
    ratios = []
    for _ in range(5):
        taken: dict[str, list[float]] = {name: [] for name in ("ana", "nobody", "gone")}
        for _ in range(7):
            for name, times in taken.items():
                started = time.perf_counter()
                await tried(taskflow, name, "wrong")
                times.append(time.perf_counter() - started)
        middles = [median(times) for times in taken.values()]
        ratios.append(max(middles) / min(middles))
        if ratios[-1] < 1.5:
            return
    raise AssertionError(ratios)


async def test_only_passwords_that_somebody_may_have_are_worked_on(compared: list[str]) -> None:
    checked = Passwords(1)
    kept = passwords.hash_password("é" * PASSWORD_CHARACTERS_MAX)
    assert await checked.matches(kept, "é" * PASSWORD_CHARACTERS_MAX)
    assert not await checked.matches(kept, "é" * (PASSWORD_CHARACTERS_MAX + 1))
    assert not await checked.matches("", "")
    assert not await checked.matches("", "nobody's")
    assert compared[0] == kept
    assert kept not in compared[1:]
    checked.close()


# Hashes are made anew


OLD: Final = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)


async def hash_of(taskflow: Taskflow, user_id: int) -> str:
    ((kept,),) = await in_database(
        taskflow, "select password_hash from credentials where user_id = %s", user_id
    )
    return str(kept)


async def with_an_old_hash(taskflow: Taskflow) -> int:
    ana = await taskflow.user("ana")
    old = "update credentials set password_hash = %s where user_id = %s"
    await in_database(taskflow, old, OLD.hash(PASSWORD), ana)
    return ana


@pytest.mark.parametrize("forge", [False, True])
async def test_a_hash_of_former_days_is_made_anew_when_the_password_is_at_hand(
    taskflow: Taskflow, *, forge: bool
) -> None:
    ana = await with_an_old_hash(taskflow)
    before = await hash_of(taskflow, ana)
    assert (await tried(taskflow, "ana", forge=forge)).status == 401
    assert await hash_of(taskflow, ana) == before
    assert (await tried(taskflow, "ana", PASSWORD, forge=forge)).status == 200
    after = await hash_of(taskflow, ana)
    assert not QUICK.check_needs_rehash(after)
    assert (await tried(taskflow, "ana", PASSWORD, forge=forge)).status == 200
    assert await hash_of(taskflow, ana) == after


async def test_a_hash_that_is_made_anew_ends_nothing_and_refuses_nobody(taskflow: Taskflow) -> None:
    await with_an_old_hash(taskflow)
    answers = await asyncio.gather(
        *(tried(taskflow, "ana", PASSWORD, forge=number % 2 == 0) for number in range(12))
    )
    assert {answer.status for answer in answers} == {200}
    assert await in_database(taskflow, "select count(*) from sessions where user_id <> 1") == [(6,)]
    live = "select count(*) from refresh_tokens where revoked_at is null"
    assert await in_database(taskflow, live) == [(6,)]


async def test_a_hash_that_cannot_be_made_anew_keeps_nobody_out(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = await with_an_old_hash(taskflow)
    before = await hash_of(taskflow, ana)
    monkeypatch.setattr(taskflow.core.passwords, "hash", refuse)
    assert (await tried(taskflow, "ana", PASSWORD)).status == 200
    assert await hash_of(taskflow, ana) == before


async def refuse(_: str) -> str:
    from api.errors import TryLater

    raise TryLater("full")


async def test_a_password_that_was_changed_meanwhile_is_not_overwritten(taskflow: Taskflow) -> None:
    ana = await with_an_old_hash(taskflow)
    database = taskflow.core.database
    answer = await taskflow.admin.put(f"/api/users/{ana}", {"password": "another password"})
    assert answer.status == 200
    changed = await database.change(
        "hash_anew", user_id=ana, former_hash="another hash", password_hash="nonsense"
    )
    assert changed == 0
    assert (await tried(taskflow, "ana", "another password")).status == 200
