"""Two server processes on one ledger: whatever one of them did, the other one knows."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Any, Final

import psutil
import pytest

from tests.running import Running, running

pytestmark = pytest.mark.timeout(180)

CONNECTS_MAX: Final = 200
KNOWN_EVERYWHERE_S: Final = 1.5
"""A process believes for a second what it knows of a session."""


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Visitor:
    """Somebody with one cookie jar, who says for each request which process shall answer it."""

    connections: dict[int, list[http.client.HTTPConnection]]
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(
        self, server: int, method: str, path: str, body: object = None, *, forge: bool = False, **more: str
    ) -> Answer:
        connection = self.connections[server][forge]
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        raw = answer.read()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return Answer(answer.status, dict(answer.headers), json.loads(raw) if raw else {})

    def sign_in(self, server: int, username: str = "admin", password: str = "admin123") -> Visitor:
        body = {"username": username, "password": password}
        assert self.ask(server, "POST", "/api/auth/login", body).status == 200
        return self

    def made(self, server: int, path: str, body: object) -> dict[str, Any]:
        answer = self.ask(server, "POST", path, body)
        assert answer.status == 201, answer
        (thing,) = answer.body["data"].values()
        return dict(thing)


@dataclass
class Servers:
    ledger: Running
    first: int
    second: int
    stack: ExitStack

    def visitor(self) -> Visitor:
        ports = (self.ledger.port, self.ledger.forge_port)
        return Visitor(
            {pid: [self._connected(pid, port) for port in ports] for pid in (self.first, self.second)}
        )

    def _connected(self, pid: int, port: int) -> http.client.HTTPConnection:
        return self.stack.enter_context(closing(connected(pid, port)))

    def admin(self) -> Visitor:
        return self.visitor().sign_in(self.first)


def connected(pid: int, port: int) -> http.client.HTTPConnection:
    """A connection that this very process has accepted: the system decides, so try until it did."""
    process = psutil.Process(pid)
    for _ in range(CONNECTS_MAX):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.connect()
        connection.request("GET", "/livez")
        connection.getresponse().read()
        own = connection.sock.getsockname()
        if any(each.raddr == own for each in process.net_connections("tcp")):
            return connection
        connection.close()
    raise AssertionError(f"the process {pid} accepted none of {CONNECTS_MAX} connections")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with running(tmp_path_factory.mktemp("two") / "data", "--workers", "2") as ledger, ExitStack() as stack:
        first, second = (process.pid for process in ledger.descendants_named("serve"))
        yield Servers(ledger, first, second, stack)


def test_who_signs_in_at_one_is_known_at_the_other(servers: Servers) -> None:
    visitor = servers.visitor()
    assert visitor.ask(servers.second, "GET", "/api/auth/me").status == 401
    visitor.sign_in(servers.first)
    assert visitor.ask(servers.second, "GET", "/api/auth/me").body["data"]["user"]["username"] == "admin"


def test_who_signs_out_at_one_is_out_at_the_other_within_a_second(servers: Servers) -> None:
    visitor = servers.admin()
    kept = dict(visitor.cookies)
    assert visitor.ask(servers.second, "GET", "/api/auth/me").status == 200
    assert visitor.ask(servers.first, "POST", "/api/auth/logout").status == 200
    time.sleep(KNOWN_EVERYWHERE_S)
    visitor.cookies = kept
    assert visitor.ask(servers.second, "GET", "/api/auth/me").status == 401


def test_who_is_locked_out_at_one_is_out_at_the_other_within_a_second(servers: Servers) -> None:
    admin = servers.admin()
    new = {
        "username": "leaver",
        "email": "leaver@example.com",
        "password": "password of theirs",
        "role": "user",
    }
    leaver = admin.made(servers.first, "/api/users", new)
    visitor = servers.visitor().sign_in(servers.second, "leaver", "password of theirs")
    assert visitor.ask(servers.second, "GET", "/api/auth/me").status == 200
    assert admin.ask(servers.first, "PUT", f"/api/users/{leaver['id']}", {"active": False}).status == 200
    time.sleep(KNOWN_EVERYWHERE_S)
    assert visitor.ask(servers.second, "GET", "/api/auth/me").status == 401


@pytest.mark.parametrize("how", ["disabled", "password", "ended", "deleted"])
def test_whatever_ends_all_ways_in_at_one_ends_them_at_the_other_within_a_second(
    servers: Servers, how: str
) -> None:
    """Sessions and refresh tokens alike, used at both processes just before."""
    admin, name, password = servers.admin(), f"leaver-{how}", "Password of theirs 1"
    email = f"{name}@example.com"
    user_id = admin.made(
        servers.first, "/api/users", {"username": name, "email": email, "password": password, "role": "user"}
    )["id"]
    visitor = servers.visitor().sign_in(servers.second, name, password)
    body = {"email": email, "password": password}
    tokens = visitor.ask(servers.second, "POST", "/api/auth/login", body, forge=True).body["data"]
    refresh = f"Bearer {tokens['refresh_token']}"

    def statuses() -> list[tuple[int, int]]:
        return [
            (
                visitor.ask(each, "GET", "/api/auth/me").status,
                visitor.ask(each, "POST", "/api/auth/refresh", {}, forge=True, Authorization=refresh).status,
            )
            for each in (servers.first, servers.second)
        ]

    assert statuses() == [(200, 200)] * 2
    endings: dict[str, tuple[str, str, object]] = {
        "disabled": ("PUT", f"/api/users/{user_id}", {"active": False}),
        "password": ("PUT", f"/api/users/{user_id}", {"password": "another password"}),
        "ended": ("DELETE", f"/api/users/{user_id}/sessions", None),
        "deleted": ("DELETE", f"/api/users/{user_id}", None),
    }
    is_forge = how == "deleted"
    known = {"email": "admin@taskflow.com", "password": "admin123"}
    admitted = admin.ask(servers.first, "POST", "/api/auth/login", known, forge=True).body["data"]
    bearing = {"Authorization": f"Bearer {admitted['access_token']}"} if is_forge else {}
    assert admin.ask(servers.first, *endings[how], forge=is_forge, **bearing).status == 200
    time.sleep(1.0)
    gone = 404 if how in ("disabled", "deleted") else 401
    assert statuses() == [(401, gone)] * 2


def test_what_is_written_at_one_is_read_at_the_other(servers: Servers) -> None:
    admin = servers.admin()
    project = admin.made(servers.first, "/api/projects", {"name": "0"})
    path = f"/api/projects/{project['id']}"
    for turn in range(40):
        here, there = (servers.first, servers.second)[:: 1 if turn % 2 else -1]
        written = admin.ask(here, "PUT", path, {"name": f"{turn + 1}"})
        assert written.status == 200
        # What one has written oneself needs nothing; somebody else names the position.
        assert admin.ask(there, "GET", path).body["data"]["project"]["name"] == f"{turn + 1}"
        listed = admin.ask(
            there, "GET", "/api/projects?per_page=100", X_Min_Position=written.headers["X-Event-Position"]
        )
        names = {each["id"]: each["name"] for each in listed.body["data"]["projects"]}
        assert names[project["id"]] == f"{turn + 1}"


def test_a_repeated_request_has_one_effect_wherever_it_arrives(servers: Servers) -> None:
    admin, body = servers.admin(), {"name": "Made once"}
    tries = [
        admin.ask(server, "POST", "/api/projects", body, Idempotency_Key="one-key")
        for server in (servers.first, servers.second, servers.first)
    ]
    assert [each.status for each in tries] == [201] * 3
    assert len({each.body["data"]["project"]["id"] for each in tries}) == 1


def test_of_two_changes_of_one_version_one_is_refused(servers: Servers) -> None:
    admin = servers.admin()
    path = f"/api/projects/{admin.made(servers.first, '/api/projects', {'name': 'Versions'})['id']}"
    tag = admin.ask(servers.second, "GET", path).headers["ETag"]
    statuses = at_once(
        servers,
        lambda visitor, server: visitor.ask(server, "PUT", path, {"name": f"{server}"}, If_Match=tag).status,
    )
    assert statuses == {200: 1, 412: 7}


def test_a_name_is_taken_once(servers: Servers) -> None:
    new = {"username": "once", "email": "once@example.com", "password": "password of theirs", "role": "user"}
    statuses = at_once(servers, lambda visitor, server: visitor.ask(server, "POST", "/api/users", new).status)
    assert statuses[201] == 1
    assert statuses.keys() <= {201, 409, 422}


def test_a_token_that_one_takes_back_is_refused_by_the_other(servers: Servers) -> None:
    visitor = servers.visitor()
    body = {"email": "admin@taskflow.com", "password": "admin123"}
    tokens = visitor.ask(servers.first, "POST", "/api/auth/login", body, forge=True).body["data"]
    access, refresh = (f"Bearer {tokens[name]}" for name in ("access_token", "refresh_token"))

    def refreshed(server: int) -> int:
        return visitor.ask(server, "POST", "/api/auth/refresh", {}, forge=True, Authorization=refresh).status

    assert visitor.ask(servers.second, "GET", "/api/auth/me", forge=True, Authorization=access).status == 200
    assert [refreshed(servers.second), refreshed(servers.first)] == [200, 200]
    named = {"refresh_token": tokens["refresh_token"]}
    out = visitor.ask(servers.first, "POST", "/api/auth/logout", named, forge=True, Authorization=access)
    assert out.status == 200
    assert [refreshed(servers.second), refreshed(servers.first)] == [401, 401]


def at_once(servers: Servers, ask: Any) -> Counter[int]:
    """The statuses of eight who ask at once, half of them each server."""
    visitors = [servers.admin() for _ in range(8)]
    start = threading.Barrier(len(visitors))

    def one(number: int) -> int:
        start.wait()
        return int(ask(visitors[number], (servers.first, servers.second)[number % 2]))

    with ThreadPoolExecutor(len(visitors)) as pool:
        return Counter(pool.map(one, range(len(visitors))))
