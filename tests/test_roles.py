"""Who may do what: every operation, asked by everybody, in one table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, NamedTuple

import pytest

from api.taskflow.endpoints import Endpoint
from api.taskflow.openapi.document import taskflow_document
from api.taskflow.routes import ENDPOINTS
from tests.http import Client, Reply, Taskflow
from tests.test_http_envelope import check_error

CALLERS: Final = ("nobody", "disabled", "stranger", "member", "owner", "other", "admin")
"""Nobody who is signed in; one whose account was disabled meanwhile; a user who has nothing to do with the
project; one with a task in it; the manager who owns it; another manager; an admin."""

# A cell is the status of the answer; 403 with the role that would do: m for manager, a for admin.
TABLE: Final = """
operation                                                nobody  disabled  stranger  member  owner other admin

POST   /api/auth/login                                   200     401       200       200     200    200    200
POST   /api/auth/logout                                  401     401       200       200     200    200    200
GET    /api/auth/me                                      401     401       200       200     200    200    200
GET    /api/auth/sessions                                401     401       200       200     200    200    200
DELETE /api/auth/sessions                                401     401       200       200     200    200    200
DELETE /api/auth/sessions/{session_id}                   401     401       200       200     200    200    200

GET    /api/users                                        401     401       200       200     200    200    200
POST   /api/users                                        401     401       403a      403a    403a   403a   201
GET    /api/users/{user_id}                              401     401       404       404     200    200    200
GET    /api/users/{user_id}                   of oneself 401     401       200       200     200    200    200
PUT    /api/users/{user_id}                              401     401       404       404     403a   403a   200
PUT    /api/users/{user_id}                   of oneself 401     401       200       200     200    200    200
PUT    /api/users/{user_id}                   own role   401     401       403a      403a    403a   403a   200
GET    /api/users/{user_id}/stats                        401     401       404       404     200    200    200
GET    /api/users/{user_id}/stats             of oneself 401     401       200       200     200    200    200
GET    /api/users/{user_id}/history                      401     401       404       404     403a   403a   200
GET    /api/users/{user_id}/history           of oneself 401     401       200       200     200    200    200
DELETE /api/users/{user_id}/sessions                     401     401       404       404     403a   403a   200
DELETE /api/users/{user_id}/sessions          of oneself 401     401       200       200     200    200    200

GET    /api/departments                                  401     401       200       200     200    200    200
POST   /api/departments                                  401     401       403a      403a    403a   403a   201
GET    /api/departments/{department_id}                  401     401       200       200     200    200    200
PUT    /api/departments/{department_id}                  401     401       403a      403a    403a   403a   200
GET    /api/departments/{department_id}/stats            401     401       403m      403m    200    200    200

GET    /api/projects                                     401     401       200       200     200    200    200
POST   /api/projects                                     401     401       403m      403m    201    201    201
POST   /api/projects                          of another 401     401       403m      403m    403a   403a   201
GET    /api/projects/{project_id}                        401     401       404       200     200    200    200
PUT    /api/projects/{project_id}                        401     401       404       403m    200    403a   200
PUT    /api/projects/{project_id}             new owner  401     401       404       403m    403a   403a   200
DELETE /api/projects/{project_id}                        401     401       404       403m    200    403a   200
GET    /api/projects/{project_id}/history                401     401       404       200     200    200    200

GET    /api/tasks                                        401     401       200       200     200    200    200
GET    /api/projects/{project_id}/tasks                  401     401       404       200     200    200    200
POST   /api/projects/{project_id}/tasks                  401     401       404       403m    201    403a   201
GET    /api/tasks/{task_id}                              401     401       404       200     200    200    200
PUT    /api/tasks/{task_id}                              401     401       404       403m    200    403a   200
PUT    /api/tasks/{task_id}                   report     401     401       404       200     200    403a   200
PUT    /api/tasks/{task_id}                   unassigned 401     401       404       403m    200    403a   200
DELETE /api/tasks/{task_id}                              401     401       404       403m    200    403a   200
POST   /api/tasks/{task_id}/assign                       401     401       404       403m    200    403a   200
GET    /api/tasks/{task_id}/history                      401     401       404       200     200    200    200

GET    /api/projects/{project_id}/risks                  401     401       404       200     200    200    200
POST   /api/projects/{project_id}/risks                  401     401       404       403m    201    403a   201
GET    /api/risks/{risk_id}                              401     401       404       200     200    200    200
PUT    /api/risks/{risk_id}                              401     401       404       403m    200    403a   200
GET    /api/risks/{risk_id}/history                      401     401       404       200     200    200    200

GET    /api/projects/{project_id}/expenses               401     401       404       200     200    200    200
POST   /api/projects/{project_id}/expenses               401     401       404       403m    201    403a   201
GET    /api/projects/{project_id}/expenses/{expense_id}  401     401       404       200     200    200    200
DELETE /api/projects/{project_id}/expenses/{expense_id}  401     401       404       403m    200    403a   200

GET    /api/reports/projects                             401     401       403m      403m    200    200    200
GET    /api/reports/users/productivity                   401     401       403m      403m    200    200    200
GET    /api/reports/departments/workload                 401     401       403m      403m    200    200    200
GET    /api/reports/budget-analysis                      401     401       403m      403m    200    200    200
"""


class Row(NamedTuple):
    method: str
    path: str
    how: str
    """What is special about the request: see `BODIES` and `Scene.values`."""
    expected: Mapping[str, str]


ROW: Final = re.compile(r"([A-Z]+) +(/\S+) +((?:[a-z]+ )*) *((?: *\d{3}[ma]?){7})")


def rows() -> list[Row]:
    matches = [ROW.fullmatch(line) for line in TABLE.strip().splitlines()[1:] if line]
    assert all(matches)
    found = [match.groups() for match in matches if match]
    return [
        Row(method, path, how.strip(), dict(zip(CALLERS, cells.split(), strict=True)))
        for method, path, how, cells in found
    ]


PASSWORD: Final = "password of theirs"
SESSIONS_MAX: Final = 10**9
"""The number of no session."""
NAMES: Final = count(1)


def body_of(row: Row, scene: Scene, caller: str) -> dict[str, Any] | None:
    """What the request says: something that is right, whoever says it."""
    number = next(NAMES)
    bodies: dict[tuple[str, str, str], dict[str, Any]] = {
        ("POST", "/api/auth/login", ""): scene.credentials(caller),
        ("POST", "/api/users", ""): {
            "username": f"new{number}",
            "email": f"new{number}@example.com",
            "password": PASSWORD,
        },
        ("PUT", "/api/users/{user_id}", ""): {"last_name": f"N{number}"},
        ("PUT", "/api/users/{user_id}", "of oneself"): {"last_name": f"N{number}"},
        ("PUT", "/api/users/{user_id}", "own role"): {"role": "admin"},
        ("POST", "/api/departments", ""): {"name": f"D{number}"},
        ("PUT", "/api/departments/{department_id}", ""): {"description": f"D{number}"},
        ("POST", "/api/projects", ""): {"name": "P"},
        ("POST", "/api/projects", "of another"): {"name": "P", "owner_id": scene.users["stranger"]},
        ("PUT", "/api/projects/{project_id}", ""): {"description": f"D{number}"},
        ("PUT", "/api/projects/{project_id}", "new owner"): {"owner_id": scene.users["other"]},
        ("POST", "/api/projects/{project_id}/tasks", ""): {"title": "T"},
        ("PUT", "/api/tasks/{task_id}", ""): {"title": f"T{number}"},
        ("PUT", "/api/tasks/{task_id}", "report"): {
            "status": "in_progress",
            "actual_hours": number,
            "completion_notes": f"N{number}",
        },
        ("PUT", "/api/tasks/{task_id}", "unassigned"): {"status": "in_progress", "actual_hours": number},
        ("POST", "/api/tasks/{task_id}/assign", ""): {"user_ids": [scene.users["member"]]},
        ("POST", "/api/projects/{project_id}/risks", ""): {"title": "R"},
        ("PUT", "/api/risks/{risk_id}", ""): {"title": f"R{number}"},
        ("POST", "/api/projects/{project_id}/expenses", ""): {"amount": number},
    }
    return bodies.get((row.method, row.path, row.how))


@dataclass
class Scene:
    """A server with everybody on it, each signed in, and with a project of the owner's."""

    taskflow: Taskflow
    clients: dict[str, Client]
    users: dict[str, int]
    project: dict[str, int]

    def credentials(self, caller: str) -> dict[str, str]:
        if caller in ("nobody", "admin"):
            return {"username": "admin", "password": "admin123"}
        return {"username": caller, "password": PASSWORD}

    def values(self, row: Row, caller: str, project: Mapping[str, int]) -> Mapping[str, int]:
        """What stands in the path; unless told, the user is one that the caller is not."""
        of_oneself = row.how in ("of oneself", "own role") and caller != "nobody"
        user_id = self.users[caller if of_oneself else "disabled"]
        task = "free_task_id" if row.how == "unassigned" else "task_id"
        return {
            **project,
            "user_id": user_id,
            "department_id": 1,
            "task_id": project[task],
            "session_id": SESSIONS_MAX,
        }

    async def another_session(self, caller: str) -> int:
        """The number of a new session of the caller's."""
        client = await self.taskflow.signed_in(**self.credentials(caller))
        answer = await client.get("/api/auth/sessions", params={"per_page": "1"})
        return int(answer.data["sessions"][0]["id"])

    async def ask(self, row: Row, caller: str) -> Reply:
        project = self.project
        if row.expected[caller] == "200" and (row.method == "DELETE" or row.how == "new owner"):
            project = await planned(self.clients["owner"], self.users)
        values = dict(self.values(row, caller, project))
        if "{session_id}" in row.path and row.expected[caller] == "200":
            values["session_id"] = await self.another_session(caller)
        path = row.path.format_map(values)
        client = await self.client(row, caller)
        answer = await client.send(row.method, path, body_of(row, self, caller))
        if row.path.endswith("/sessions") and answer.status == 200:
            await self.clients[caller].sign_in(**self.credentials(caller))
        return answer

    async def client(self, row: Row, caller: str) -> Client:
        """Signing in and out take a session of their own."""
        if row.path == "/api/auth/login":
            return await self.taskflow.anybody()
        if row.path == "/api/auth/logout" and caller not in ("nobody", "disabled"):
            return await self.taskflow.signed_in(**self.credentials(caller))
        return self.clients[caller]


@pytest.fixture
async def scene(taskflow: Taskflow) -> Scene:
    roles = {
        "disabled": "admin",
        "stranger": "user",
        "member": "user",
        "owner": "manager",
        "other": "manager",
    }
    users = {"admin": 1} | {name: await taskflow.user(name, role) for name, role in roles.items()}
    clients = {name: await taskflow.signed_in(name) for name in roles}
    clients |= {"nobody": await taskflow.anybody(), "admin": taskflow.admin}
    answer = await taskflow.admin.put(f"/api/users/{users['disabled']}", {"active": False})
    assert answer.status == 200
    return Scene(taskflow, clients, users, await planned(clients["owner"], users))


async def planned(owner: Client, users: Mapping[str, int]) -> dict[str, int]:
    """A new project with a task of the member's, a task of nobody's, a risk and an expense."""
    project_id = (await owner.made("/api/projects", {"name": "P"}))["id"]
    path = f"/api/projects/{project_id}"
    task = await owner.made(f"{path}/tasks", {"title": "T", "assigned_to": [users["member"]]})
    return {
        "project_id": project_id,
        "task_id": task["id"],
        "free_task_id": (await owner.made(f"{path}/tasks", {"title": "U"}))["id"],
        "risk_id": (await owner.made(f"{path}/risks", {"title": "R"}))["id"],
        "expense_id": (await owner.made(f"{path}/expenses", {"amount": 1}))["id"],
    }


def told(answer: Reply) -> str:
    """The answer as a cell of the table."""
    role = answer.data["required_role"][0] if answer.status == 403 else ""
    return f"{answer.status}{role}"


CODES: Final = {
    401: ("AUTH_REQUIRED", "INVALID_CREDENTIALS"),
    403: ("PERMISSION_DENIED",),
    404: ("NOT_FOUND",),
}


async def test_everybody_may_do_what_the_table_says_and_nothing_else(scene: Scene) -> None:
    roles = dict.fromkeys(CALLERS, "user") | {"owner": "manager", "other": "manager", "admin": "admin"}
    wrong = []
    for row in rows():
        for caller, expected in row.expected.items():
            answer = await scene.ask(row, caller)
            if told(answer) != expected:
                wrong.append((row.method, row.path, row.how, caller, expected, told(answer), answer.raw))
            elif answer.status >= 400:
                assert answer.code in CODES[answer.status]
                assert answer.data.get("current_role", roles[caller]) == roles[caller]
    assert wrong == []


async def test_what_is_refused_leaves_no_trace_in_the_log(scene: Scene) -> None:
    head = await scene.taskflow.core.store.head()
    for row in rows():
        if row.method == "GET" or row.path.startswith("/api/auth/"):
            continue
        for caller, expected in row.expected.items():
            if not expected.startswith("2"):
                path = row.path.format_map(scene.values(row, caller, scene.project))
                await scene.clients[caller].send(row.method, path, body_of(row, scene, caller))
    assert await scene.taskflow.core.store.head() == head


def test_the_table_leaves_no_operation_out() -> None:
    assert {(row.method, row.path) for row in rows()} == {(each.method, each.path) for each in ENDPOINTS}
    assert len({row[:3] for row in rows()}) == len(rows())


ASKED: Final = {"403m": "manager", "403a": "admin"}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")
def test_what_is_documented_about_roles_is_what_the_table_says(endpoint: Endpoint) -> None:
    """One least role is named where a user is refused whatever the request is about."""
    about_it = [row for row in rows() if (row.method, row.path) == (endpoint.method, endpoint.path)]
    assert {row.expected["nobody"] == "200" for row in about_it} == {endpoint.is_public}
    users = {row.expected[caller] for row in about_it for caller in ("stranger", "member")}
    assert endpoint.asks_role == (ASKED.get(users.pop()) if len(users) == 1 else None)


def test_roles_of_writes_are_told_in_the_document() -> None:
    paths = taskflow_document(ENDPOINTS)["paths"]
    told = "Asks for the role {} at least."
    assert told.format("manager") in paths["/api/projects"]["post"]["description"]
    assert told.format("admin") in paths["/api/users"]["post"]["description"]
    assert told.format("admin") in paths["/api/departments"]["post"]["description"]
    assert told.format("admin") in paths["/api/departments/{department_id}"]["put"]["description"]


async def test_a_write_that_asks_for_a_role_is_refused_once_for_each_idempotency_key(scene: Scene) -> None:
    """What a decider refuses is an answer to keep, even when the role has changed meanwhile."""
    stranger, key = scene.clients["stranger"], {"Idempotency-Key": "k"}
    first = await stranger.post("/api/projects", {"name": "P"}, headers=key)
    check_error(first, 403, "PERMISSION_DENIED")
    await scene.clients["admin"].put(f"/api/users/{scene.users['stranger']}", {"role": "manager"})
    again = await stranger.post("/api/projects", {"name": "P"}, headers=key)
    assert (again.status, again.raw, again.headers["Idempotency-Replayed"]) == (403, first.raw, "true")


async def test_roles_take_effect_with_the_next_request_in_sessions_that_are_open(scene: Scene) -> None:
    admin, stranger, owner = (scene.clients[name] for name in ("admin", "stranger", "owner"))
    path = f"/api/projects/{scene.project['project_id']}"
    await admin.put(f"/api/users/{scene.users['stranger']}", {"role": "manager"})
    assert (await stranger.get(path)).status == 200
    assert (await stranger.get("/api/reports/budget-analysis")).status == 200
    assert (await stranger.post("/api/projects", {"name": "Mine"})).status == 201
    await admin.put(f"/api/users/{scene.users['owner']}", {"role": "user"})
    # An owner who is no manager any more looks on.
    assert (await owner.get(path)).status == 200
    for answer in (
        await owner.put(path, {"name": "x"}),
        await owner.delete(path),
        await owner.post(f"{path}/risks", {"title": "x"}),
        await owner.get("/api/reports/budget-analysis"),
    ):
        check_error(answer, 403, "PERMISSION_DENIED")
        assert (answer.data["required_role"], answer.data["current_role"]) == ("manager", "user")
