"""What developers run: the tests and the checks, with the tools that this Python has."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Final, NoReturn

from api import vulnerabilities
from api.exits import CannotRun
from api.processes import ROOT, own_python
from api.terminal import complain, say

CHECKS: Final = (
    ("linter", ("-m", "ruff", "check", ".")),
    ("formatter", ("-m", "ruff", "format", "--check", ".")),
    ("types", ("-m", "mypy")),
    ("layers", ("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")),
)

COMPARED_WITH: Final = ("flask", "gunicorn", "sqlalchemy")


def test(arguments: Sequence[str]) -> NoReturn:
    """Become pytest on this checkout.

    As a child it would be killed soon after Ctrl-C, before it has stopped what its tests started.
    """
    os.chdir(ROOT)
    _become("-m", "pytest", *arguments)


def faults(arguments: Sequence[str]) -> NoReturn:
    """Become the fault lab, for the same reason. Raises CannotRun where it is missing."""
    _become_tests("faults", "the fault lab", arguments)


def fuzz(arguments: Sequence[str]) -> NoReturn:
    """Become the fuzzer of everything that reads what others write. Raises CannotRun where it is missing."""
    _become_tests("fuzz", "the fuzzer", arguments)


def bench(arguments: Sequence[str]) -> NoReturn:
    """Become the benchmarks, for the same reason. Raises CannotRun where they or packages are missing."""
    if not (ROOT / "benchmarks").is_dir():
        raise CannotRun("the benchmarks are in the checkout of the source only: run ./taskledger bench there")
    missing = [name for name in COMPARED_WITH if not find_spec(name)]
    if missing:
        raise CannotRun(
            f"the benchmarks need packages that are not installed ({', '.join(missing)}):"
            " run ./taskledger bench, which installs them, or pip install -r requirements/dev.txt"
        )
    _become("-m", "benchmarks", *arguments)


def check() -> int:
    """Run every check, also when an earlier one fails; 1 when any did."""
    failed = []
    for name, arguments in CHECKS:
        say(f"{name}: {' '.join(arguments[1:] if arguments[0] == '-m' else ('lint-imports',))}")
        if _python(*arguments):
            failed.append(name)
    say("vulnerabilities: pip-audit")
    if vulnerabilities.audit():
        failed.append("vulnerabilities")
    if failed:
        complain(f"these checks failed: {', '.join(failed)}")
    return 1 if failed else 0


def _become_tests(name: str, what: str, arguments: Sequence[str]) -> NoReturn:
    if not (ROOT / "tests" / name).is_dir():
        raise CannotRun(f"{what} is in the checkout of the source only: run ./taskledger test {name} there")
    os.chdir(ROOT)
    _become("-m", f"tests.{name}", *arguments)


def _become(*arguments: str) -> NoReturn:
    command, environment = own_python(*arguments)
    os.execve(sys.executable, command, environment)


def _python(*arguments: str) -> int:
    command, environment = own_python(*arguments)
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
