"""What is broken, and how: every schedule of faults."""

from __future__ import annotations

from typing import Final

from tests.faults.nemesis import (
    clocks,
    crowds,
    freezes,
    locks,
    network,
    postgres,
    processes,
    storage,
    traffic,
    valkey,
)
from tests.faults.schedules import Schedule

SCHEDULES: Final[dict[str, Schedule]] = {
    schedule.name: schedule
    for module in (traffic, crowds, processes, postgres, valkey, network, freezes, locks, storage, clocks)
    for schedule in module.SCHEDULES
}
"""All of them by name, the one without any fault first."""
