"""The house in order: layers, locked requirements, what stands in the tree, documents that keep up."""

from __future__ import annotations

import ast
import dataclasses
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import indent
from typing import Any, Final

import pytest
import yaml

from api.cli.app import app
from api.environ import KNOWN
from api.settings import Settings, variable

ROOT = Path(__file__).parent.parent
PACKAGES = ("events", "commands", "projections", "readmodels", "api")
PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+)", re.MULTILINE)


def test_the_layers_hold() -> None:
    assert layers(ROOT) == ""


@pytest.mark.parametrize(
    ("module", "line", "rule"),
    [
        ("commands/tasks.py", "import asyncio", "Deciders are pure"),
        ("projections/tasks.py", "import redis", "Folds and documents are pure"),
        ("events/tasks.py", "import commands.tasks", "api over commands"),
        ("commands/tasks.py", "import projections.tasks", "api over commands"),
        ("readmodels/tasks.py", "import events.tasks", "api over commands"),
        ("api/limits/quotas.py", "import api.taskflow.envelope", "What every dialect uses"),
        ("api/limits/quotas.py", "import api.taskforge.envelope", "What every dialect uses"),
        ("api/taskflow/envelope.py", "import api.taskforge.envelope", "The dialects do not know each other"),
        ("api/taskforge/envelope.py", "import api.taskflow.envelope", "The dialects do not know each other"),
        ("api/calls.py", "import api.taskflow.envelope", "The dialects do not know each other"),
    ],
)
def test_a_broken_layer_is_noticed(tmp_path: Path, module: str, line: str, rule: str) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / module).open("a") as file:
        file.write(f"\n{line}\n")
    said = layers(tmp_path)
    assert f"{rule}" in said
    assert "BROKEN" in said


RUN_MAX: Final = 5
"""Lines in a row that both dialects may have; more of them belong into what both use."""


def test_the_dialects_have_no_logic_in_common() -> None:
    taskflow, taskforge = (runs(ROOT / "api" / name) for name in ("taskflow", "taskforge"))
    shared = {run: (taskflow[run], taskforge[run]) for run in taskflow.keys() & taskforge.keys()}
    assert not shared, "\n\n".join(f"{where}\n" + "\n".join(run) for run, where in shared.items())


COPIED: Final = '''
def first(call):
    """What it does."""
    number = call.number("id")  # where it comes from
    if number < 1:
        raise ValueError(number)

    for each in range(number):
        call.note(each)
    return number
'''


def test_a_copy_is_noticed_however_it_is_dressed(tmp_path: Path) -> None:
    for name, text in (
        ("here", COPIED),
        (
            "there",
            "import os\n\nclass A:\n" + indent(COPIED.replace("What it does", "Another word"), " " * 4),
        ),
        ("elsewhere", COPIED.replace("each", "every")),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "module.py").write_text(text)
    here, there, elsewhere = (runs(tmp_path / name) for name in ("here", "there", "elsewhere"))
    assert len(here.keys() & there.keys()) == 2
    assert not here.keys() & elsewhere.keys()


@pytest.mark.parametrize("group", ["run", "dev"])
def test_every_requirement_is_locked_with_hashes_and_no_address(group: str) -> None:
    text = lock(group)
    assert "://" not in text
    assert "--find-links" not in text
    for entry in re.split(r"\n(?=[a-z0-9])", text)[1:]:
        assert "--hash=sha256:" in entry, entry
    wanted = re.findall(
        r"^[a-z][a-z0-9-]*", (ROOT / "requirements" / f"{group}.in").read_text(), re.MULTILINE
    )
    assert set(wanted) <= pins(group).keys()


def test_the_tests_run_on_what_production_runs_on() -> None:
    assert pins("run").items() <= pins("dev").items()


def test_every_module_says_in_one_sentence_what_it_is() -> None:
    for path in modules():
        said = ast.get_docstring(ast.parse(path.read_text()))
        assert said, path
        assert said.partition("\n\n")[0].endswith((".", ":")), path


def test_settings_are_documented_and_nothing_else_is() -> None:
    text = (ROOT / "docs" / "operating.md").read_text()
    fields = {variable(field.name) for field in dataclasses.fields(Settings)}
    elsewhere = {"TASKLEDGER_ADMIN_PASSWORD", "TASKLEDGER_PYTHON", "TASKLEDGER_DEBUG"}
    documented = set(re.findall(r"^\| `([A-Z_]+)`", text, re.MULTILINE))
    assert documented == fields | elsewhere


def test_defaults_in_the_documents_are_the_real_ones() -> None:
    text = (ROOT / "docs" / "operating.md").read_text()
    for field in dataclasses.fields(Settings):
        if field.default in (dataclasses.MISSING, "", ()):
            continue
        row = re.search(rf"^\| `{variable(field.name)}` \| ([^|]*) \|", text, re.MULTILINE)
        assert row, field.name
        assert row[1].strip().replace(",", "") == str(field.default).replace(",", ""), field.name


def test_every_command_is_documented() -> None:
    text = (ROOT / "docs" / "operating.md").read_text()
    for command in app.registered_commands:
        assert command.callback
        assert f"`taskledger {command.name or command.callback.__name__}" in text


def test_compose_runs_every_part_and_invents_no_secret() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    compose: dict[str, Any] = yaml.safe_load(text)
    assert compose["services"].keys() == {"postgres", "valkey", "migrate", "serve", "project"}
    commands = {name: service.get("command", [""])[0] for name, service in compose["services"].items()}
    assert {commands[name] for name in ("migrate", "serve", "project")} == {"migrate", "serve", "project"}
    for name in ("postgres", "valkey", "serve"):
        assert compose["services"][name]["healthcheck"]["test"]
    ours = ("TASKLEDGER_MASTER_KEY", "TASKLEDGER_JWT_SECRET", "TASKLEDGER_ADMIN_PASSWORD")
    for secret in ("POSTGRES_PASSWORD", *ours):
        assert re.findall(rf"\$\{{{secret}[^?]*\}}", text) == [], (
            "a secret without a value must stop the start"
        )
        assert f"${{{secret}:?" in text
    assert set(re.findall(r"^ +(TASKLEDGER_[A-Z_]+):", text, re.MULTILINE)) <= KNOWN


def test_compose_passes_rate_limits_on_and_unset_means_the_default() -> None:
    compose: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    for part in ("migrate", "serve", "project"):
        passed = compose["services"][part].get("environment", compose["x-taskledger"]["environment"])
        assert passed["TASKLEDGER_RATE_LIMITS"] == "${TASKLEDGER_RATE_LIMITS:-}", part
    needed: dict[str, Any] = {"database_url": "postgresql:///x", "redis_url": "", "master_key": bytes(32)}
    needed["jwt_secret"] = bytes(32)
    unset = Settings.from_environment({"TASKLEDGER_RATE_LIMITS": ""}, **needed)
    assert unset.rate_limits == Settings(**needed).rate_limits


def test_what_runs_needs_nothing_that_only_tests_have() -> None:
    """Every module of ours is imported while what `dev.txt` adds cannot be."""
    added = sorted(imported_as(name) for name in pins("dev").keys() - pins("run").keys())
    assert "psycopg_pool" in added
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in packed()]
    code = (
        "import importlib, sys; added, names = (each.split(',') for each in sys.argv[1:]);"
        " sys.modules.update(dict.fromkeys(added)); [importlib.import_module(name) for name in names]"
    )
    command = [sys.executable, "-c", code, ",".join(added), ",".join(names)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr


def imported_as(requirement: str) -> str:
    return requirement.replace("-", "_")


def packed() -> list[Path]:
    """The modules of the packages that the image has."""
    return [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]


def test_the_image_has_every_package() -> None:
    text = (ROOT / "Dockerfile").read_text()
    for package in PACKAGES:
        assert f"COPY {package}/ {package}/" in text


def test_what_is_not_code_is_packed_with_the_code() -> None:
    """SQL, Lua and pages are read at run time: pyproject.toml has to name every kind of them."""
    packed = (ROOT / "pyproject.toml").read_text()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and path.suffix not in (".py", ".pyc"):
                assert f'"**/*{path.suffix}"' in packed or f'"{path.name}"' in packed, path


def runs(package: Path) -> dict[tuple[str, ...], str]:
    """All that is longer than RUN_MAX lines in a row, one line longer, and where it stands."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        lines = logic(path.read_text())
        for start in range(len(lines) - RUN_MAX):
            found[tuple(lines[start : start + RUN_MAX + 1])] = f"{package.name}/{path.name}"
    return found


def logic(text: str) -> list[str]:
    """The lines of a module that do something, without the space around them.

    Imports name what is shared, and fields without a value are the shape of an answer; neither is
    logic. Nor are docstrings, comments, and lines that only close brackets.
    """
    silent: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_shape = isinstance(node, ast.AnnAssign) and node.value is None
        if isinstance(node, ast.stmt) and (
            is_text or is_shape or isinstance(node, ast.Import | ast.ImportFrom)
        ):
            silent.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = [re.sub(r"(^|\s+)#.*", "", line).strip() for line in text.splitlines()]
    return [line for number, line in enumerate(lines, 1) if number not in silent and re.search(r"\w", line)]


def layers(folder: Path) -> str:
    """What import-linter has to say against the packages in a folder; nothing when all is well."""
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    environment = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    return done.stdout + done.stderr if done.returncode else ""


def lock(group: str) -> str:
    return (ROOT / "requirements" / f"{group}.txt").read_text()


def pins(group: str) -> dict[str, str]:
    return dict(PIN.findall(lock(group)))


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
