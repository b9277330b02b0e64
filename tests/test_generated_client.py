"""A client that is generated from the OpenAPI document signs in, creates a project and reads it back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.http import Taskflow

DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "api" / "openapi.json"
SCRIPT: Final = Path(__file__).parent / "clients" / "generated.py"
PACKAGE: Final = "taskflow_client"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the generated package lies; nothing of it is formatted or fetched."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "config.yml").write_text("post_hooks: []\n")
    said = run(
        folder,
        *(str(Path(sys.executable).parent / "openapi-python-client"), "generate"),
        *("--path", str(DOCUMENT), "--config", "config.yml"),
        *("--meta", "none", "--output-path", PACKAGE, "--fail-on-warning"),
    )
    assert "Warning" not in said
    return folder


async def test_it_signs_in_and_creates_a_project(folder: Path, taskflow: Taskflow) -> None:
    said = await asyncio.to_thread(run, folder, sys.executable, str(SCRIPT), taskflow.url)
    assert said.splitlines() == [
        "signed in as admin of Management",
        "created project 1 with a budget of 25000.5",
        "listed ['Made by a generated client'] of 1",
        "refused: Name is required",
    ]


def test_every_operation_is_in_it(folder: Path) -> None:
    """Where a generator does not understand an operation it leaves it out."""
    from tests.test_openapi import operations

    made = {path.stem for path in (folder / PACKAGE / "api").glob("*/*.py")} - {"__init__"}
    assert {name.replace("_", "") for name in made} == {
        operation["operationId"].lower() for *_, operation in operations()
    }


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
