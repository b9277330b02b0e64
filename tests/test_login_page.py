"""The login page: where it goes on to, and that its policy lets its own script and nothing else run."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.http import Taskflow, taskflow_running

HARNESS: Final = Path(__file__).parent / "clients" / "login.mjs"
NODE: Final = shutil.which("node") or ""


async def page_of(taskflow: Taskflow) -> str:
    answer = await (await taskflow.anybody()).get("/login")
    assert answer.status == 200
    page = answer.raw.decode()
    policy = answer.headers["Content-Security-Policy"]
    for element in ("script", "style"):
        (content,) = re.findall(f"<{element}>(.*?)</{element}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    return page


def gone_on_to(page: str, url: str, folder: Path, search: str) -> str:
    """Where the page's own script goes after it has signed in, without the server's address."""
    file = folder / "login.html"
    file.write_text(page)
    done = subprocess.run(
        [NODE, str(HARNESS), str(file), url, search], capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip().removeprefix(url)


async def test_the_page_goes_on_to_the_documentation_where_there_is_one(taskflow: Taskflow) -> None:
    assert 'data-home="/api/docs"' in await page_of(taskflow)


async def test_in_production_it_goes_on_to_who_one_is(database_url: str, redis_url: str, logs: None) -> None:
    async with taskflow_running(database_url, redis_url, env="production") as taskflow:
        page = await page_of(taskflow)
        assert 'data-home="/api/auth/me"' in page
        assert "/api/docs" not in page


@pytest.mark.skipif(not NODE, reason="there is no Node.js on this machine")
@pytest.mark.parametrize(
    ("search", "address"),
    [
        ("", "/api/docs"),
        ("?next=", "/api/docs"),
        ("?next=/api/projects%3Fpage=2", "/api/projects?page=2"),
        ("?next=https://elsewhere.example/", "/api/docs"),
        ("?next=//elsewhere.example/", "/api/docs"),
        ("?next=/%5Celsewhere.example", "/api/docs"),
    ],
)
async def test_after_signing_in_it_goes_on_to_an_address_of_this_server(
    taskflow: Taskflow, tmp_path: Path, search: str, address: str
) -> None:
    page = await page_of(taskflow)
    assert await asyncio.to_thread(gone_on_to, page, taskflow.url, tmp_path, search) == address
