"""Servers and projectors that are killed: at random, and at named points of their work."""

from __future__ import annotations

import asyncio
from typing import Final

from tests.faults.laboratory import Lab
from tests.faults.parts import Part
from tests.faults.schedules import Schedule

POINTS: Final = ("before_append", "after_append_before_reply", "before_reply_kept", "after_reply_kept")
"""Where a server dies on its way from a request to its answer (see `mutants_crashes.py`)."""

FOLD_POINTS: Final = ("before_fold", "after_fold")
"""Where a projector dies: on either side of the script that writes a batch with its checkpoint."""

PASSES_MAX: Final = 8
CRASH_TIMEOUT_S: Final = 25.0
LOOK_INTERVAL_S: Final = 0.02


async def kill_servers(lab: Lab) -> None:
    for _ in range(4):
        await asyncio.sleep(lab.chance.uniform(0.3, 1.5))
        victim = lab.chance.choice(lab.servers)
        await _kill(lab, victim)
        await asyncio.sleep(lab.chance.uniform(0.0, 0.5))
        await victim.start()


async def kill_projectors(lab: Lab) -> None:
    """One at a time and both at once; who is started again at once is the spare of the other."""
    for turn in range(4):
        await asyncio.sleep(lab.chance.uniform(0.3, 1.5))
        victims = lab.projectors if turn == 3 else [lab.chance.choice(lab.projectors)]
        for victim in victims:
            await _kill(lab, victim)
        for victim in victims:
            await victim.start()


async def kill_all(lab: Lab) -> None:
    for _ in range(2):
        await asyncio.sleep(lab.chance.uniform(1.0, 3.0))
        for part in lab.parts:
            await _kill(lab, part)
        for part in lab.parts:
            await part.start()
        await lab.until_ready()


async def crash_servers(lab: Lab) -> None:
    for point in POINTS:
        part = lab.chance.choice(lab.servers)
        await _restart(part, _crash(lab, point))
        await _until_crashed(lab, part)
        await _restart(part, None)


async def crash_projectors(lab: Lab) -> None:
    """Both have the break, so whoever holds the lease dies at its point, and the spare after it."""
    for point in FOLD_POINTS:
        for part in lab.projectors:
            await _restart(part, _crash(lab, point))
        await asyncio.gather(*(_until_crashed(lab, part) for part in lab.projectors))
        for part in lab.projectors:
            await _restart(part, None)


def _crash(lab: Lab, point: str) -> str:
    """The mutant that dies at a point, not the first time that it comes there."""
    return f"crash:{point}:{lab.chance.randint(1, PASSES_MAX)}"


async def _restart(part: Part, mutant: str | None) -> None:
    if part.is_running:
        await part.kill()
    part.mutant = mutant
    await part.start()


async def _until_crashed(lab: Lab, part: Part) -> None:
    """Wait until clients' work has brought it to its point; a point that nobody reaches tests nothing."""
    async with asyncio.timeout(CRASH_TIMEOUT_S):
        while part.is_running:  # noqa: ASYNC110 - another process
            await asyncio.sleep(LOOK_INTERVAL_S)
    lab.note(f"{part.name} died: {part.mutant}")


async def _kill(lab: Lab, part: Part) -> None:
    lab.note(f"kill -9 {part.name}")
    if part.is_running:
        await part.kill()


SCHEDULES: Final = (
    Schedule("servers-killed", "kill -9 servers at random", kill_servers, seconds=8.0, is_short=True),
    Schedule("projectors-killed", "kill -9 the projector, its spare, and both", kill_projectors, seconds=8.0),
    Schedule("everything-killed", "kill -9 servers and projectors together", kill_all, seconds=14.0),
    Schedule(
        "servers-crash",
        "servers die before and after the append, before and after the reply is kept",
        crash_servers,
        seconds=20.0,
    ),
    Schedule("projectors-crash", "projectors die before and after the fold", crash_projectors, seconds=20.0),
)
