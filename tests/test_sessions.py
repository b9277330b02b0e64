"""By what people are signed in: listed, ended one by one or all at once, and told in the log."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import pytest
from yarl import URL

from tests.http import FORGE_PASSWORD, Client, ForgeClient, Reply, Taskflow
from tests.test_http_auth import in_database, token_of
from tests.test_http_envelope import check_error, check_frame

SESSIONS: Final = "/api/auth/sessions"
ME: Final = "/api/auth/me"
ENDED: Final = {"success": False, "message": "Refresh token expired or revoked"}


async def listed(client: Client, **params: str) -> list[dict[str, Any]]:
    answer = await client.get(SESSIONS, params=params)
    assert answer.status == 200, answer.raw
    return list(answer.data["sessions"])


async def refreshed(client: ForgeClient) -> Reply:
    sent = {"Authorization": f"Bearer {client.refresh_token}"}
    return await client.post("/api/auth/refresh", headers=sent)


async def is_in(client: Client) -> bool:
    return (await client.get(ME)).status == 200


@pytest.fixture
async def ana(taskflow: Taskflow) -> ForgeClient:
    """Ana, logged in by TaskForge."""
    return await taskflow.forge_user("ana")


async def at_taskflow(server: Taskflow) -> Client:
    return await server.signed_in("ana", FORGE_PASSWORD)


async def test_all_ways_in_are_listed_newest_first(taskflow: Taskflow, ana: ForgeClient) -> None:
    client = await taskflow.anybody()
    known = {"username": "ana", "password": FORGE_PASSWORD}
    await client.post("/api/auth/login", known, headers={"User-Agent": "Browser/1.0"})
    other = await at_taskflow(taskflow)
    answer = await client.get(SESSIONS)
    check_frame(answer)
    assert answer.body["pagination"] == {"page": 1, "per_page": 10, "total": 3, "pages": 1}
    shown = answer.data["sessions"]
    assert [(each["application"], each["is_current"]) for each in shown] == [
        ("taskflow", False),
        ("taskflow", True),
        ("taskforge", False),
    ]
    assert shown[1]["user_agent"] == "Browser/1.0"
    assert {each["address"] for each in shown} == {"127.0.0.1"}
    for each in shown:
        assert each["created_at"] <= each["last_seen_at"] < each["expires_at"]
    assert [each["is_current"] for each in await listed(other)] == [True, False, False]
    # Neither a token nor its hash is among it.
    for secret in (token_of(client), token_of(other), ana.refresh_token):
        assert secret
        assert secret.encode() not in answer.raw


async def test_nobody_sees_another_s(taskflow: Taskflow, ana: ForgeClient) -> None:
    client = await at_taskflow(taskflow)
    assert len(await listed(client)) == 2
    theirs = await listed(taskflow.admin)
    assert [each["is_current"] for each in theirs] == [True]
    check_error(await (await taskflow.anybody()).get(SESSIONS), 401, "AUTH_REQUIRED")
    answer = await client.delete(f"{SESSIONS}/{theirs[0]['id']}")
    check_error(answer, 404, "NOT_FOUND")
    assert answer.body["message"] == "Session not found"
    assert await is_in(taskflow.admin)


async def test_pages_and_order(taskflow: Taskflow, ana: ForgeClient) -> None:
    client = await at_taskflow(taskflow)
    for _ in range(3):
        await at_taskflow(taskflow)
    newest = [each["id"] for each in await listed(client)]
    assert newest == sorted(newest, reverse=True)
    assert [each["id"] for each in await listed(client, sort="created_at")] == newest[::-1]
    pages = [
        [each["id"] for each in await listed(client, per_page="2", page=f"{page}")] for page in range(1, 5)
    ]
    assert pages == [newest[:2], newest[2:4], newest[4:], []]
    answer = await client.get(SESSIONS, params={"per_page": "2", "page": "4"})
    assert answer.body["pagination"] == {"page": 4, "per_page": 2, "total": 5, "pages": 3}
    check_error(await client.get(SESSIONS, params={"sort": "address"}), 400, "BAD_REQUEST")


async def test_what_has_ended_by_itself_is_not_listed_and_cannot_be_ended(
    taskflow: Taskflow, ana: ForgeClient
) -> None:
    client = await at_taskflow(taskflow)
    idle, old = await at_taskflow(taskflow), await at_taskflow(taskflow)
    numbers = {each["id"] for each in await listed(client) if not each["is_current"]}
    own = "where token_hash = sha256(%s::bytea)"
    aged = f"update sessions set last_seen_at = last_seen_at - interval '13 hours' {own}"
    await in_database(taskflow, aged, token_of(idle).encode())
    await in_database(
        taskflow, f"update sessions set expires_at = clock_timestamp() {own}", token_of(old).encode()
    )
    await in_database(taskflow, "update refresh_tokens set expires_at = clock_timestamp()")
    assert [each["is_current"] for each in await listed(client)] == [True]
    assert len(numbers) == 3
    for number in numbers:
        check_error(await client.delete(f"{SESSIONS}/{number}"), 404, "NOT_FOUND")


@pytest.mark.parametrize("number", ["0", "abc", "01", "-1", "1.0", "9" * 30, "%00", "1%2F2"])
async def test_what_is_no_number_is_no_session(taskflow: Taskflow, number: str) -> None:
    check_error(await taskflow.admin.delete(f"{SESSIONS}/{number}"), 404, "NOT_FOUND")


async def test_one_session_is_ended_here_at_once_and_everywhere_within_a_second(
    taskflow: Taskflow, ana: ForgeClient
) -> None:
    twin = await taskflow.twin()
    client, other = await at_taskflow(taskflow), await at_taskflow(taskflow)
    there = await twin.anybody()
    there.session.cookie_jar.update_cookies({"session": token_of(other)}, URL(twin.url))
    assert await is_in(other)
    assert await is_in(there)
    number = (await listed(other))[0]["id"]
    answer = await client.delete(f"{SESSIONS}/{number}")
    assert (answer.status, answer.body["message"]) == (200, "Session ended")
    assert int(answer.headers["X-Event-Position"]) > 0
    assert not await is_in(other)
    await asyncio.sleep(1.0)
    assert not await is_in(there)
    assert await is_in(client)
    assert (await refreshed(ana)).status == 200
    check_error(await client.delete(f"{SESSIONS}/{number}"), 404, "NOT_FOUND")


async def test_one_s_own_session_can_be_ended_too(taskflow: Taskflow, ana: ForgeClient) -> None:
    client = await at_taskflow(taskflow)
    (number,) = [each["id"] for each in await listed(client) if each["is_current"]]
    assert (await client.delete(f"{SESSIONS}/{number}")).status == 200
    check_error(await client.get(ME), 401, "AUTH_REQUIRED")


async def test_a_refresh_token_is_ended_at_once_everywhere(taskflow: Taskflow, ana: ForgeClient) -> None:
    twin = await taskflow.twin()
    there = await twin.forge()
    there.refresh_token = ana.refresh_token
    assert (await refreshed(there)).status == 200
    client = await at_taskflow(taskflow)
    (number,) = [each["id"] for each in await listed(client) if each["application"] == "taskforge"]
    assert (await client.delete(f"{SESSIONS}/{number}")).status == 200
    for each in (ana, there):
        answer = await refreshed(each)
        assert (answer.status, answer.body) == (401, ENDED)
    assert [each["application"] for each in await listed(client)] == ["taskflow"]


async def test_all_others_are_ended_at_once(taskflow: Taskflow, ana: ForgeClient) -> None:
    client = await at_taskflow(taskflow)
    others = [await at_taskflow(taskflow) for _ in range(3)]
    bela = await taskflow.forge_user("bela")
    answer = await client.delete(SESSIONS)
    assert (answer.status, answer.body["message"]) == (200, "All other sessions ended")
    assert await is_in(client)
    assert not any([await is_in(each) for each in others])
    assert (await refreshed(ana)).status == 401
    assert [each["is_current"] for each in await listed(client)] == [True]
    assert (await refreshed(bela)).status == 200
    assert await is_in(taskflow.admin)


async def test_an_admin_ends_all_of_a_user(taskflow: Taskflow, ana: ForgeClient) -> None:
    client, bela = await at_taskflow(taskflow), await taskflow.forge_user("bela")
    answer = await taskflow.admin.delete(f"/api/users/{ana.id}/sessions")
    assert (answer.status, answer.body["message"]) == (200, "All sessions of the user ended")
    assert not await is_in(client)
    assert (await refreshed(ana)).status == 401
    assert (await refreshed(bela)).status == 200
    assert await is_in(taskflow.admin)
    await at_taskflow(taskflow)
    check_error(await taskflow.admin.delete("/api/users/999/sessions"), 404, "NOT_FOUND")


async def test_ending_sessions_is_told_in_the_user_s_history_without_any_secret(
    taskflow: Taskflow, ana: ForgeClient
) -> None:
    client = await at_taskflow(taskflow)
    (number,) = [each["id"] for each in await listed(client) if each["application"] == "taskforge"]
    for path in (f"{SESSIONS}/{number}", SESSIONS):
        assert (await client.delete(path)).status == 200
    assert (await taskflow.admin.delete(f"/api/users/{ana.id}/sessions")).status == 200
    payloads = "select data, actor_id from events where type = 'user.sessions_ended' order by position"
    assert await in_database(taskflow, payloads) == [
        ({"user_id": ana.id, "which": "one"}, ana.id),
        ({"user_id": ana.id, "which": "others"}, ana.id),
        ({"user_id": ana.id, "which": "all"}, 1),
    ]
    history = (await taskflow.admin.get(f"/api/users/{ana.id}/history")).data["history"]
    assert [(each["event"], each["changes"]) for each in history][:3] == [("user.sessions_ended", [])] * 3


async def test_another_site_s_page_ends_nothing(taskflow: Taskflow) -> None:
    for path in (SESSIONS, f"{SESSIONS}/1", "/api/users/1/sessions"):
        answer = await taskflow.admin.delete(path, headers={"Sec-Fetch-Site": "cross-site"})
        check_error(answer, 403, "CSRF_FAILED")


async def test_use_is_noted(taskflow: Taskflow, ana: ForgeClient) -> None:
    client = await at_taskflow(taskflow)
    aged = "update {} set {} = {} - interval '1 hour'"
    await in_database(taskflow, aged.format("refresh_tokens", *["last_used_at"] * 2))
    before = await listed(client)
    assert (await refreshed(ana)).status == 200
    after = await listed(client)
    assert [each["id"] for each in before] == [each["id"] for each in after]
    (was, now) = (
        next(each["last_seen_at"] for each in found if each["application"] == "taskforge")
        for found in (before, after)
    )
    assert was < now


async def test_a_token_that_was_taken_back_and_is_used_is_told_to_operators(
    taskflow: Taskflow, ana: ForgeClient, caplog: pytest.LogCaptureFixture
) -> None:
    """And ends nothing else: the sign-in that it came from has no other token."""
    spare = await (await taskflow.forge()).log_in("ana@example.com", FORGE_PASSWORD)
    assert (await ana.post("/api/auth/logout", {"refresh_token": ana.refresh_token})).status == 200
    said = "a refresh token was used after it was taken back"
    assert said not in caplog.text
    assert (await refreshed(ana)).status == 401
    assert caplog.text.count(said) == 1
    assert ana.refresh_token
    assert ana.refresh_token not in caplog.text
    assert (await refreshed(spare)).status == 200


async def test_refreshes_at_once_all_succeed_and_none_after_signing_out(
    taskflow: Taskflow, ana: ForgeClient
) -> None:
    twin = await taskflow.twin()
    there = await twin.forge()
    there.refresh_token = ana.refresh_token
    answers = await asyncio.gather(*(refreshed(each) for each in (ana, there) * 10))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.data["access_token"] for answer in answers}) == 20

    async def out() -> list[Reply]:
        body = {"refresh_token": ana.refresh_token}
        assert (await ana.post("/api/auth/logout", body)).status == 200
        return await asyncio.gather(*(refreshed(each) for each in (ana, there) * 5))

    raced, late = await asyncio.gather(
        asyncio.gather(*(refreshed(each) for each in (ana, there) * 10)), out()
    )
    assert {answer.status for answer in raced} <= {200, 401}
    assert {answer.status for answer in late} == {401}
