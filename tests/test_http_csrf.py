"""No other site's page can write with somebody's cookie, and everything that is no browser can."""

from __future__ import annotations

import re
import time

import pytest

from tests.http import Taskflow
from tests.test_http_envelope import check_error

ALLOWED: list[dict[str, str]] = [
    {},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://elsewhere.example"},
    {"Origin": "{url}"},
]
REFUSED: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "Cross-Site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "{url}"},
    {"Origin": "https://elsewhere.example"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "null"},
    {"Origin": "http://[bad"},
    {"Origin": ""},
]


async def test_where_a_write_comes_from_decides(taskflow: Taskflow) -> None:
    token = (await taskflow.admin.get("/api/auth/me")).data["csrf_token"]
    for number, headers in enumerate(ALLOWED + REFUSED):
        sent = {name: value.format(url=taskflow.url) for name, value in headers.items()}
        answer = await taskflow.admin.post("/api/projects", {"name": "P"}, headers=sent)
        if number < len(ALLOWED):
            assert answer.status == 201, (sent, answer.raw)
        else:
            check_error(answer, 403, "CSRF_FAILED")
        with_token = {**sent, "X-CSRFToken": token}
        answer = await taskflow.admin.post("/api/projects", {"name": "P"}, headers=with_token)
        assert answer.status == 201, (sent, answer.raw)


async def test_reads_are_nobodys_business(taskflow: Taskflow) -> None:
    for headers in ALLOWED + REFUSED:
        sent = {name: value.format(url=taskflow.url) for name, value in headers.items()}
        assert (await taskflow.admin.get("/api/projects", headers=sent)).status == 200


async def test_a_token_that_is_sent_must_be_the_sessions_own(taskflow: Taskflow) -> None:
    await taskflow.user("ana", "manager")
    ana = await taskflow.signed_in("ana")
    own = (await taskflow.admin.get("/api/auth/me")).data["csrf_token"]
    others = (await ana.get("/api/auth/me")).data["csrf_token"]
    earlier = (await ana.sign_in("ana", "password of theirs")).data["csrf_token"]
    signed, _, signature = own.rpartition(".")
    tampered = f"{signed}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    for wrong in (others, tampered, "", "x", own + "x", own.replace(".", ""), re.sub("^.", "J", own)):
        for more in ({}, {"Sec-Fetch-Site": "same-origin"}):
            headers = {"X-CSRFToken": wrong, **more}
            answer = await taskflow.admin.delete("/api/projects/1", headers=headers)
            check_error(answer, 403, "CSRF_FAILED")
    assert (await ana.post("/api/projects", {"name": "P"}, headers={"X-CSRFToken": earlier})).status == 201
    await ana.sign_in("ana", "password of theirs")
    answer = await ana.post("/api/projects", {"name": "P"}, headers={"X-CSRFToken": earlier})
    check_error(answer, 403, "CSRF_FAILED")


async def test_an_ended_session_is_told_to_sign_in_whatever_its_token(taskflow: Taskflow) -> None:
    client = await taskflow.anybody()
    answer = await client.sign_in()
    cookie, token = answer.headers["Set-Cookie"].partition(";")[0], answer.data["csrf_token"]
    await client.post("/api/auth/logout")
    stale = {"Cookie": cookie, "X-CSRFToken": token}
    check_error(await client.post("/api/projects", {"name": "P"}, headers=stale), 401, "AUTH_REQUIRED")
    assert (
        await client.post("/api/auth/login", {"username": "admin", "password": "admin123"}, headers=stale)
    ).status == 200


async def test_a_page_of_another_site_cannot_sign_anybody_out(taskflow: Taskflow) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    check_error(await taskflow.admin.post("/api/auth/logout", headers=headers), 403, "CSRF_FAILED")
    assert (await taskflow.admin.get("/api/auth/me")).status == 200


async def test_a_token_of_a_server_whose_clock_is_ahead_is_good(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clocks of servers differ, by a second or a day; the session ends by the database's."""
    right = time.time
    for ahead_s in (2, 86_400, -8 * 86_400):
        monkeypatch.setattr(time, "time", lambda ahead_s=ahead_s: right() + ahead_s)
        token = (await taskflow.admin.get("/api/auth/me")).data["csrf_token"]
        monkeypatch.setattr(time, "time", right)
        answer = await taskflow.admin.post("/api/projects", {"name": "P"}, headers={"X-CSRFToken": token})
        assert answer.status == 201, (ahead_s, answer.raw)
