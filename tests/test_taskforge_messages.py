"""TaskForge's published messages: each is provoked over HTTP and compared to the letter, body and status."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple

import orjson
import pytest

from api.limits.allowances import DEFAULT_LIMITS
from api.taskforge import health
from api.taskforge.envelope import Failure, translated
from api.taskforge.registration import must_be_a_role
from api.taskforge.tokens import Kind, signed
from tests.http import FORGE_PASSWORD, ForgeClient, Reply, Taskflow, taskflow_running

# As the published page has them: status, then message. Texts in braces are the page's own placeholders.
MESSAGES: Final = """
400 Missing required fields: {fields}
400 No data provided
400 Invalid email format
400 Invalid date format. Use ISO format (e.g., 2024-01-15T10:30:00)
400 Color must be a valid hex code (e.g., #FF0000)
401 Invalid email or password
401 Current password is incorrect
401 Invalid refresh token
401 Refresh token expired or revoked
404 User account not found or inactive
403 Account is inactive
403 You do not have permission to view this task
403 You do not have permission to update this task
403 You do not have permission to delete this task
404 Task not found
404 Tag not found
404 User not found
409 Username already exists
409 Email already exists
409 Tag already exists
500 System error: User role not found
"""

# What is no row of that table, but stands on the page as an answer.
ANSWERS: Final = """
401 {"msg":"Missing Authorization Header"}
401 {"msg":"Signature verification failed"}
401 {"msg":"Token has expired"}
429 {"message":"429 Too Many Requests: 5 per 1 hour"}
500 {"success":false,"message":"An unexpected error occurred","error":"Internal Server Error"}
"""

ANA: Final = {"username": "ana", "email": "ana@example.com", "password": FORGE_PASSWORD}
DAY_S: Final = 86_400

Provocation = Callable[[Taskflow], Awaitable[Reply]]


def rows(text: str) -> list[tuple[int, str]]:
    lines = [line.split(" ", 1) for line in text.strip().splitlines()]
    return [(int(status), message) for status, message in lines]


async def registering(taskflow: Taskflow, **fields: object) -> Reply:
    return await (await taskflow.forge()).post("/api/auth/register", ANA | fields)


async def logging_in(taskflow: Taskflow, email: str, password: str) -> Reply:
    credentials = {"email": email, "password": password}
    return await (await taskflow.forge()).post("/api/auth/login", credentials)


async def refreshing(client: ForgeClient, token: str | None) -> Reply:
    return await client.post("/api/auth/refresh", headers={"Authorization": f"Bearer {token}"})


def token(taskflow: Taskflow, kind: Kind, user_id: int, age_s: float = 0, life_s: int = 3600) -> str:
    """One that the server might have made `age_s` ago."""
    return signed(taskflow.core.settings.jwt_secret, kind, user_id, time.time() - age_s, life_s)


async def with_token(taskflow: Taskflow, text: str) -> Reply:
    client = await taskflow.forge()
    client.token = text
    return await client.get("/api/auth/me")


async def missing_fields(taskflow: Taskflow) -> Reply:
    client = await taskflow.forge()
    return await client.post("/api/auth/register", {"username": "", "email": "ana@example.com"})


async def no_data(taskflow: Taskflow) -> Reply:
    return await (await taskflow.forge()).post("/api/auth/register")


async def invalid_email(taskflow: Taskflow) -> Reply:
    return await registering(taskflow, email="ana@example")


async def invalid_date(taskflow: Taskflow) -> Reply:
    client = await taskflow.forge_user("ana")
    return await client.post("/api/tasks", {"title": "T", "due_date": "31/12/2024"})


async def invalid_color(taskflow: Taskflow) -> Reply:
    client = await taskflow.forge_user("ana")
    return await client.post("/api/tags", {"name": "t", "color": "red"})


async def wrong_credentials(taskflow: Taskflow) -> Reply:
    assert (await registering(taskflow)).status == 201
    return await logging_in(taskflow, "ana@example.com", "Another-123")


async def wrong_password(taskflow: Taskflow) -> Reply:
    client = await taskflow.forge_user("ana")
    change = {"old_password": "Another-123", "new_password": "New-password-1"}
    return await client.post("/api/auth/change-password", change)


async def never_issued(taskflow: Taskflow) -> Reply:
    return await refreshing(await taskflow.forge(), token(taskflow, "refresh", 1))


async def revoked(taskflow: Taskflow) -> Reply:
    client = await taskflow.forge_user("ana")
    answer = await client.post("/api/auth/logout", {"refresh_token": client.refresh_token})
    assert answer.status == 200, answer.raw
    return await refreshing(client, client.refresh_token)


async def deactivated(taskflow: Taskflow) -> ForgeClient:
    client = await taskflow.forge_user("ana")
    answer = await (await taskflow.forge_admin()).post(f"/api/users/{client.id}/deactivate")
    assert answer.status == 200, answer.raw
    return client


async def gone_or_inactive(taskflow: Taskflow) -> Reply:
    return await (await deactivated(taskflow)).get("/api/tasks")


async def inactive_login(taskflow: Taskflow) -> Reply:
    await deactivated(taskflow)
    return await logging_in(taskflow, "ana@example.com", FORGE_PASSWORD)


async def strangers_task(taskflow: Taskflow) -> tuple[ForgeClient, str]:
    """Somebody, and the address of a task that is not theirs."""
    ana, bob = await taskflow.forge_user("ana"), await taskflow.forge_user("bob")
    task = await ana.made("/api/tasks", {"title": "Ana's"})
    return bob, f"/api/tasks/{task['id']}"


async def no_view(taskflow: Taskflow) -> Reply:
    bob, path = await strangers_task(taskflow)
    return await bob.get(path)


async def no_update(taskflow: Taskflow) -> Reply:
    bob, path = await strangers_task(taskflow)
    return await bob.put(path, {"title": "Bob's"})


async def no_delete(taskflow: Taskflow) -> Reply:
    bob, path = await strangers_task(taskflow)
    return await bob.delete(path)


async def task_not_found(taskflow: Taskflow) -> Reply:
    return await (await taskflow.forge_user("ana")).get("/api/tasks/4711")


async def tag_not_found(taskflow: Taskflow) -> Reply:
    return await (await taskflow.forge_user("ana")).get("/api/tags/4711")


async def user_not_found(taskflow: Taskflow) -> Reply:
    return await (await taskflow.forge_admin()).get("/api/users/4711")


async def username_exists(taskflow: Taskflow) -> Reply:
    assert (await registering(taskflow)).status == 201
    return await registering(taskflow, email="another@example.com")


async def email_exists(taskflow: Taskflow) -> Reply:
    assert (await registering(taskflow)).status == 201
    return await registering(taskflow, username="another")


async def tag_exists(taskflow: Taskflow) -> Reply:
    client = await taskflow.forge_user("ana")
    await client.made("/api/tags", {"name": "home"})
    return await client.post("/api/tags", {"name": "home"})


PROVOKED: Final[Mapping[str, Provocation]] = {
    "Missing required fields: {fields}": missing_fields,
    "No data provided": no_data,
    "Invalid email format": invalid_email,
    "Invalid date format. Use ISO format (e.g., 2024-01-15T10:30:00)": invalid_date,
    "Color must be a valid hex code (e.g., #FF0000)": invalid_color,
    "Invalid email or password": wrong_credentials,
    "Current password is incorrect": wrong_password,
    "Invalid refresh token": never_issued,
    "Refresh token expired or revoked": revoked,
    "User account not found or inactive": gone_or_inactive,
    "Account is inactive": inactive_login,
    "You do not have permission to view this task": no_view,
    "You do not have permission to update this task": no_update,
    "You do not have permission to delete this task": no_delete,
    "Task not found": task_not_found,
    "Tag not found": tag_not_found,
    "User not found": user_not_found,
    "Username already exists": username_exists,
    "Email already exists": email_exists,
    "Tag already exists": tag_exists,
}
UNPROVOKED: Final = "System error: User role not found"
"""Roles are fixed here: what would be said if one were missing is tested apart."""


def test_no_message_is_left_out() -> None:
    assert len(rows(MESSAGES)) == 21
    assert {message for _, message in rows(MESSAGES)} == {*PROVOKED, UNPROVOKED}


def told(status: int, message: str) -> tuple[int, bytes]:
    """An answer whole, as the page has it."""
    return status, orjson.dumps({"success": False, "message": message})


@pytest.mark.parametrize(("status", "message"), [row for row in rows(MESSAGES) if row[1] != UNPROVOKED])
async def test_a_message_of_the_table(taskflow: Taskflow, status: int, message: str) -> None:
    answer = await PROVOKED[message](taskflow)
    assert (answer.status, answer.raw) == told(status, message.format(fields="username, password"))
    assert answer.headers["Content-Type"] == "application/json"


def test_a_role_that_is_missing_would_be_a_system_error() -> None:
    with pytest.raises(Failure) as caught:
        must_be_a_role("user", ["admin"])
    reply = translated(caught.value)
    assert (reply.status, reply.body) == told(500, UNPROVOKED)
    must_be_a_role("user", ["admin", "user"])


async def no_header(taskflow: Taskflow) -> Reply:
    return await (await taskflow.forge()).get("/api/auth/me")


async def corrupt(taskflow: Taskflow) -> Reply:
    return await with_token(taskflow, token(taskflow, "access", 1)[:-6] + "AAAAAA")


async def expired(taskflow: Taskflow) -> Reply:
    return await with_token(taskflow, token(taskflow, "access", 1, age_s=3601))


@pytest.mark.parametrize(("number", "provoke"), [(0, no_header), (1, corrupt), (2, expired)])
async def test_a_token_that_does_not_open_is_answered_without_envelope(
    taskflow: Taskflow, number: int, provoke: Provocation
) -> None:
    answer = await provoke(taskflow)
    assert (answer.status, answer.raw.decode()) == rows(ANSWERS)[number]


async def test_too_many_requests_are_answered_without_envelope(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with taskflow_running(database_url, redis_url, rate_limits=DEFAULT_LIMITS) as taskflow:
        answers = [await registering(taskflow, username="") for _ in range(6)]
    assert [each.status for each in answers] == [400] * 5 + [429]
    assert (answers[-1].status, answers[-1].raw.decode()) == rows(ANSWERS)[3]


async def test_what_nobody_expected_is_500_in_the_envelope(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: object) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(health, "is_database_up", broken)
    answer = await (await taskflow.forge()).get("/api/health")
    assert (answer.status, answer.raw.decode()) == rows(ANSWERS)[4]


async def test_a_refresh_token_past_its_end_has_expired(taskflow: Taskflow) -> None:
    client = await taskflow.forge_user("ana")
    old = token(taskflow, "refresh", client.id, age_s=30 * DAY_S + 1, life_s=30 * DAY_S)
    answer = await refreshing(client, old)
    assert (answer.status, answer.raw) == told(401, "Refresh token expired or revoked")


async def test_successes_have_the_published_shape(taskflow: Taskflow) -> None:
    """A read has data only, a creation is 201 with both, and a deletion has only something to say."""
    client = await taskflow.forge_user("ana")
    made = await client.post("/api/tasks", {"title": "My task"})
    assert made.status == 201
    assert made.body == {"success": True, "message": "Task created successfully", "data": made.data}
    path = f"/api/tasks/{made.data['id']}"
    read = await client.get(path)
    assert (read.status, read.body) == (200, {"success": True, "data": made.data})
    deleted = await client.delete(path)
    assert (deleted.status, deleted.body) == (
        200,
        {"success": True, "message": "Task deleted successfully"},
    )


class Fault(NamedTuple):
    """A field with a value that it does not take, where it is sent, and what is said."""

    operation: str
    fields: Mapping[str, Any]
    message: str


LETTERS_MISSING: Final = {
    "short-1": "Password must be at least 8 characters",
    "Aa1" * 43: "Password is too long",
    "lowercase-1": "Password must contain at least one uppercase letter",
    "UPPERCASE-1": "Password must contain at least one lowercase letter",
    "No-numbers": "Password must contain at least one number",
}
NAMES: Final = {
    "an": "Username must be at least 3 characters",
    "a" * 81: "Username is too long",
    "ana maria": "Username can only contain letters, numbers, underscores, and hyphens",
}
STATUS: Final = "Status must be one of: pending, in_progress, completed, cancelled"
PRIORITY: Final = "Priority must be one of: low, medium, high, urgent"
DATE: Final = "Invalid date format. Use ISO format (e.g., 2024-01-15T10:30:00)"
COLOR: Final = "Color must be a valid hex code (e.g., #FF0000)"

FAULTS: Final = (
    Fault("POST register", {"username": "", "password": None}, "Missing required fields: username, password"),
    *(Fault("POST register", {"password": text}, said) for text, said in LETTERS_MISSING.items()),
    *(Fault("POST change-password", {"new_password": text}, said) for text, said in LETTERS_MISSING.items()),
    *(Fault("POST register", {"username": text}, said) for text, said in NAMES.items()),
    *(Fault("PUT user", {"username": text}, said) for text, said in NAMES.items()),
    Fault("POST register", {"email": "ana@example"}, "Invalid email format"),
    Fault("PUT user", {"email": "ana@example"}, "Invalid email format"),
    *(
        Fault(f"{method} task", {name: value}, said)
        for method in ("POST", "PUT", "PATCH")
        for name, value, said in (
            ("status", "done", STATUS),
            ("status", "Pending", STATUS),
            ("priority", "highest", PRIORITY),
            ("due_date", "31/12/2024", DATE),
            ("due_date", "next week", DATE),
            ("due_date", "2024-02-30T00:00:00", DATE),
        )
    ),
    *(
        Fault(f"{method} tag", {"color": color}, COLOR)
        for method in ("POST", "PUT", "PATCH")
        for color in ("red", "#FF00", "FF0000", "#GG0000", "#FF00000")
    ),
)

PATHS: Final = {
    "register": "/api/auth/register",
    "change-password": "/api/auth/change-password",
    "user": "/api/users/1",
    "task": "/api/tasks",
    "tag": "/api/tags",
}
RIGHT: Final[Mapping[str, Mapping[str, str]]] = {
    "POST register": ANA,
    "POST change-password": {"old_password": "admin123"},
    "POST task": {"title": "T"},
    "POST tag": {"name": "t"},
}
"""What is sent besides the fault."""


@pytest.fixture
async def admin(taskflow: Taskflow) -> ForgeClient:
    """Somebody to whom only the values matter, with a task 1 and a tag 1."""
    client = await taskflow.forge_admin()
    assert (await client.made("/api/tasks", {"title": "T"}))["id"] == 1
    assert (await client.made("/api/tags", {"name": "first"}))["id"] == 1
    return client


async def test_every_rule_of_validation_has_its_message(admin: ForgeClient) -> None:
    wrong = []
    for operation, fields, message in FAULTS:
        method, what = operation.split(" ")
        path = PATHS[what] if method == "POST" or what == "user" else f"{PATHS[what]}/1"
        answer = await admin.send(method, path, {**RIGHT.get(operation, {}), **fields})
        if (answer.status, answer.raw) != told(400, message):
            wrong.append((operation, fields, message, answer.status, answer.raw))
    assert wrong == []


@pytest.mark.parametrize(
    "due_date", ["2024-12-31T23:59:59", "2024-12-31T23:59:59Z", "2024-12-31T23:59:59+00:00"]
)
async def test_the_published_forms_of_a_date_mean_the_same(admin: ForgeClient, due_date: str) -> None:
    task = await admin.made("/api/tasks", {"title": "T", "due_date": due_date})
    assert task["due_date"] == "2024-12-31T23:59:59"


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (None, None),
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"{}", "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b'"text"', "application/json"),
        (b"1", "application/json"),
        (b"\xff", "application/json"),
        (b'{"title": "T"}', "text/plain"),
        (b'{"title": "T"}', None),
        (b"title=T", "application/x-www-form-urlencoded"),
    ],
)
async def test_what_is_no_object_in_json_is_no_data(
    admin: ForgeClient, data: bytes | None, content_type: str | None
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    for method, path in (
        ("POST", "/api/tasks"),
        ("PUT", "/api/tasks/1"),
        ("PATCH", "/api/tags/1"),
        ("PUT", "/api/users/1"),
        ("POST", "/api/tags"),
        ("POST", "/api/auth/register"),
        ("POST", "/api/auth/login"),
        ("POST", "/api/auth/change-password"),
    ):
        answer = await admin.send(method, path, data=data, headers=headers)
        assert (answer.status, answer.raw) == told(400, "No data provided"), (method, path)
