"""A ledger that is broken on purpose: the checker finds out what is wrong with it, and nothing else.

Some breaks are tried here, in one lab; `./taskledger test faults --breaks` tries all, each in its own.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys

import pytest

from tests.faults.breaks import BREAKS, Break, failing, worked_in
from tests.faults.laboratory import Lab, laboratory
from tests.faults.mutants import MUTANTS
from tests.faults.mutants_crashes import POINTS
from tests.faults.parts import CRASH
from tests.running import ROOT
from tests.servers import short_folder

SEED = 1
TIMEOUT_S = 60
INVARIANTS = {f"I{number}" for number in range(1, 16)} - {"I13"}


def test_every_invariant_has_a_break_that_it_must_catch() -> None:
    assert set().union(*(broken.caught_by for broken in BREAKS.values())) == INVARIANTS
    assert {name for broken in BREAKS.values() for name in broken.mutants.values()} == set(MUTANTS)


@pytest.mark.timeout(400)
async def test_the_checker_catches_each_break_and_blames_nothing_else() -> None:
    quick = [broken for broken in BREAKS.values() if broken.is_quick]
    with short_folder() as folder:
        async with laboratory(folder, SEED) as lab:
            for broken in quick:
                await break_in(lab, broken)
                findings = await worked_in(lab, SEED, broken.inflict)
                assert failing(findings) == broken.caught_by, findings


async def break_in(lab: Lab, broken: Break) -> None:
    """Start every part anew, with its break or without one; the read model that the last one left is gone."""
    for part in lab.parts:
        await part.kill()
        part.mutant = broken.mutants.get(part.name)
    await lab.valkey.flush()
    await asyncio.gather(*(part.start() for part in lab.parts))
    await lab.until_ready()


PASSING = """
import asyncio, os
from tests.faults.mutants_crashes import POINTS, crashing_at

async def nothing(*_):
    os.write(1, b"passed ")

async def pass_by(owner, method):
    for _ in range(5):
        await getattr(owner, method)(None)

for name, (owner, method, _) in POINTS.items():
    if os.fork() == 0:
        setattr(owner, method, nothing)
        crashing_at(f"{name}:3")
        asyncio.run(pass_by(owner, method))
        os._exit(0)
    print(name, os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""
"""A process for each point, which passes it five times and does nothing else."""


def test_a_process_dies_the_third_time_that_it_passes_its_point() -> None:
    told = run("-c", PASSING).stdout.splitlines()
    expected = [
        f"{'passed ' * (2 if point.is_before else 3)}{name} {-signal.SIGKILL}"
        for name, point in POINTS.items()
    ]
    assert told == expected


def test_breaks_find_what_they_break() -> None:
    """What each replaces is still there under its name."""
    names = [*MUTANTS, *(f"{CRASH}{point}" for point in POINTS)]
    ended = run("-c", f"from tests.faults.mutants import patch; [patch(name) for name in {names}]")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_door_leads_to_the_program() -> None:
    ended = run("-m", "tests.faults.mutants", "lagging", "--", "--version")
    assert ended.stdout.startswith("taskledger ")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python of its own, in which something may be broken."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
