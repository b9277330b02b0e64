"""Helping people back in, by `taskledger users` as a process; Redis is away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import select
import subprocess
import sys
from typing import Any, Final

import psycopg
import pytest

from api.exits import ExitCode
from api.passwords import is_password
from commands.context import Actor
from commands.errors import Forbidden
from commands.rescue import MakeAdmin, SetUserPassword
from tests.given import given, user
from tests.golden.cli import must_be_golden
from tests.http import MASTER_KEY, Taskflow
from tests.running import ROOT, free_port
from tests.test_http_envelope import check_error

STRONG: Final = "f8Qz-long-and-strange"
WHY: Final = ("--reason", "the only admin has left")
NEW: Final = ("users", "create-admin", "--username", "ops", "--email", "ops@example.com", *WHY)


def environment(database_url: str) -> dict[str, str]:
    return os.environ | {
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database_url,
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "TASKLEDGER_MASTER_KEY": MASTER_KEY.hex(),
        "NO_COLOR": "1",
    }


def told(taskflow: Taskflow, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "api.cli", *arguments],
        env=environment(taskflow.core.settings.database_url),
        input=stdin, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert STRONG not in done.stdout + done.stderr
    return done


async def tell(taskflow: Taskflow, *arguments: str, stdin: str = "", code: int = 0) -> str:
    done = await asyncio.to_thread(lambda: told(taskflow, *arguments, stdin=stdin))
    assert done.returncode == code, done
    return done.stdout if code == 0 else done.stderr


async def golden(name: str, printed: str) -> None:
    await asyncio.to_thread(must_be_golden, name, printed)


async def last_operation(taskflow: Taskflow) -> tuple[Any, ...]:
    def ask() -> tuple[Any, ...]:
        with psycopg.connect(taskflow.core.settings.database_url) as connection:
            row = connection.execute(
                "select type, data->>'reason', actor_role, dialect, user_agent from events"
                " where stream = 'operations' order by version desc limit 1"
            ).fetchone()
        assert row is not None
        return row

    return await asyncio.to_thread(ask)


async def test_a_new_admin_can_sign_in(taskflow: Taskflow) -> None:
    out = await tell(taskflow, *NEW, "--password-stdin", "--json", stdin=f"{STRONG}\n")
    await golden("users_create_admin", out)
    client = await taskflow.signed_in("ops", STRONG)
    assert (await client.get("/api/auth/me")).data["user"]["role"] == "admin"
    assert (await client.get("/api/users")).status == 200
    kind, reason, role, dialect, agent = await last_operation(taskflow)
    assert (kind, reason) == ("operator.admin_made", "the only admin has left")
    assert (role, dialect) == ("admin", "cli")
    assert agent.startswith("taskledger command line")


async def test_a_new_password_ends_what_the_old_one_began(taskflow: Taskflow) -> None:
    await taskflow.user("dana", "manager")
    session = await taskflow.signed_in("dana")
    forge = await (await taskflow.forge()).log_in("dana@example.com", "password of theirs")
    out = await tell(
        taskflow, "users", "set-password", "dana", *WHY, "--password-stdin", "--json", stdin=f"{STRONG}\n"
    )
    await golden("users_set_password", out)
    await asyncio.sleep(taskflow.core.settings.session_cache_s + 0.1)
    check_error(await session.get("/api/auth/me"), 401, "AUTH_REQUIRED")
    answer = await forge.post("/api/auth/refresh", {"refresh_token": forge.refresh_token})
    assert answer.status == 401
    await taskflow.signed_in("dana", STRONG)
    old = {"username": "dana", "password": "password of theirs"}
    check_error(await (await taskflow.anybody()).post("/api/auth/login", old), 401, "INVALID_CREDENTIALS")
    kind, reason, *_ = await last_operation(taskflow)
    assert (kind, reason) == ("operator.password_set", "the only admin has left")


async def test_a_user_is_known_by_number_or_name(taskflow: Taskflow) -> None:
    await taskflow.user("4200")
    for who, expected in (("1", '"id": 1'), ("4200", '"id": 2'), ("ADMIN", '"id": 1')):
        out = await tell(
            taskflow, "users", "set-password", who, *WHY, "--password-stdin", "--json", stdin=f"{STRONG}\n"
        )
        assert expected in out


async def test_the_admins_are_listed(taskflow: Taskflow) -> None:
    await taskflow.user("dana", "admin")
    await taskflow.user("eve", "manager")
    await taskflow.user("fay", "admin", active=False)
    await golden("users_list_admins", await tell(taskflow, "users", "list-admins", "--json"))


STDIN: Final = (*WHY, "--password-stdin")
GUESSED: Final = "too easy to guess"
MAIL: Final = ("--email", "ab@example.com")
REFUSED: Final = {
    "weak": ((*NEW, "--password-stdin"), "Password123", ExitCode.USAGE, "too easy to guess"),
    "short": ((*NEW, "--password-stdin"), "f8Qz", ExitCode.USAGE, "at least 8"),
    "long": ((*NEW, "--password-stdin"), "f8Qz" * 40, ExitCode.USAGE, "at most 128"),
    "empty": ((*NEW, "--password-stdin"), "", ExitCode.USAGE, "Password is required"),
    "nobody to ask": (NEW, "", ExitCode.USAGE, "--password-stdin"),
    "taken": (
        ("users", "create-admin", "--username", "Admin", *MAIL, *STDIN),
        STRONG, ExitCode.CONFLICT, "already taken",
    ),
    "taken and wrong": (
        ("users", "create-admin", "--username", "Admin", "--email", "ops", *STDIN),
        STRONG, ExitCode.USAGE, "mail",
    ),
    "no email": (
        ("users", "create-admin", "--username", "ops", "--email", "ops", *STDIN),
        STRONG, ExitCode.USAGE, "mail",
    ),
    "no reason": (NEW[:-2], STRONG, ExitCode.USAGE, "--reason"),
    "empty reason": ((*NEW[:-1], " ", "--password-stdin"), STRONG, ExitCode.USAGE, "reason"),
    "unknown": (
        ("users", "set-password", "nobody", *STDIN), STRONG, ExitCode.NOT_FOUND, "not found",
    ),
    "unknown number": (
        ("users", "set-password", "4711", *STDIN), STRONG, ExitCode.NOT_FOUND, "not found",
    ),
    "weak for a user": (
        ("users", "set-password", "admin", *STDIN), "admin123", ExitCode.USAGE, GUESSED,
    ),
    "on the command line": (
        ("users", "set-password", "admin", *WHY, "--password", "x"), "", ExitCode.USAGE, "No such option",
    ),
}  # fmt: skip


async def test_what_is_refused_leaves_no_trace(taskflow: Taskflow) -> None:
    head = await taskflow.core.store.head()
    for name, (arguments, password, code, words) in REFUSED.items():
        err = await tell(taskflow, *arguments, stdin=f"{password}\n" if password else "", code=code)
        assert words in err, name
    assert await taskflow.core.store.head() == head
    row = await taskflow.core.database.row("find_password", user_id=1, place=b"")
    assert row is not None
    assert is_password(row[0], "admin123")


def read(terminal: int, seen: str) -> str:
    assert select.select([terminal], [], [], 20)[0], f"nothing came after {seen!r}"
    return os.read(terminal, 1024).decode()


async def test_at_a_terminal_the_password_is_asked_for_twice_and_not_shown(taskflow: Taskflow) -> None:
    def ask() -> tuple[int, str]:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "api.cli", *NEW],
            env=environment(taskflow.core.settings.database_url),
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        seen = ""
        try:
            for prompt in ("Password: ", "Repeat for confirmation: "):
                while not seen.endswith(prompt):
                    seen += read(ours, seen)
                os.write(ours, f"{STRONG}\n".encode())
            while process.poll() is None or select.select([ours], [], [], 0)[0]:
                with contextlib.suppress(OSError):
                    seen += read(ours, seen)
                    continue
                break
            return process.wait(30), seen
        finally:
            process.kill()
            process.wait()
            os.close(ours)

    code, seen = await asyncio.wait_for(asyncio.to_thread(ask), 60)
    assert code == 0, seen
    assert STRONG not in seen
    await taskflow.signed_in("ops", STRONG)


@pytest.mark.parametrize(
    "command",
    [
        MakeAdmin(username="ops", email="ops@example.com", password_hash="h", reason="R"),
        SetUserPassword(user_id=1, password_hash="h", reason="R"),
    ],
)
def test_only_operators_and_admins_may(command: object) -> None:
    given(user(1)).when(command, by=Actor(7, "manager")).refused(Forbidden)
    assert given(user(1)).when(command).decision.refusal is None
