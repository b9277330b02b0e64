"""A walk through all of TaskForge: every endpoint, asked by everybody, and every error that it documents."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, NamedTuple

import pytest

from api.passwords import Passwords
from api.taskforge.routes import ENDPOINTS
from tests.http import FORGE_PASSWORD, Client, ForgeClient, Reply, Taskflow, taskflow_running

CALLERS: Final = ("nobody", "other", "owner", "manager", "admin", "inactive", "deleted")
"""Nobody with a token; a user who has nothing to do with it; the user whose task and account it is, and to
whom the task in the project is assigned; a manager, whose project that is; an admin; two who had a token
before their accounts were deactivated and deleted."""

# The statuses by caller, then what a success says (- for nothing) and what a refusal with 403 says.
# Who has no token or no account is told the same everywhere. `~` stands for " successfully".
TABLE: Final = """
GET    /api/health                               | 200 200 200 200 200 200 200 | -
POST   /api/auth/register                        | 201 201 201 201 201 201 201 | User registered~
POST   /api/auth/login                           | 200 200 200 200 200 403 401 | Login successful | {inactive}
POST   /api/auth/refresh                         | 401 200 200 200 200 404 404 | Token refreshed~
POST   /api/auth/logout                          | 401 200 200 200 200 404 404 | Logged out~
GET    /api/auth/me                              | 401 200 200 200 200 404 404 | -
POST   /api/auth/change-password                 | 401 200 200 200 200 404 404 | Password changed~

GET    /api/tasks                                | 401 200 200 200 200 404 404 | -
POST   /api/tasks                                | 401 201 201 201 201 404 404 | Task created~
GET    /api/tasks/statistics                     | 401 200 200 200 200 404 404 | -
GET    /api/tasks/export                         | 401 200 200 200 200 404 404 | -
GET    /api/tasks/{task_id}                      | 401 403 200 403 200 404 404 | - | {view}
PUT    /api/tasks/{task_id}                      | 401 403 200 403 200 404 404 | Task updated~ | {update}
PATCH  /api/tasks/{task_id}                      | 401 403 200 403 200 404 404 | Task updated~ | {update}
DELETE /api/tasks/{task_id}                      | 401 403 200 403 200 404 404 | Task deleted~ | {delete}
POST   /api/tasks/{task_id}/complete             | 401 403 200 403 200 404 404 | {done} | {update}

GET    /api/tasks/{task_id}          in project  | 401 403 200 200 200 404 404 | - | {view}
PUT    /api/tasks/{task_id}          in project  | 401 403 403 200 200 404 404 | Task updated~ | {update}
PATCH  /api/tasks/{task_id}          in project  | 401 403 403 200 200 404 404 | Task updated~ | {update}
PUT    /api/tasks/{task_id}          status      | 401 403 200 200 200 404 404 | Task updated~ | {update}
DELETE /api/tasks/{task_id}          in project  | 401 403 403 200 200 404 404 | Task deleted~ | {delete}
POST   /api/tasks/{task_id}/complete in project  | 401 403 200 200 200 404 404 | {done} | {update}

GET    /api/tags                                 | 401 200 200 200 200 404 404 | -
POST   /api/tags                                 | 401 201 201 201 201 404 404 | Tag created~
GET    /api/tags/{tag_id}                        | 401 200 200 200 200 404 404 | -
PUT    /api/tags/{tag_id}                        | 401 403 403 403 200 404 404 | Tag updated~ | {admin}
PATCH  /api/tags/{tag_id}                        | 401 403 403 403 200 404 404 | Tag updated~ | {admin}
DELETE /api/tags/{tag_id}                        | 401 403 403 403 200 404 404 | Tag deleted~ | {admin}

GET    /api/users                                | 401 403 403 403 200 404 404 | - | {admin}
GET    /api/users/{user_id}                      | 401 403 200 403 200 404 404 | - | Forbidden
PUT    /api/users/{user_id}                      | 401 403 200 403 200 404 404 | User updated~ | Forbidden
PATCH  /api/users/{user_id}                      | 401 403 200 403 200 404 404 | User updated~ | Forbidden
DELETE /api/users/{user_id}                      | 401 403 403 403 200 404 404 | User deleted~ | {admin}
POST   /api/users/{user_id}/deactivate           | 401 403 403 403 200 404 404 | User deactivated~ | {admin}
POST   /api/users/{user_id}/activate             | 401 403 403 403 200 404 404 | User activated~ | {admin}
"""
WORDS: Final = {
    "done": "Task marked as completed",
    "inactive": "Account is inactive",
    "view": "You do not have permission to view this task",
    "update": "You do not have permission to update this task",
    "delete": "You do not have permission to delete this task",
    "admin": "Admin access required",
}
MISSING_TOKEN: Final = {"msg": "Missing Authorization Header"}
NUMBERS: Final = count(1)


def failure(message: str) -> dict[str, Any]:
    return {"success": False, "message": message}


class Row(NamedTuple):
    """`how` says what is special about the request: see `Scene.path` and `body`."""

    method: str
    path: str
    how: str
    expected: Mapping[str, int]
    says: str
    refusal: str

    @property
    def is_public(self) -> bool:
        return self.expected["nobody"] < 300

    def is_answered_by(self, answer: Reply, caller: str) -> bool:
        """Whether the words are right, and with a failure all of the body."""
        if self.expected[caller] >= 300:
            return answer.body == self.failure(caller)
        if self.path == "/api/tasks/export":
            return answer.raw.startswith(b"id,title,")
        return (answer.body["success"], answer.body.get("message", "-")) == (True, self.says)

    def failure(self, caller: str) -> dict[str, Any]:
        match self.expected[caller], caller, self.path:
            case 401, "deleted", "/api/auth/login":
                return failure("Invalid email or password")
            case 401, _, _:
                return MISSING_TOKEN
            case 404, _, _:
                return failure("User account not found or inactive")
        return failure(self.refusal)


def rows() -> Iterator[Row]:
    for line in filter(None, TABLE.splitlines()):
        asked, statuses, *said = [part.strip() for part in line.split("|")]
        method, path, how = (*re.split(r" +", asked, maxsplit=2), "")[:3]
        expected = dict(zip(CALLERS, map(int, statuses.split()), strict=True))
        says, refusal = (*said, "")[:2]
        says = says.replace("~", " successfully").format_map(WORDS)
        yield Row(method, path, how, expected, says, refusal.format_map(WORDS))


def routed() -> set[tuple[str, str]]:
    return {(method, plain(each.path)) for each in ENDPOINTS for method in each.methods}


def plain(path: str) -> str:
    """`/api/tasks/{task_id:[0-9]+}` without what its ids look like."""
    return re.sub(r":[^}]*", "", path)


def test_the_walk_leaves_no_endpoint_out() -> None:
    assert {(row.method, row.path) for row in rows()} == routed()
    assert len({row[:3] for row in rows()}) == len(list(rows()))


def test_what_is_documented_of_admins_and_visitors_is_what_the_table_says() -> None:
    for endpoint in ENDPOINTS:
        about = [row for row in rows() if row.path == plain(endpoint.path) and row.method in endpoint.methods]
        assert endpoint.is_for_admins == all(row.refusal == WORDS["admin"] for row in about), endpoint.path
        # Refreshing is public as far as access tokens go.
        is_public = all(row.is_public for row in about) or endpoint.path == "/api/auth/refresh"
        assert endpoint.is_public == is_public, endpoint.path


@dataclass
class Scene:
    """A server with everybody on it; all but `nobody` have tokens."""

    taskflow: Taskflow
    clients: dict[str, ForgeClient]
    manager: Client
    project_id: int

    async def ask(self, row: Row, caller: str) -> Reply:
        client, headers = self.clients[caller], {}
        if row.path == "/api/auth/refresh" and caller != "nobody":
            headers = {"Authorization": f"Bearer {client.refresh_token}"}
        path = row.path.format_map(await self.ids(row, caller))
        return await client.send(row.method, path, self.body(row, caller), headers=headers)

    async def ids(self, row: Row, caller: str) -> Mapping[str, int]:
        """New objects each time, so that no answer hangs on the ones before."""
        owner, is_allowed = self.clients["owner"], row.expected[caller] < 300
        if "{task_id}" in row.path:
            return {"task_id": await (self.task_in_project() if row.how else self.own_task())}
        if "{tag_id}" in row.path:
            return {"tag_id": (await owner.made("/api/tags", {"name": f"tag {next(NUMBERS)}"}))["id"]}
        if "{user_id}" in row.path and is_allowed and row.method in ("DELETE", "POST"):
            return {"user_id": await self.taskflow.user(f"user{next(NUMBERS)}")}
        return {"user_id": owner.id}

    async def own_task(self) -> int:
        return int((await self.clients["owner"].made("/api/tasks", {"title": "T"}))["id"])

    async def task_in_project(self) -> int:
        new = {"title": "T", "assigned_to": [self.clients["owner"].id]}
        return int((await self.manager.made(f"/api/projects/{self.project_id}/tasks", new))["id"])

    def body(self, row: Row, caller: str) -> object:
        """Something that is right, whoever says it."""
        number, client = next(NUMBERS), self.clients[caller]
        name = f"new{number}"
        passwords = {"old_password": FORGE_PASSWORD, "new_password": FORGE_PASSWORD}
        if caller == "admin":
            passwords = {"old_password": "admin123", "new_password": FORGE_PASSWORD}
        bodies: dict[tuple[str, str], object] = {
            ("POST", "/api/auth/register"): account(name),
            ("POST", "/api/auth/login"): credentials(caller),
            ("POST", "/api/auth/logout"): {"refresh_token": client.refresh_token or "x"},
            ("POST", "/api/auth/change-password"): passwords,
            ("POST", "/api/tasks"): {"title": "T"},
            ("POST", "/api/tags"): {"name": name},
        }
        if row.method in ("PUT", "PATCH"):
            thing = row.path.split("/")[2]
            if row.how == "status":
                return {"status": "in_progress"}
            return {"tasks": {"title": name}, "tags": {"name": name}, "users": {"first_name": name}}[thing]
        return bodies.get((row.method, row.path))


def account(name: str) -> dict[str, str]:
    return {"username": name, "email": f"{name}@example.com", "password": FORGE_PASSWORD}


def credentials(caller: str) -> dict[str, str]:
    if caller in ("nobody", "admin"):
        return {"email": "admin@taskflow.com", "password": "admin123"}
    return {"email": f"{caller}@example.com", "password": FORGE_PASSWORD}


@pytest.fixture
async def scene(taskflow: Taskflow) -> Scene:
    admin = await taskflow.forge_admin()
    await taskflow.user("manager", "manager", password=FORGE_PASSWORD)
    clients = {name: await taskflow.forge_user(name) for name in ("other", "owner", "inactive", "deleted")}
    clients |= {"nobody": await taskflow.forge(), "admin": admin}
    clients["manager"] = await (await taskflow.forge()).log_in("manager@example.com", FORGE_PASSWORD)
    for client in clients.values():
        if client.token:
            await client.made("/api/tasks", {"title": "for the export"})
    assert (await admin.post(f"/api/users/{clients['inactive'].id}/deactivate")).status == 200
    assert (await admin.delete(f"/api/users/{clients['deleted'].id}")).status == 200
    manager = await taskflow.signed_in("manager", FORGE_PASSWORD)
    project = await manager.made("/api/projects", {"name": "P"})
    return Scene(taskflow, clients, manager, project["id"])


def in_order(rows: Iterable[Row]) -> list[Row]:
    """What ends tokens and changes the admin's password comes last."""
    ends = ("/api/auth/logout", "/api/auth/change-password")
    return sorted(rows, key=lambda row: ends.index(row.path) if row.path in ends else -1)


async def test_everybody_is_answered_as_the_table_says(scene: Scene) -> None:
    wrong = []
    for row in in_order(rows()):
        for caller, status in row.expected.items():
            answer = await scene.ask(row, caller)
            if answer.status != status or not row.is_answered_by(answer, caller):
                wrong.append((*row[:3], caller, status, answer.status, answer.raw))
    assert wrong == []


async def test_what_is_refused_leaves_no_trace_in_the_log(scene: Scene) -> None:
    for row in rows():
        for caller, status in row.expected.items():
            if status >= 300 and row.method != "GET" and not row.path.startswith("/api/auth/"):
                path = row.path.format_map(await scene.ids(row, caller))
                head = await scene.taskflow.core.store.head()
                await scene.clients[caller].send(row.method, path, scene.body(row, caller))
                assert await scene.taskflow.core.store.head() == head, (row, caller)


class Fault(NamedTuple):
    """What a field says to a value; all of it is 400."""

    field: str
    value: object
    message: str


def text(field: str, label: str) -> tuple[Fault, Fault]:
    """Any text says this to what is none."""
    return (
        Fault(field, 7, f"{label} must be a string"),
        Fault(field, "a\0b", f"{label} contains an invalid character"),
    )


USERNAME: Final = (
    *text("username", "Username"),
    Fault("username", "  ", "Username is required"),
    Fault("username", "an", "Username must be at least 3 characters"),
    Fault("username", "a" * 81, "Username is too long"),
    Fault("username", "añb", "Username can only contain letters, numbers, underscores, and hyphens"),
)
EMAIL: Final = (
    *text("email", "Email"),
    Fault("email", "  ", "Email is required"),
    Fault("email", "a@", "Email is too short"),
    Fault("email", f"{'a' * 60}@{'b' * 60}.com", "Email is too long"),
    Fault("email", "a@b.co", "Invalid email format"),
)
NAMES: Final = tuple(
    fault
    for field, label in (("first_name", "First name"), ("last_name", "Last name"))
    for fault in (*text(field, label), Fault(field, "a" * 51, f"{label} must not exceed 50 characters"))
)
STATUS: Final = "Status must be one of: pending, in_progress, completed, cancelled"
DATE: Final = "Invalid date format. Use ISO format (e.g., 2024-01-15T10:30:00)"
TASK: Final = (
    *text("title", "Title"),
    Fault("title", "  ", "Title must be at least 1 characters"),
    Fault("title", "a" * 201, "Title must not exceed 200 characters"),
    *text("description", "Description"),
    Fault("description", "a" * 5001, "Description must not exceed 5000 characters"),
    Fault("status", None, "Status is required"),
    Fault("status", ["pending"], STATUS),
    Fault("priority", "", "Priority is required"),
    Fault("priority", {"low": 1}, "Priority must be one of: low, medium, high, urgent"),
    Fault("due_date", 20240115, DATE),
    Fault("tags", ["1"], "Tags must be a list of integers"),
    Fault("tags", list(range(1, 151)), "At most 100 tags can be put on a task"),
    Fault("tags", list(range(1, 1002)), "At most 1000 tags can be named at once"),
)
TAG: Final = (
    *text("name", "Name"),
    Fault("name", "  ", "Name must be at least 1 characters"),
    Fault("name", "a" * 51, "Name must not exceed 50 characters"),
    *text("color", "Color"),
    Fault("color", "red", "Color must be a valid hex code (e.g., #FF0000)"),
    *text("description", "Description"),
    Fault("description", "a" * 5001, "Description must not exceed 5000 characters"),
)


def password(field: str) -> tuple[Fault, ...]:
    return (
        *text(field, "Password"),
        Fault(field, "Short-1", "Password must be at least 8 characters"),
        Fault(field, "Aa1" * 43, "Password is too long"),
        Fault(field, "lowercase-1", "Password must contain at least one uppercase letter"),
        Fault(field, "UPPERCASE-1", "Password must contain at least one lowercase letter"),
        Fault(field, "No-numbers", "Password must contain at least one number"),
    )


FAULTS: Final[Mapping[str, tuple[Fault, ...]]] = {
    "POST /api/auth/register": (
        Fault("username", "", "Missing required fields: username"),
        *USERNAME,
        *EMAIL,
        *password("password"),
        *NAMES,
    ),
    "POST /api/auth/login": (
        Fault("password", None, "Missing required fields: password"),
        *text("email", "Email"),
        *text("password", "Password"),
    ),
    "POST /api/auth/refresh": text("refresh_token", "Refresh token"),
    "POST /api/auth/logout": (
        Fault("refresh_token", "", "Refresh token is required"),
        *text("refresh_token", "Refresh token"),
    ),
    "POST /api/auth/change-password": (
        Fault("new_password", None, "Missing required fields: new_password"),
        *text("old_password", "Current password"),
        *password("new_password"),
    ),
    "POST /api/tasks": (Fault("title", "", "Missing required fields: title"), *TASK),
    "PUT /api/tasks/{task_id}": TASK,
    "PATCH /api/tasks/{task_id}": TASK,
    "POST /api/tags": (Fault("name", None, "Missing required fields: name"), *TAG),
    "PUT /api/tags/{tag_id}": TAG,
    "PATCH /api/tags/{tag_id}": TAG,
    **dict.fromkeys(
        ("PUT /api/users/{user_id}", "PATCH /api/users/{user_id}"),
        (
            *EMAIL,
            *USERNAME,
            *NAMES,
            Fault("is_active", "false", "Is active must be a boolean"),
            *text("role", "Role"),
            Fault("role", "boss", "Invalid role"),
        ),
    ),
}
RIGHT: Final[Mapping[str, Mapping[str, object]]] = {
    "POST /api/auth/register": account("faulty"),
    "POST /api/auth/login": credentials("admin"),
    "POST /api/auth/change-password": {"old_password": "admin123", "new_password": FORGE_PASSWORD},
    "POST /api/tasks": {"title": "T"},
    "POST /api/tags": {"name": "faulty"},
}
"""What is sent besides the value that is wrong."""


@pytest.mark.parametrize("operation", FAULTS)
async def test_every_fault_of_every_field_is_told_and_every_one_that_is_documented(
    taskflow: Taskflow, operation: str
) -> None:
    method, path = operation.split(" ")
    client = await (taskflow.forge() if "refresh" in path else taskflow.forge_admin())
    ids = {"user_id": 1}
    if "{t" in path:
        ids["task_id"] = (await client.made("/api/tasks", {"title": "T"}))["id"]
        ids["tag_id"] = (await client.made("/api/tags", {"name": "t"}))["id"]
    if path.startswith("/api/tasks"):
        # More than a task may have; that counts those only that exist.
        await asyncio.gather(*(client.made("/api/tags", {"name": f"t{each}"}) for each in range(130)))
    head = await taskflow.core.store.head()
    for fault in FAULTS[operation]:
        body = {**RIGHT.get(operation, {}), fault.field: fault.value}
        answer = await client.send(method, path.format_map(ids), body)
        assert (answer.status, answer.body) == (400, failure(fault.message)), (operation, fault)
    assert await taskflow.core.store.head() == head
    told = {generalized(fault.message) for fault in FAULTS[operation]}
    assert documented(operation, 400) - told <= UNREACHABLE


UNREACHABLE: Final = {"Password is required"}
"""An empty password is a missing field already, and space is part of a password."""


def documented(operation: str, status: int) -> set[str]:
    """What the endpoint says that it may answer with this status."""
    method, path = operation.split(" ")
    (endpoint,) = (each for each in ENDPOINTS if plain(each.path) == path and method in each.methods)
    return {generalized(message) for message in endpoint.fails.get(status, ())}


def generalized(message: str) -> str:
    return message.partition(":")[0] if message.startswith("Missing required fields") else message


class Refusal(NamedTuple):
    """A request, and what is said to it; the path is as it is sent."""

    operation: str
    caller: str
    path: str
    body: object
    status: int
    message: str


async def refusals(scene: Scene) -> list[Refusal]:
    """What the state of things refuses, whatever the values are."""
    taskflow, admin = scene.taskflow, scene.clients["admin"]
    task_id, closed_id = await scene.own_task(), await scene.task_in_project()
    await admin.made("/api/tags", {"name": "one"})
    two = (await admin.made("/api/tags", {"name": "two"}))["id"]
    answer = await scene.manager.put(f"/api/projects/{scene.project_id}", {"status": "completed"})
    assert answer.status == 200, answer.raw
    await taskflow.user("fresh")
    manager, other = scene.clients["manager"].id, scene.clients["other"].id
    missing = {"task": "/api/tasks/4711", "tag": "/api/tags/4711", "user": "/api/users/4711"}
    closed, own, user = f"/api/tasks/{closed_id}", f"/api/tasks/{task_id}", f"/api/users/{other}"
    found = [
        Refusal("POST /api/auth/register", "nobody", "", account("Owner"), 409, "Username already exists"),
        Refusal(
            "POST /api/auth/register",
            "nobody",
            "",
            account("newer") | {"email": "OWNER@example.com"},
            409,
            "Email already exists",
        ),
        Refusal(
            "POST /api/auth/login", "nobody", "", credentials("nobody_else"), 401, "Invalid email or password"
        ),
        Refusal("POST /api/auth/login", "nobody", "", credentials("inactive"), 403, "Account is inactive"),
        Refusal(
            "POST /api/auth/change-password",
            "owner",
            "",
            {"old_password": "not it", "new_password": FORGE_PASSWORD},
            401,
            "Current password is incorrect",
        ),
        Refusal("GET /api/tasks/{task_id}", "other", own, None, 403, WORDS["view"]),
        Refusal("DELETE /api/tasks/{task_id}", "other", own, None, 403, WORDS["delete"]),
        Refusal("DELETE /api/tasks/{task_id}", "admin", closed, None, 409, "Project is closed"),
        Refusal("POST /api/tasks/{task_id}/complete", "other", f"{own}/complete", None, 403, WORDS["update"]),
        Refusal(
            "POST /api/tasks/{task_id}/complete",
            "owner",
            f"{closed}/complete",
            None,
            409,
            "Project is closed",
        ),
        Refusal("POST /api/tags", "other", "", {"name": "ONE"}, 409, "Tag already exists"),
        Refusal("GET /api/users/{user_id}", "manager", user, None, 403, "Forbidden"),
        Refusal(
            "DELETE /api/users/{user_id}", "admin", "/api/users/1", None, 403, "Cannot delete admin users"
        ),
        Refusal(
            "DELETE /api/users/{user_id}",
            "admin",
            f"/api/users/{manager}",
            None,
            409,
            "User still owns projects",
        ),
        Refusal(
            "POST /api/users/{user_id}/deactivate",
            "admin",
            "/api/users/1/deactivate",
            None,
            403,
            "Cannot deactivate admin users",
        ),
    ]
    for method in ("PUT", "PATCH"):
        task, tag, users = (
            f"{method} /api/{path}" for path in ("tasks/{task_id}", "tags/{tag_id}", "users/{user_id}")
        )
        found += [
            Refusal(task, "other", own, {"title": "x"}, 403, WORDS["update"]),
            Refusal(task, "admin", missing["task"], {"title": "x"}, 404, "Task not found"),
            Refusal(task, "admin", closed, {"title": "x"}, 409, "Project is closed"),
            Refusal(tag, "admin", missing["tag"], {"name": "x"}, 404, "Tag not found"),
            Refusal(tag, "admin", f"/api/tags/{two}", {"name": "One"}, 409, "Tag already exists"),
            Refusal(users, "other", "/api/users/1", {"first_name": "x"}, 403, "Forbidden"),
            Refusal(users, "admin", missing["user"], {"first_name": "x"}, 404, "User not found"),
            Refusal(
                users, "admin", "/api/users/1", {"is_active": False}, 403, "Cannot deactivate admin users"
            ),
            Refusal(users, "other", user, {"username": "OWNER"}, 409, "Username already in use"),
            Refusal(users, "admin", user, {"email": "owner@example.com"}, 409, "Email already in use"),
        ]
    for operation, path, message in (
        ("GET /api/tasks/{task_id}", missing["task"], "Task not found"),
        ("DELETE /api/tasks/{task_id}", missing["task"], "Task not found"),
        ("POST /api/tasks/{task_id}/complete", f"{missing['task']}/complete", "Task not found"),
        ("GET /api/tasks/export", "/api/tasks/export?status=none", "No tasks to export"),
        ("GET /api/tags/{tag_id}", missing["tag"], "Tag not found"),
        ("DELETE /api/tags/{tag_id}", missing["tag"], "Tag not found"),
        ("GET /api/users/{user_id}", missing["user"], "User not found"),
        ("DELETE /api/users/{user_id}", missing["user"], "User not found"),
        ("POST /api/users/{user_id}/deactivate", f"{missing['user']}/deactivate", "User not found"),
        ("POST /api/users/{user_id}/activate", f"{missing['user']}/activate", "User not found"),
    ):
        found.append(Refusal(operation, "admin", path, None, 404, message))
    return found


ELSEWHERE: Final = {
    ("POST /api/auth/register", 403, "Registration is closed"),
    ("POST /api/auth/refresh", 401, "Invalid refresh token"),
    ("POST /api/auth/refresh", 401, "Refresh token expired or revoked"),
    ("POST /api/auth/refresh", 404, "User account not found or inactive"),
    ("POST /api/auth/change-password", 404, "User not found"),
}
"""What takes more than one request to one server; each has a test of its own."""


async def test_everything_that_is_documented_to_be_refused_is(scene: Scene) -> None:
    told: defaultdict[str, set[tuple[int, str]]] = defaultdict(set)
    asked = await refusals(scene)
    head = await scene.taskflow.core.store.head()
    for refusal in asked:
        method, path = refusal.operation.split(" ")
        client = scene.clients[refusal.caller]
        answer = await client.send(method, refusal.path or path, refusal.body)
        assert (answer.status, answer.body) == (refusal.status, failure(refusal.message)), refusal
        told[refusal.operation].add((refusal.status, refusal.message))
    assert await scene.taskflow.core.store.head() == head
    for endpoint in ENDPOINTS:
        for method in endpoint.methods:
            operation = f"{method} {plain(endpoint.path)}"
            elsewhere = {(status, said) for about, status, said in ELSEWHERE if about == operation}
            expected = {
                (status, said) for status, words in endpoint.fails.items() if status != 400 for said in words
            }
            assert told[operation] == expected - elsewhere, operation


async def test_refreshing_is_refused_once_a_token_is_taken_back(scene: Scene) -> None:
    client = scene.clients["owner"]
    header = {"Authorization": f"Bearer {client.refresh_token}"}
    for _ in range(2):
        answer = await client.post("/api/auth/logout", {"refresh_token": client.refresh_token})
        assert (answer.status, answer.body) == (200, {"success": True, "message": "Logged out successfully"})
    answer = await client.post("/api/auth/refresh", headers=header)
    assert (answer.status, answer.body) == (401, failure("Refresh token expired or revoked"))


async def test_registration_may_be_closed(database_url: str, redis_url: str, logs: None) -> None:
    async with taskflow_running(database_url, redis_url, registration="off") as taskflow:
        answer = await (await taskflow.forge()).post("/api/auth/register", account("ana"))
    assert (answer.status, answer.body) == (403, failure("Registration is closed"))


async def test_whose_account_goes_while_they_change_its_password_is_not_found(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, hashed = scene.clients["owner"], Passwords.hash

    async def deleting(self: Passwords, secret: str) -> str:
        assert (await scene.clients["admin"].delete(f"/api/users/{owner.id}")).status == 200
        return await hashed(self, secret)

    monkeypatch.setattr(Passwords, "hash", deleting)
    change = {"old_password": FORGE_PASSWORD, "new_password": FORGE_PASSWORD}
    answer = await owner.post("/api/auth/change-password", change)
    assert (answer.status, answer.body) == (404, failure("User not found"))


@pytest.mark.parametrize("path", ["/api/tasks/", "/api/tasks/x", "/api/tasks/-1", "/api/nothing", "/"])
async def test_unknown_addresses_are_not_found_whoever_asks(taskflow: Taskflow, path: str) -> None:
    for client in (await taskflow.forge(), await taskflow.forge_admin()):
        answer = await client.get(path)
        assert (answer.status, answer.body) == (
            404,
            {"success": False, "message": "Resource not found", "error": "Not Found"},
        )
