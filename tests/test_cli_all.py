"""What holds for all commands: golden output, documents, harmless text, no ledger made by mistake."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import typer

from api.cli import output
from api.cli.app import app
from api.cli.options import Form
from api.exits import ExitCode
from api.terminal import complain
from events.migrate import files
from tests.golden.cli import COMMANDS, FOLDER, must_be_golden
from tests.http import MASTER_KEY
from tests.running import ROOT

WITHOUT_OUTPUT: Final = frozenset({"up", "serve", "project", "test", "check", "bench"})
"""These run until they are stopped, or hand on what other programs print."""

WITHOUT_JSON: Final = WITHOUT_OUTPUT | {"reports rebuild"}
"""A report's form is that of its file: `--format json`."""

HOSTILE: Final = "\x1b]0;mine\x07\x9b31m\u202egnp\u2028\u2066\x7f"
READABLE: Final = "Größe 北京 مرحبا שלום Ωμέγα ไทย"

TOOLS: Final = (
    ("audit", "history", "project", "1"),
    ("audit", "replay", "--out", "replay"),
    ("dead-letters", "list"),
    ("events", "export", "target", "--reason", "x"),
    ("events", "list"),
    ("events", "tail", "-f"),
    ("projections", "pause", "--reason", "x"),
    ("reports", "rebuild", "projects", "--out", "-"),
    ("users", "list-admins"),
)


def leaves(of: Any = None, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every command that can be given, with its options."""
    group: Any = of or typer.main.get_command(app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from leaves(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


def told(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "api.cli", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"} | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_each_command_has_golden_output_which_some_test_compares() -> None:
    names = {name for name, _ in leaves()}
    assert names >= WITHOUT_OUTPUT
    assert set(COMMANDS.values()) == names - WITHOUT_OUTPUT
    assert {path.stem for path in FOLDER.iterdir()} == set(COMMANDS)
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py"))
    assert set(re.findall(r'golden\(\s*"(\w+)",', tests)) == set(COMMANDS)


def test_each_command_that_prints_something_prints_json() -> None:
    with_json = {name for name, each in leaves() if "--json" in {o for p in each.params for o in p.opts}}
    assert with_json == {name for name, _ in leaves()} - WITHOUT_JSON


def test_each_command_is_documented() -> None:
    operating = (ROOT / "docs" / "operating.md").read_text()
    assert sorted(documented(operating)) == sorted(name for name, _ in leaves())


def documented(text: str) -> Iterator[str]:
    """The commands of the table, in which a row has a whole group: `taskledger users list`, `show`."""
    for cell in re.findall(r"^\| (`taskledger [^|]*)", text, re.MULTILINE):
        first, *others = re.findall(r"`([^`]+)`", cell)
        _, *words = first.split()
        yield " ".join(words)
        yield from (f"{words[0]} {other}" for other in others)


def test_migrate_says_what_it_applied(empty_database_url: str, redis_url: str, tmp_path: Path) -> None:
    where = named(empty_database_url, redis_url)
    first = told(tmp_path, "migrate", "--json", **where)
    assert (first.returncode, first.stderr) == (0, "")
    assert json.loads(first.stdout) == {"applied": [path.name for path in files()]}
    again = told(tmp_path, "migrate", "--json", **where)
    must_be_golden("migrate", again.stdout)
    assert told(tmp_path, "migrate", **where).stdout == "the database is up to date\n"


def test_sample_data_says_what_it_made(database_url: str, redis_url: str, tmp_path: Path) -> None:
    small = ("--projects", "2", "--tasks", "9", "--users", "4", "--until", "2025-06-30", "--json")
    made = told(tmp_path, "sample-data", *small, **named(database_url, redis_url))
    assert (made.returncode, made.stderr) == (0, "")
    must_be_golden("sample_data", made.stdout, ("seconds", "events_per_second"))


def named(database_url: str, redis_url: str) -> Mapping[str, str]:
    keys = {"TASKLEDGER_MASTER_KEY": MASTER_KEY.hex(), "TASKLEDGER_JWT_SECRET": "00" * 32}
    return {"DATABASE_URL": database_url, "REDIS_URL": redis_url} | keys


@pytest.mark.parametrize("arguments", TOOLS, ids=" ".join)
def test_a_tool_makes_no_ledger_where_there_is_none(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    data = str(tmp_path / "mistyped")
    answer = told(tmp_path, *arguments, "--data", data, DATABASE_URL="", REDIS_URL="")
    assert (answer.returncode, answer.stdout) == (ExitCode.NOT_FOUND, "")
    assert f"there is no ledger in {data}" in answer.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", Form)
def test_what_is_printed_steers_no_terminal(form: Form, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"name": HOSTILE, "title": READABLE}
    output.print_rows([row], tuple(row), form)
    output.print_fields(row, form)
    printed = capsys.readouterr().out
    assert [each for each in printed if not each.isprintable() and each != "\n"] == []
    assert READABLE in printed
    if form is Form.NDJSON:
        assert [json.loads(line) for line in printed.splitlines()] == [row, row]
    if form is Form.JSON:
        assert json.JSONDecoder().raw_decode(printed)[0] == {"items": [row]}


def test_what_is_told_steers_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    said = list[str]()
    for console in ("api.cli.output._err", "api.terminal._err"):
        monkeypatch.setattr(f"{console}.print", lambda line, **_: said.append(line))
    output.tell(f"Folding is paused: {HOSTILE} {READABLE}")
    complain(f"{HOSTILE} is no file\nand that is all")
    assert [each for line in said for each in line if not each.isprintable()] == ["\n"]
    assert READABLE in said[0]
