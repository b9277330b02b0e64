"""Signing in, staying signed in, and no longer being so."""

from __future__ import annotations

import asyncio
import re
import time
from http.cookies import SimpleCookie
from statistics import median
from typing import Any

import psycopg
from yarl import URL

from tests.http import Client, Taskflow, taskflow_running
from tests.test_http_envelope import check_error, check_frame


def token_of(client: Client) -> str:
    (cookie,) = client.session.cookie_jar
    return cookie.value


async def in_database(taskflow: Taskflow, statement: str, *values: object) -> list[tuple[Any, ...]]:
    url = taskflow.core.settings.database_url
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        cursor = await connection.execute(statement, values)
        return await cursor.fetchall() if cursor.description else []


async def test_login_answers_as_the_page_says(taskflow: Taskflow) -> None:
    client = await taskflow.anybody()
    answer = await client.sign_in()
    check_frame(answer)
    assert answer.body["message"] == "Login successful"
    assert answer.data["user"] == {
        "id": 1,
        "username": "admin",
        "email": "admin@taskflow.com",
        "role": "admin",
        "department": "Management",
    }
    assert re.fullmatch(r"[\w-]{56}\.[\w-]{6}\.[\w-]{27}", answer.data["csrf_token"])
    cookie = SimpleCookie(answer.headers["Set-Cookie"])["session"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert (cookie["secure"], cookie["domain"]) == ("", "")
    assert len(cookie.value) >= 43


async def test_names_are_taken_in_any_case_and_emails_too(taskflow: Taskflow) -> None:
    await taskflow.user("Ana-Maria")
    for name in ("ana-maria", "ANA-MARIA", "ana-maria@example.com", "Ana-Maria@EXAMPLE.com"):
        await taskflow.signed_in(name)


async def test_me_and_logout(taskflow: Taskflow) -> None:
    client = await taskflow.anybody()
    check_error(await client.get("/api/auth/me"), 401, "AUTH_REQUIRED")
    await client.sign_in()
    old = token_of(client)
    answer = await client.get("/api/auth/me")
    assert answer.data["user"]["username"] == "admin"
    assert set(answer.data) == {"user", "csrf_token"}
    answer = await client.post("/api/auth/logout")
    assert (answer.status, answer.body["message"]) == (200, "Logged out successfully")
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    check_error(await client.get("/api/auth/me"), 401, "AUTH_REQUIRED")
    client.session.cookie_jar.update_cookies({"session": old}, URL(taskflow.url))
    check_error(await client.get("/api/auth/me"), 401, "AUTH_REQUIRED")
    check_error(await client.post("/api/auth/logout"), 401, "AUTH_REQUIRED")


async def test_every_login_has_a_new_session_whatever_the_client_brought(taskflow: Taskflow) -> None:
    client = await taskflow.anybody()
    client.session.cookie_jar.update_cookies({"session": "chosen-by-somebody-else"}, URL(taskflow.url))
    check_error(await client.get("/api/auth/me"), 401, "AUTH_REQUIRED")
    tokens = set()
    for _ in range(3):
        await client.sign_in()
        tokens.add(token_of(client))
    assert len(tokens) == 3
    assert "chosen-by-somebody-else" not in tokens


async def test_what_is_wrong_with_a_login_is_not_told(taskflow: Taskflow) -> None:
    number = await taskflow.user("disabled", active=False)
    assert number
    client = await taskflow.anybody()
    answers = []
    for username, password in (
        ("admin", "wrong password"),
        ("nobody", "admin123"),
        ("nobody@example.com", "admin123"),
        ("disabled", "password of theirs"),
        ("admin", ""),
        ("", "admin123"),
        ("x" * 50_000, "y" * 50_000),
    ):
        answer = await client.post("/api/auth/login", {"username": username, "password": password})
        check_error(answer, 401, "INVALID_CREDENTIALS")
        answers.append((answer.body["message"], answer.data, answer.headers.get("Set-Cookie")))
    message = "Invalid username or password"
    assert answers == [(message, {"error_code": "INVALID_CREDENTIALS"}, None)] * len(answers)


async def test_no_text_of_a_login_holds_a_nul(taskflow: Taskflow) -> None:
    client = await taskflow.anybody()
    looked_at = taskflow.core.passwords.outcomes.copy()
    for wrong in ({"username": "admin\0"}, {"password": "admin123\0"}, {"username": "\0", "password": "\0"}):
        sent = {"username": "admin", "password": "admin123"} | wrong
        answer = await client.post("/api/auth/login", sent)
        assert (answer.status, set(answer.errors)) == (422, set(wrong)), answer.raw
    assert taskflow.core.passwords.outcomes == looked_at


async def test_refusing_takes_the_same_time_for_everybody(taskflow: Taskflow) -> None:
    await taskflow.user("disabled", active=False)
    client = await taskflow.anybody()
    taken: dict[str, list[float]] = {"admin": [], "nobody": [], "disabled": []}
    for _ in range(12):
        for username, times in taken.items():
            password = "password of theirs" if username == "disabled" else "wrong password"
            started = time.perf_counter()
            await client.post("/api/auth/login", {"username": username, "password": password})
            times.append(time.perf_counter() - started)
    middles = [median(times) for times in taken.values()]
    # Without the work on a password an answer takes a tenth of this.
    assert max(middles) < 2 * min(middles)


async def test_a_login_body_is_checked_like_any_other(taskflow: Taskflow) -> None:
    client = await taskflow.anybody()
    answer = await client.post("/api/auth/login", {"username": 5, "remember": True})
    assert answer.status == 422
    assert answer.errors == {
        "username": ["Username must be a text"],
        "password": ["Password is required"],
        "remember": ["Remember is not a known field"],
    }


async def test_the_token_is_nowhere_but_with_the_client(taskflow: Taskflow) -> None:
    token = token_of(taskflow.admin)
    rows = await in_database(taskflow, "select sessions::text from sessions")
    assert token not in str(rows)
    assert token.encode().hex() not in str(rows)


async def test_a_password_is_kept_as_a_hash_that_is_costly_to_guess(
    costly_passwords: None, taskflow: Taskflow
) -> None:
    ana = await taskflow.user("ana")
    (kept,) = await in_database(taskflow, f"select password_hash from credentials where user_id = {ana}")
    assert kept[0].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    await taskflow.signed_in("ana")


async def test_sessions_end_after_idling_and_after_a_week(taskflow: Taskflow) -> None:
    idle, old = await taskflow.signed_in("admin", "admin123"), await taskflow.signed_in("admin", "admin123")
    await idle.get("/api/auth/me")
    change = "update sessions set {} where token_hash = sha256(%s::bytea)"
    await in_database(
        taskflow,
        change.format("last_seen_at = clock_timestamp() - interval '11 hours 59 minutes'"),
        token_of(idle).encode(),
    )
    await asyncio.sleep(1.1)
    assert (await idle.get("/api/auth/me")).status == 200
    # Being seen is noted, so the session idles from now on.
    seen = "select last_seen_at > clock_timestamp() - interval '1 minute' from sessions"
    assert await in_database(
        taskflow, f"{seen} where token_hash = sha256(%s::bytea)", token_of(idle).encode()
    )
    await in_database(
        taskflow,
        change.format("last_seen_at = clock_timestamp() - interval '12 hours 1 second'"),
        token_of(idle).encode(),
    )
    await in_database(taskflow, change.format("expires_at = clock_timestamp()"), token_of(old).encode())
    await asyncio.sleep(1.1)
    check_error(await idle.get("/api/auth/me"), 401, "AUTH_REQUIRED")
    check_error(await old.get("/api/auth/me"), 401, "AUTH_REQUIRED")
    (life,) = await in_database(taskflow, "select max(expires_at - created_at) from sessions")
    assert life[0].days <= 7


async def test_sessions_survive_a_restart_and_the_loss_of_redis(taskflow: Taskflow) -> None:
    other = await taskflow.twin()
    other.admin.session.cookie_jar.update_cookies({"session": token_of(taskflow.admin)}, URL(other.url))
    assert (await other.admin.get("/api/auth/me")).status == 200
    await taskflow.stop_projector()
    await taskflow.core.redis.flushdb()
    for server in (taskflow, other):
        answer = await server.admin.get("/api/auth/me")
        assert answer.data["user"]["department"] == "Management"
    client = await taskflow.anybody()
    assert (await client.sign_in()).data["user"]["username"] == "admin"


async def test_a_password_change_ends_all_sessions_everywhere_within_a_second(taskflow: Taskflow) -> None:
    number = await taskflow.user("ana")
    other = await taskflow.twin()
    here, there = await taskflow.signed_in("ana"), await other.signed_in("ana")
    assert (await there.get("/api/auth/me")).status == (await here.get("/api/auth/me")).status == 200
    answer = await here.put(f"/api/users/{number}", {"password": "another password"})
    assert answer.status == 200, answer.raw
    await asyncio.sleep(1.0)
    for client in (here, there):
        check_error(await client.get("/api/auth/me"), 401, "AUTH_REQUIRED")
    check_error(
        await here.post("/api/auth/login", {"username": "ana", "password": "password of theirs"}),
        401,
        "INVALID_CREDENTIALS",
    )
    await here.sign_in("ana", "another password")


async def test_a_disabled_user_is_out_and_stays_out(taskflow: Taskflow) -> None:
    number = await taskflow.user("ana")
    ana = await taskflow.signed_in("ana")
    await taskflow.admin.put(f"/api/users/{number}", {"active": False})
    check_error(await ana.get("/api/auth/me"), 401, "AUTH_REQUIRED")
    check_error(await ana.put(f"/api/users/{number}", {"first_name": "A"}), 401, "AUTH_REQUIRED")
    await taskflow.admin.put(f"/api/users/{number}", {"active": True})
    await asyncio.sleep(1.0)
    check_error(await ana.get("/api/auth/me"), 401, "AUTH_REQUIRED")


async def test_a_new_role_counts_with_the_next_request_of_an_open_session(taskflow: Taskflow) -> None:
    number = await taskflow.user("ana")
    ana = await taskflow.signed_in("ana")
    answer = await ana.post("/api/projects", {"name": "Mine"})
    check_error(answer, 403, "PERMISSION_DENIED")
    assert (answer.data["required_role"], answer.data["current_role"]) == ("manager", "user")
    await taskflow.admin.put(f"/api/users/{number}", {"role": "manager"})
    assert (await ana.post("/api/projects", {"name": "Mine"})).status == 201
    assert (await ana.get("/api/users/1")).status == 200
    await taskflow.admin.put(f"/api/users/{number}", {"role": "user"})
    check_error(await ana.get("/api/users/1"), 404, "NOT_FOUND")
    check_error(await ana.post("/api/projects", {"name": "Mine"}), 403, "PERMISSION_DENIED")


async def test_writes_go_by_the_role_in_the_log_even_while_the_read_model_is_behind(
    taskflow: Taskflow,
) -> None:
    number = await taskflow.user("ana", "manager")
    ana = await taskflow.signed_in("ana")
    await taskflow.stop_projector()
    await taskflow.admin.put(f"/api/users/{number}", {"role": "user"})
    check_error(await ana.post("/api/projects", {"name": "Mine"}), 403, "PERMISSION_DENIED")


async def test_a_crowd_at_the_door_is_told_to_come_again(
    costly_passwords: None, database_url: str, redis_url: str, logs: None
) -> None:
    async with taskflow_running(database_url, redis_url, password_queue_max=2) as taskflow:
        client = await taskflow.anybody()
        wrong = {"username": "whoever", "password": "wrong password"}
        answers = await asyncio.gather(*(client.post("/api/auth/login", wrong) for _ in range(12)))
        busy = [answer for answer in answers if answer.status == 503]
        assert {answer.status for answer in answers} == {401, 503}
        for answer in busy:
            check_error(answer, 503, "UNAVAILABLE")
            assert answer.headers["Retry-After"] == "1"


async def test_behind_https_cookies_are_secure_and_bound_to_the_host(
    database_url: str, redis_url: str, logs: None
) -> None:
    public_url = "https://tasks.example.com"
    async with taskflow_running(database_url, redis_url, public_url=public_url) as taskflow:
        client = await taskflow.anybody()
        answer = await client.sign_in()
        cookie = SimpleCookie(answer.headers["Set-Cookie"])["__Host-session"]
        assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
        # The client itself obeys and sends no such cookie over http.
        check_error(await client.get("/api/auth/me"), 401, "AUTH_REQUIRED")
        behind_proxy = {"Cookie": f"__Host-session={cookie.value}"}
        assert (await client.get("/api/auth/me", headers=behind_proxy)).status == 200
        unprefixed = {"Cookie": f"session={cookie.value}"}
        check_error(await client.get("/api/auth/me", headers=unprefixed), 401, "AUTH_REQUIRED")


async def test_the_login_page_allows_its_own_script_and_style_only(taskflow: Taskflow) -> None:
    answer = await (await taskflow.anybody()).get("/login?next=//evil.example")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert policy.count("sha256-") == 2
    assert "default-src 'none'" in policy
    assert b"evil" not in answer.raw
