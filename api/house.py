"""What developers run: the tests and the checks, with the tools that this Python has."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from api.processes import ROOT, own_python
from api.terminal import complain, say

CHECKS: Final = (
    ("linter", ("-m", "ruff", "check", ".")),
    ("formatter", ("-m", "ruff", "format", "--check", ".")),
    ("types", ("-m", "mypy")),
    ("layers", ("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")),
)


def test(arguments: Sequence[str]) -> NoReturn:
    """Become pytest on this checkout.

    As a child it would be killed soon after Ctrl-C, before it has stopped what its tests started.
    """
    command, environment = own_python("-m", "pytest", *arguments)
    os.chdir(ROOT)
    os.execve(sys.executable, command, environment)


def check() -> int:
    """Run every check, also when an earlier one fails; 1 when any did."""
    failed = []
    for name, arguments in CHECKS:
        say(f"{name}: {' '.join(arguments[1:] if arguments[0] == '-m' else ('lint-imports',))}")
        if _python(*arguments):
            failed.append(name)
    if failed:
        complain(f"these checks failed: {', '.join(failed)}")
    return 1 if failed else 0


def _python(*arguments: str) -> int:
    command, environment = own_python(*arguments)
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
