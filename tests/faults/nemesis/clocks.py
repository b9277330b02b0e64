"""Clocks of servers and projectors that jump: by an hour, by a day, forwards and backwards."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from tests.faults.moved_clock import clock_file, set_wrong
from tests.faults.schedules import Schedule, Setup

if TYPE_CHECKING:
    from tests.faults.laboratory import Lab

HOUR_S: Final = 3600.0
DAY_S: Final = 86_400.0
JUMPS_S: Final = (-DAY_S, -HOUR_S, -90.0, 90.0, HOUR_S, DAY_S)
JUMPS: Final = 8
TOKENS_S: Final = 4 * DAY_S
"""Access tokens are judged by the clock of whoever reads them: here they outlive every jump."""


async def jump(lab: Lab) -> None:
    """Again and again, the clock of one part is right in one moment and wrong in the next; no two agree."""
    for _ in range(JUMPS):
        part = lab.chance.choice(lab.parts)
        seconds = lab.chance.choice(JUMPS_S)
        lab.note(f"the clock of {part.name} is wrong by {seconds:+,.0f} s")
        set_wrong(clock_file(lab.folder, part.name), seconds)
        await asyncio.sleep(lab.chance.uniform(0.5, 1.5))


SCHEDULES: Final = (
    Schedule(
        "clocks-jump",
        "clocks of servers and projectors jump by up to a day, back and forth",
        jump,
        9,
        setup=Setup(has_fake_clock=True, environment={"TASKLEDGER_JWT_ACCESS_S": f"{TOKENS_S:.0f}"}),
    ),
)
