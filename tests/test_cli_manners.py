"""What holds for the command line as a whole: its version, completion, colours and exit codes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Final

import pytest

from api import exits
from api.exits import ExitCode
from api.version import version
from tests.running import ROOT

LARGE: Final = ("typer", "aiohttp", "psycopg", "redis", "pydantic", "rich", "eventsourcing", "asyncio")

VERSION: Final = """\
import sys
from api.cli import main
sys.argv = ["taskledger", "--version"]
try:
    main()
except SystemExit as ended:
    assert ended.code == 0
print(*sorted(name for name in sys.modules if "." not in name))
"""


def told(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def completed(words: str, **environment: str) -> list[str]:
    """What bash is offered after these words; the last one is being written."""
    count = str(len(words.split(" ")) - 1)
    found = told(
        "-m",
        "api.cli",
        _TASKLEDGER_COMPLETE="complete_bash",
        COMP_WORDS=words,
        COMP_CWORD=count,
        **environment,
    )
    assert found.returncode == 0, found.stderr
    assert found.stderr == ""
    return found.stdout.split()


def test_the_version_is_told_before_anything_large_is_imported() -> None:
    found = told("-c", VERSION)
    said, modules = found.stdout.splitlines()
    assert said == f"taskledger {version()}"
    assert not set(LARGE) & set(modules.split())


def test_the_shell_completes_commands_types_of_events_and_reports() -> None:
    assert "set-password" in completed("taskledger users ")
    assert completed("taskledger events list --type task.cr") == ["task.created"]
    assert "task.*" in completed("taskledger events tail --type task")
    assert completed("taskledger reports rebuild budget") == ["budget-analysis"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_for_the_program_by_its_own_name(shell: str) -> None:
    found = told("-m", "api.cli", _TASKLEDGER_COMPLETE=f"source_{shell}")
    assert found.returncode == 0, found.stderr
    assert "_TASKLEDGER_COMPLETE" in found.stdout
    assert re.search(r"\btaskledger\b", found.stdout)


def test_a_wrong_word_is_wrong_usage_in_plain_text() -> None:
    found = told("-m", "api.cli", "nonsense", NO_COLOR="1", FORCE_COLOR="")
    assert found.returncode == ExitCode.USAGE
    assert found.stdout == ""
    assert "nonsense" in found.stderr
    assert "\x1b" not in found.stderr


def test_exit_codes_are_documented_as_they_are() -> None:
    def rows(text: str) -> list[str]:
        return re.findall(r"^\| \d+ \|.*\|$", text, re.MULTILINE)

    documented = (ROOT / "docs" / "operating.md").read_text().split("### Exit codes")[1].split("##")[0]
    assert rows(documented) == rows(exits.__doc__ or "")
    assert [int(row.split("|")[1]) for row in rows(documented)] == [*map(int, ExitCode)]
