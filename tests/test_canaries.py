"""No secret is anywhere but with whom it was given to: recognisable ones are looked for everywhere."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psycopg
import pytest
import redis
import requests
from psycopg import sql

from tests.running import ROOT, Running, running
from tests.servers import own_postgres, own_valkey, short_folder
from tests.test_doctor import doctor, named

pytestmark = pytest.mark.timeout(240)

MASTER_KEY, JWT_SECRET = (hashlib.sha256(word).digest() for word in (b"canary master", b"canary tokens"))
ADMIN = "Canary-Admin-7f3a9"
STORES: Final = {"database": "Canary-Database-51c0e", "redis": "Canary-Redis-90bd2"}
PASSWORDS: Final = {
    "admin": ADMIN,
    "taskflow": "Canary-Taskflow-4e21b",
    "taskforge": "Canary-Taskforge-c8d05",
    "changed": "Canary-Changed-2a6f4",
    "set by an operator": "Canary-Operator-b37e1",
    "of another admin": "Canary-Another-d19c8",
    "wrong": "Canary-Wrong-66f0a",
    "too long": "Canary-Long-e85d3" * 20,
    "too short": "Cnry7q",
    "forged session": "canary-forged-session-8b64c",
    "forged token": "canaryforged.canaryforgedtoken.f05e7",
    "in an address": "canary-address-a1c97",
}
"""What somebody sends, and never gets back; some of it is no password, but might have been one."""

GIVEN_OUT: Final = ("/api/auth/login", "/api/auth/me", "/api/auth/refresh")
"""Where tokens are handed out, each to whom it belongs."""

Answered = tuple[str, requests.Response]


@dataclass
class Visitor:
    """A client of the ledger that keeps every answer, and every token that it was given."""

    ledger: Running
    answers: list[Answered] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    session: requests.Session = field(default_factory=requests.Session)

    def ask(self, method: str, path: str, json: object = None, *, forge: bool = False, **more: Any) -> Any:
        url = self.ledger.forge_url if forge else self.ledger.url
        answer = self.session.request(method, url + path, json=json, timeout=30, **more)
        self.answers.append((f"{method} {path.partition('?')[0]}", answer))
        self._keep(answer)
        return answer

    def _keep(self, answer: requests.Response) -> None:
        self.tokens |= {cookie.value for cookie in answer.cookies if cookie.value}
        if "json" not in answer.headers.get("Content-Type", ""):
            return
        data = answer.json().get("data") if isinstance(answer.json(), dict) else None
        for name in ("csrf_token", "access_token", "refresh_token"):
            if isinstance(data, dict) and data.get(name):
                self.tokens.add(data[name])

    def sign_in(self, name: str, password: str) -> requests.Response:
        known = {"username": name, "password": password}
        answer: requests.Response = self.ask("POST", "/api/auth/login", known)
        return answer

    def log_in(self, email: str, password: str) -> dict[str, str]:
        known = {"email": email, "password": password}
        answer = self.ask("POST", "/api/auth/login", known, forge=True)
        assert answer.status_code == 200, answer.text
        data = answer.json()["data"]
        return {name: f"Bearer {data[name]}" for name in ("access_token", "refresh_token")}


@dataclass
class Place:
    """A ledger in production's shape: servers that want passwords, all secrets in the environment."""

    ledger: Running
    environment: dict[str, str]
    data: Path
    folder: Path
    postgres: str
    redis: redis.Redis

    def command(self, *arguments: str, stdin: str = "", **more: str) -> str:
        """What a command prints, whatever becomes of it."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "api.cli", *arguments, "--data", str(self.data)],
            env=os.environ | {"PYTHONPATH": str(ROOT)} | self.environment | more,
            input=stdin, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    data = tmp_path_factory.mktemp("canaries") / "data"
    with ExitStack() as stack:
        folder = stack.enter_context(short_folder())
        postgres = stack.enter_context(own_postgres(folder, "log_min_messages=debug1", "log_statement=ddl"))
        plain = postgres.ensure_database("canaries")
        valkey = stack.enter_context(own_valkey(folder))
        cache = stack.enter_context(redis.Redis.from_url(valkey.url()))
        cache.config_set("requirepass", STORES["redis"])
        cache.execute_command("AUTH", STORES["redis"])
        environment = {
            "DATABASE_URL": plain.replace("postgresql:///", f"postgresql://postgres:{STORES['database']}@/")
            .replace("&user=postgres", ""),
            "REDIS_URL": f"{valkey.url()}&password={STORES['redis']}"
            if "?" in valkey.url()
            else f"{valkey.url()}?password={STORES['redis']}",
            "TASKLEDGER_MASTER_KEY": MASTER_KEY.hex(),
            "TASKLEDGER_JWT_SECRET": JWT_SECRET.hex(),
            "TASKLEDGER_ADMIN_PASSWORD": ADMIN,
            "TASKLEDGER_RATE_LIMITS": "100000/hour;100000/hour;100000/minute",
            "TASKLEDGER_SIGN_IN_LIMITS": "3/minute;1000/minute;1000/minute;1000/minute",
            "TASKLEDGER_LOG_LEVEL": "debug",
            "TASKLEDGER_DATABASE_TIMEOUT_S": "1.0",
        }  # fmt: skip
        ledger = stack.enter_context(running(data, environment=environment))
        yield Place(ledger, environment, data, folder, plain, cache)


def forms(name: str, secret: str | bytes) -> Iterator[tuple[str, bytes]]:
    """A secret as it may stand somewhere: as it is, in digits, in base64, in an address."""
    raw = secret.encode() if isinstance(secret, str) else secret
    for form in {
        raw,
        raw.hex().encode(),
        base64.b64encode(raw).rstrip(b"="),
        base64.urlsafe_b64encode(raw).rstrip(b"="),
        quote(raw).encode(),
    }:
        yield name, form


def sought(visitors: Iterable[Visitor]) -> list[tuple[str, bytes]]:
    tokens = {token for each in visitors for token in each.tokens}
    assert len(tokens) >= 10
    secrets: list[tuple[str, str | bytes]] = [
        *PASSWORDS.items(),
        *STORES.items(),
        ("master key", MASTER_KEY),
        ("JWT secret", JWT_SECRET),
        *((f"token {token[:12]}", token) for token in tokens),
    ]
    return [form for name, secret in secrets for form in forms(name, secret)]


def found_in(text: bytes, secrets: list[tuple[str, bytes]]) -> set[str]:
    return {name for name, form in secrets if form in text}


# What is done


def use_taskflow(visitor: Visitor) -> None:
    """The ordinary course of things, as the admin."""
    assert visitor.sign_in("admin", ADMIN).status_code == 200
    new = {
        "username": "ana",
        "email": "ana@example.com",
        "password": PASSWORDS["taskflow"],
        "role": "manager",
    }
    ana = visitor.ask("POST", "/api/users", new, headers={"Idempotency-Key": "once"}).json()["data"]["user"]
    visitor.ask("POST", "/api/users", new, headers={"Idempotency-Key": "once"})
    # Another one than at sign-in: those of one session and second are equal.
    time.sleep(1)
    csrf_token = visitor.ask("GET", "/api/auth/me").json()["data"]["csrf_token"]
    project = {"name": "P", "description": "Seen by nobody"}
    made = visitor.ask("POST", "/api/projects", project, headers={"X-CSRFToken": csrf_token})
    assert made.status_code == 201, made.text
    visitor.ask("GET", f"/api/users/{ana['id']}/history")
    for path in ("/api/auth/sessions", "/api/users", "/api/projects", "/api/reports/projects?format=csv"):
        assert visitor.ask("GET", path).status_code == 200
    changed = visitor.ask("PUT", f"/api/users/{ana['id']}", {"password": PASSWORDS["changed"]})
    assert changed.status_code == 200, changed.text
    other = Visitor(visitor.ledger)
    assert other.sign_in("ana@example.com", PASSWORDS["changed"]).status_code == 200
    assert other.ask("DELETE", "/api/auth/sessions").status_code == 200
    assert other.ask("POST", "/api/auth/logout").status_code == 200
    visitor.answers += other.answers
    visitor.tokens |= other.tokens


def use_taskforge(visitor: Visitor) -> None:
    new = {"username": "bela", "email": "bela@example.com", "password": PASSWORDS["taskforge"]}
    assert visitor.ask("POST", "/api/auth/register", new, forge=True).status_code == 201
    bearers = visitor.log_in("bela@example.com", PASSWORDS["taskforge"])
    access, refresh = ({"Authorization": bearers[name]} for name in ("access_token", "refresh_token"))
    assert visitor.ask("POST", "/api/auth/refresh", forge=True, headers=refresh).status_code == 200
    assert visitor.ask("POST", "/api/tasks", {"title": "T"}, forge=True, headers=access).status_code == 201
    for path in ("/api/auth/me", "/api/tasks", "/api/tasks/export?format=csv", "/api/tasks/export"):
        visitor.ask("GET", path, forge=True, headers=access)
    out = {"refresh_token": bearers["refresh_token"].removeprefix("Bearer ")}
    assert visitor.ask("POST", "/api/auth/logout", out, forge=True, headers=access).status_code == 200
    # Used after it was taken back, and where the other kind belongs.
    assert visitor.ask("POST", "/api/auth/refresh", forge=True, headers=refresh).status_code == 401
    assert visitor.ask("GET", "/api/tasks", forge=True, headers=refresh).status_code == 401
    change = {"old_password": PASSWORDS["wrong"], "new_password": PASSWORDS["changed"]}
    wrong = visitor.ask("POST", "/api/auth/change-password", change, forge=True, headers=access)
    assert wrong.status_code == 401
    change["old_password"] = PASSWORDS["taskforge"]
    done = visitor.ask("POST", "/api/auth/change-password", change, forge=True, headers=access)
    assert done.status_code == 200


def make_mistakes(visitor: Visitor) -> None:
    """Everything that can be wrong with a request that holds a secret."""
    wrong, short, long = (PASSWORDS[name] for name in ("wrong", "too short", "too long"))
    # Each wait is twice as long as the one before: longer than the slowest machine takes, in the end.
    while visitor.sign_in("admin", wrong).status_code == 401:
        assert len(visitor.answers) < 20
    for forge in (False, True):
        for password in (short, long, f"{wrong}\0", [wrong], {"a": wrong}):
            new = {"username": "x", "email": "no address", "password": password, "old_password": password}
            for path in ("/api/auth/login", "/api/auth/register", "/api/users", "/api/auth/change-password"):
                visitor.ask("POST", path, new, forge=forge)
        for raw in (
            f'{{"password": "{wrong}"',
            f'"{wrong}"',
            f"password={wrong}",
            f'{{"a": NaN, "b": "{wrong}"}}',
        ):
            for kind in ("application/json", "text/plain", "application/json; charset=nonsense"):
                sent = {"Content-Type": kind}
                visitor.ask("POST", "/api/auth/login", data=raw.encode(), headers=sent, forge=forge)
        forged = {
            "Authorization": f"Bearer {PASSWORDS['forged token']}",
            "Cookie": f"session={PASSWORDS['forged session']}",
            "X-CSRFToken": PASSWORDS["forged session"],
            "X-Request-Id": PASSWORDS["forged token"],
            "If-Match": PASSWORDS["forged session"],
        }
        asked = f"?password={PASSWORDS['in an address']}"
        for path in (
            "/api/auth/me",
            "/api/users/1",
            f"/api/auth/me{asked}",
            f"/api/nowhere{asked}",
        ):
            for method in ("GET", "PUT", "DELETE"):
                visitor.ask(method, path, {} if method == "PUT" else None, headers=forged, forge=forge)
    basic = {"Authorization": f"Basic {base64.b64encode(f'admin:{wrong}'.encode()).decode()}"}
    visitor.ask("GET", "/api/auth/me", headers=basic, forge=True)


def break_the_stores(place: Place, visitor: Visitor) -> None:
    """Secrets are sent while a table is locked, connections are cut, and Redis wants another password."""
    with psycopg.connect(place.postgres) as held:
        held.execute("lock table sessions, refresh_tokens, credentials")
        stopped = visitor.sign_in("ana", PASSWORDS["changed"])
        assert stopped.status_code == 503, stopped.text
        visitor.ask("GET", "/api/auth/me")
    with psycopg.connect(place.postgres, autocommit=True) as killer:
        killer.execute("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()")
    visitor.ask("GET", "/api/auth/me")
    place.redis.config_set("requirepass", "another")
    ask: Any = place.redis.execute_command
    ask("CLIENT", "KILL", "SKIPME", "yes", "TYPE", "normal")
    for path in ("/api/users", "/api/projects", "/readyz"):
        visitor.ask("GET", path)
    visitor.sign_in("ana", PASSWORDS["changed"])
    place.redis.config_set("requirepass", STORES["redis"])
    place.ledger.wait_until_ready()


def run_commands(place: Place) -> Mapping[str, str]:
    why, stdin = ("--reason", "an exercise"), "--password-stdin"
    folder = place.data.parent / "export"
    set_password = ("users", "set-password", "bela", stdin, *why)
    create = ("users", "create-admin", "--username", "ops", "--email", "ops@example.com", stdin, *why)
    nowhere = f"postgresql://u:{STORES['database']}@127.0.0.1:1/x"
    said = {
        "doctor": place.command("doctor", "--json"),
        "export": place.command("events", "export", str(folder), *why),
        "set": place.command(*set_password, stdin=PASSWORDS["set by an operator"]),
        "create": place.command(*create, stdin=PASSWORDS["of another admin"]),
        "unreachable": place.command("events", "list", DATABASE_URL=nowhere),
    }
    assert "bela" in said["set"], said["set"]
    assert "ops" in said["create"], said["create"]
    assert "cannot connect" in said["unreachable"], said["unreachable"]
    return said | {f"exported {each.name}": each.read_text() for each in folder.iterdir()}


# Where it is looked for


def tables(place: Place) -> Iterator[tuple[str, bytes]]:
    """Every row of every table and view, as text and, what is bytes, as it is."""
    with psycopg.connect(place.postgres) as connection:
        names = connection.execute(
            "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
            "where n.nspname = 'public' and c.relkind in ('r', 'v', 'm', 'p')"
        ).fetchall()
        assert {"stored_events", "sessions", "refresh_tokens", "credentials", "requests"} <= {
            n for (n,) in names
        }
        for (name,) in names:
            rows = connection.execute(sql.SQL("select t::text, t.* from {} t").format(sql.Identifier(name)))
            for text, *cells in rows.fetchall():
                whole = [cell for cell in cells if isinstance(cell, bytes)]
                yield f"table {name}", b"\n".join([text.encode(), *whole])


def cached(place: Place) -> Iterator[tuple[str, bytes]]:
    """Every key of every database of Redis, with what it holds."""
    ask: Any = place.redis.execute_command
    commands = {
        b"string": ("GET",),
        b"hash": ("HGETALL",),
        b"set": ("SMEMBERS",),
        b"list": ("LRANGE", "0", "-1"),
        b"zset": ("ZRANGE", "0", "-1", "WITHSCORES"),
        b"stream": ("XRANGE", "-", "+"),
    }
    for key in place.redis.scan_iter():
        kind = ask("TYPE", key)
        if kind != b"none":
            command, *bounds = commands[kind]
            yield f"key {key!r}", key + repr(ask(command, key, *bounds)).encode()


def files(place: Place) -> Iterator[tuple[str, bytes]]:
    """What the processes have said, the servers' logs, and the data folder."""
    yield "the ledger's output", place.ledger.output.read_bytes()
    logs = list(place.folder.glob("*.log"))
    assert {each.name for each in logs} == {"postgres.log", "valkey.log"}
    kept = [each for each in place.data.rglob("*") if each.is_file()]
    yield from ((str(each), each.read_bytes()) for each in [*logs, *kept])


def told(visitors: Iterable[Visitor]) -> Iterator[tuple[str, bytes]]:
    """Every answer: headers and body. Where tokens are given out they may stand, and passwords may not."""
    for visitor in visitors:
        for what, answer in visitor.answers:
            raw = repr(dict(answer.headers)).encode() + answer.content
            if what.endswith(GIVEN_OUT) and answer.status_code == 200:
                for token in visitor.tokens:
                    raw = raw.replace(token.encode(), b"")
            yield f"the answer {answer.status_code} to {what}", raw


def public(visitor: Visitor) -> None:
    """What anybody may read."""
    for path in (
        "/metrics",
        "/api/docs/openapi.json",
        "/livez",
        "/readyz",
        "/login",
        "/ops/api/docs/openapi.json",
    ):
        visitor.ask("GET", path)
    for path in ("/api/docs/openapi.json", "/apispec.json", "/api/health"):
        visitor.ask("GET", path, forge=True)


def test_no_secret_is_where_it_does_not_belong(place: Place) -> None:
    visitors = [Visitor(place.ledger) for _ in range(4)]
    use_taskflow(visitors[0])
    use_taskforge(visitors[1])
    break_the_stores(place, visitors[0])
    make_mistakes(visitors[2])
    said = run_commands(place)
    public(visitors[3])
    for path in ("/ops/api/events", "/ops/api/doctor", "/ops/api/audit/attempts", "/ops/api/projections"):
        visitors[0].ask("GET", path)
    statuses = {answer.status_code for each in visitors for _, answer in each.answers}
    assert statuses >= {200, 201, 400, 401, 404, 415, 422, 429, 503}
    assert 500 not in statuses
    time.sleep(0.5)
    secrets = sought(visitors)
    looked = [
        *tables(place),
        *cached(place),
        *files(place),
        *told(visitors),
        *((f"the command {name}", text.encode()) for name, text in said.items()),
    ]
    leaks = {where: names for where, text in looked if (names := found_in(text, secrets))}
    assert leaks == {}
    assert len(looked) > 300
    must_be_seen(looked)


def must_be_seen(looked: list[tuple[str, bytes]]) -> None:
    """The search itself works: what is no secret is found everywhere that matters."""
    for word, wheres in {
        b"Seen by nobody": (
            "table stored_events",
            "key ",
            "the answer 200 to GET /api/projects",
            "the command exported",
        ),
        b"/api/auth/login": ("the ledger's output", "table requests"),
        b"sessions": ("postgres.log",),
        b"taskledger_password_checks_total": ("the answer 200 to GET /metrics",),
    }.items():
        for where in wheres:
            assert any(where in place and word in text for place, text in looked), (word, where)
    kept = [text for where, text in looked if where == "table credentials"]
    assert len(kept) == 4
    assert all(b"$argon2id$" in text for text in kept)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:{}%zz@127.0.0.1:1/x",
        "postgresql://u:{}@[::1/x",
        "postgres//u:{}@h/x",
        "{}",
        "postgresql://u:{}@127.0.0.1:1/x",
        "postgresql://u:{}@127.0.0.1:port/x",
        "postgresql://u:{}@127.0.0.1:1/x?nonsense=1",
    ],
)
def test_an_address_that_cannot_be_read_is_not_repeated(url: str, redis_url: str, tmp_path: Path) -> None:
    given = named(url.format(STORES["database"]), redis_url)
    _, out, err = doctor("--data", str(tmp_path), **given)
    assert "postgresql" in out
    assert STORES["database"] not in out + err
