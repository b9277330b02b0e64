"""The three example clients of the API page run unchanged against `taskledger up`.

The files in tests/clients are the page's own lines; the Python one has its indentation back, which
the page lost. Where port 5000 is taken by somebody else, the port in them is replaced, nothing more.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running import Running, free_port, is_free, up

CLIENTS = Path(__file__).parent / "clients"
PAGE_PORT = 5000


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    port = PAGE_PORT if is_free(PAGE_PORT) else free_port()
    started = up(tmp_path_factory.mktemp("clients") / "data", port=port, environment={})
    try:
        yield started.wait_until_ready()
    finally:
        started.stop()


def test_the_curl_lines_log_in_list_projects_and_create_one(ledger: Running, tmp_path: Path) -> None:
    said = run(["sh", "-e", str(page("page.sh", ledger, tmp_path))], tmp_path)
    login, projects, created = answers(said)
    assert login["message"] == "Login successful"
    assert login["data"]["user"]["department"] == "Management"
    assert projects["status"] == "success"
    assert created["data"]["project"]["name"] == "API Test Project"


def test_the_python_script_prints_its_three_marks(ledger: Running, tmp_path: Path) -> None:
    said = run([sys.executable, str(page("page.py", ledger, tmp_path))], tmp_path)
    first, second, third = said.splitlines()
    assert first == "✅ Login successful"
    assert second.startswith("📋 Found ")
    assert third.startswith("✅ Project created with ID: ")


def test_the_browser_functions_log_in_list_projects_and_create_one(ledger: Running, tmp_path: Path) -> None:
    node = shutil.which("node")
    if not node:
        pytest.skip("there is no Node.js on this machine")
    script = page("page.js", ledger, tmp_path)
    said = run([node, str(CLIENTS / "browser.mjs"), ledger.url, str(script)], tmp_path)
    assert "✅ Login successful" in said
    assert "📋 Projects:" in said
    assert "✅ Project created:" in said
    assert "name: 'Frontend Revamp'" in said


def page(name: str, ledger: Running, folder: Path) -> Path:
    """The page's code in a folder of its own, where it may leave its cookies."""
    copy = folder / name
    text = (CLIENTS / name).read_text()
    copy.write_text(text.replace(f"localhost:{PAGE_PORT}", f"localhost:{ledger.port}"))
    return copy


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def answers(said: str) -> list[Any]:
    """The JSON objects that stand one after another in `said`."""
    decoder, found, place = json.JSONDecoder(), [], 0
    while place < len(said.rstrip()):
        value, place = decoder.raw_decode(said, place)
        found.append(value)
        while place < len(said) and said[place].isspace():
            place += 1
    return found
