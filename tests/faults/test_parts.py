"""A part of the lab as a process: who was made to end is not taken for one that ended by itself."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.faults.parts import Part

LIVES = ("timeit", "-n", "1", "-r", "1", "import time; time.sleep(60)")
DIES = ("tests.faults.no_such_program",)


def part(folder: Path, program: tuple[str, ...]) -> Part:
    made = Part("projector-1", "project", folder, {})
    made.program = program
    return made


async def test_who_is_killed_or_stopped_did_not_die_of_anything(tmp_path: Path) -> None:
    projector = part(tmp_path, LIVES)
    await projector.start()
    await projector.kill()
    await projector.start()
    await projector.stop()
    assert projector.take_deaths() == []


@pytest.mark.parametrize("again", ["start", "kill", "take_deaths"])
async def test_who_ended_by_itself_is_told_with_its_code_and_last_words(tmp_path: Path, again: str) -> None:
    projector = part(tmp_path, DIES)
    await projector.start()
    await projector.ended()
    if again != "take_deaths":
        await getattr(projector, again)()
    (death,) = projector.take_deaths()
    assert death.startswith("projector-1 ended with 1: ")
    assert "no_such_program" in death
    await projector.stop()


async def test_a_break_that_names_a_point_is_killed_there(tmp_path: Path) -> None:
    projector = part(tmp_path, LIVES)
    projector.mutant = "crash:before_fold"
    await projector.start()
    os.kill(projector.pid, signal.SIGKILL)
    await projector.ended()
    # What it is started with the next time changes nothing about how this one ended.
    projector.mutant = None
    await projector.start()
    assert projector.take_deaths() == []
    await projector.stop()


async def test_a_break_that_names_a_point_may_not_end_otherwise(tmp_path: Path) -> None:
    projector = part(tmp_path, LIVES)
    projector.mutant = "crash:before_fold"
    await projector.start()
    # There is no ledger for it.
    await projector.ended()
    assert len(projector.take_deaths()) == 1
