"""The troubleshooting guide: it quotes what the program says, and what it advises works."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg

from tests.http import Taskflow

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "troubleshooting.md").read_text()


def test_it_quotes_what_the_program_says() -> None:
    paths = [*(ROOT / "api").rglob("*.py"), ROOT / "scripts" / "install.py", ROOT / "taskledger"]
    # Messages are put together from literals on several lines.
    said = re.sub(r'"\s+f?"', "", " ".join(path.read_text() for path in paths))
    table = TEXT.partition("## Starting")[2].partition("\n## ")[0]
    quoted = re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)[1:]
    assert len(quoted) > 8
    for message in quoted[1:] if quoted[0].startswith("---") else quoted:
        longest = max(re.split(r"…|\d+|\(|process N", message), key=len).strip()
        assert len(longest) > 8
        assert longest in said, message


def test_every_link_leads_somewhere() -> None:
    for name in ("troubleshooting.md", "user-guide.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / "docs" / name).read_text()):
            assert (ROOT / "docs" / target).exists(), target


async def test_a_lost_password_can_be_replaced_beside_the_api(taskflow: Taskflow) -> None:
    code = re.findall(r"python -c '(.*)'", TEXT)[0].replace("getpass()", "input()")
    statements = re.findall(r"```sql\n(update credentials .*?)```", TEXT, re.DOTALL)[0]
    made = await asyncio.to_thread(printed, code, "a new password")
    database_url = taskflow.core.settings.database_url
    await asyncio.to_thread(run, database_url, statements.replace("$argon2id$…", made))
    # Servers look sessions up once a second.
    await asyncio.sleep(taskflow.core.settings.session_cache_s)
    assert (await taskflow.admin.get("/api/auth/me")).status == 401
    await (await taskflow.anybody()).sign_in("admin", "a new password")


def printed(code: str, answer: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], input=answer, capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def run(database_url: str, statements: str) -> list[Any]:
    """What the last of the statements finds."""
    with psycopg.connect(database_url) as connection:
        for statement in statements.strip().split(";\n"):
            cursor = connection.execute(statement.strip(" ;\n").encode())
        return cursor.fetchall() if cursor.description else []


async def test_a_request_is_found_by_its_id(taskflow: Taskflow) -> None:
    answer = await taskflow.admin.post(
        "/api/projects", {"name": "Found"}, headers={"X-Request-Id": "req_find_me"}
    )
    assert answer.status == 201
    query = re.findall(r"```sql\n(select position.*?)```", TEXT, re.DOTALL)[0].replace("req_…", "req_find_me")
    rows = await asyncio.to_thread(run, taskflow.core.settings.database_url, query)
    assert [(row[2], row[3]) for row in rows] == [("project-1", "project.created")]
