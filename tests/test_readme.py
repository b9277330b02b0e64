"""The README's command blocks do what the README says, run one after another as a newcomer would."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import ROOT, Running, running

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall((ROOT / "README.md").read_text())
CURL = [block for block in BLOCKS if "curl" in block]
PROGRAM = [block.strip() for block in BLOCKS if "curl" not in block]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A new ledger: the README's ids are those of a first session."""
    with running(tmp_path_factory.mktemp("readme") / "data", environment={}) as started:
        yield started


def test_every_block_is_one_that_is_tested_here() -> None:
    assert len(CURL) >= 3
    for block in PROGRAM:
        for line in block.splitlines():
            assert line.startswith("./taskledger "), line


@pytest.mark.timeout(300)
def test_the_programs_commands_exist() -> None:
    """`up` itself is started by the other test; here each command must be known and take its options."""
    for line in [line for block in PROGRAM for line in block.splitlines()]:
        words = shlex.split(line, comments=True)
        asked = ["--collect-only", "-q", "tests/test_house.py"] if words[1] == "test" else ["--help"]
        done = subprocess.run([*words[:2], *asked], cwd=ROOT, capture_output=True, text=True, timeout=280)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_first_session_works_from_top_to_bottom(ledger: Running, tmp_path: Path) -> None:
    ports = {"localhost:5000": ledger.port, "localhost:5001": ledger.forge_port}
    for block in CURL:
        for written, port in ports.items():
            block = block.replace(written, f"localhost:{port}")  # noqa: PLW2901
        done = subprocess.run(
            ["sh", "-e", "-c", block],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        for answer in answers(done.stdout):
            assert answer.get("status") == "success" or answer.get("success") is True, answer


def answers(said: str) -> Iterator[dict[str, object]]:
    """The JSON objects that stand one after another in what a block printed."""
    decoder, place = json.JSONDecoder(), said.find("{")
    assert place >= 0, said
    while place >= 0:
        found, end = decoder.raw_decode(said, place)
        yield found
        place = said.find("{", end)
