"""Parts that stand still and keep their connections: what a machine does that swaps, or a disk that hangs."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import psutil

from tests.faults.schedules import Schedule

if TYPE_CHECKING:
    from tests.faults.laboratory import Lab
    from tests.faults.parts import Part

SHORT_S: Final = (1.0, 4.0)
BEYOND_LEASE_S: Final = 7.0
"""Longer than a projector's lease: its spare works when it wakes, and what it then writes is refused."""

POSTGRES_S: Final = (2.0, 8.0)
VALKEY_S: Final = (1.0, 6.0)
BACKENDS: Final = 3


async def freeze_servers(lab: Lab) -> None:
    """One server after the other stands still, with requests under way."""
    for server in lab.chance.sample(lab.servers, len(lab.servers)):
        await _freeze(lab, server, lab.chance.uniform(*SHORT_S))


async def freeze_projectors(lab: Lab) -> None:
    """One projector after the other sleeps through its lease, the one that works among them."""
    for projector in lab.chance.sample(lab.projectors, len(lab.projectors)):
        await _freeze(lab, projector, BEYOND_LEASE_S)


async def _freeze(lab: Lab, part: Part, seconds: float) -> None:
    lab.note(f"{part.name} stands still for {seconds:.1f} s")
    await part.suspend()
    await asyncio.sleep(seconds)
    await part.resume()
    await asyncio.sleep(0.5)


async def freeze_postgres(lab: Lab) -> None:
    """Every process of PostgreSQL stands still: connections are there, answers are not."""
    seconds = lab.chance.uniform(*POSTGRES_S)
    lab.note(f"PostgreSQL stands still for {seconds:.1f} s")
    lab.postgres.suspend()
    await asyncio.sleep(seconds)
    lab.postgres.resume()


async def freeze_backends(lab: Lab) -> None:
    """Single connections' processes in PostgreSQL stand still, whatever locks they hold."""
    for _ in range(BACKENDS):
        backends = lab.postgres.backends()
        assert backends, "no process serves a client"
        seconds = lab.chance.uniform(*SHORT_S)
        lab.note(f"one of {len(backends)} processes of PostgreSQL stands still for {seconds:.1f} s")
        await _frozen(lab.chance.choice(backends), seconds)
        await asyncio.sleep(0.3)


async def _frozen(process: psutil.Process, seconds: float) -> None:
    """Woken again in any case: one that stays so would keep PostgreSQL from ever stopping."""
    with suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            process.send_signal(signal.SIGCONT)


async def freeze_valkey(lab: Lab) -> None:
    seconds = lab.chance.uniform(*VALKEY_S)
    lab.note(f"Valkey stands still for {seconds:.1f} s")
    lab.valkey.suspend()
    await asyncio.sleep(seconds)
    lab.valkey.resume()
    await asyncio.sleep(0.5)


SCHEDULES: Final = (
    Schedule("servers-frozen", "servers stand still for 1 to 4 s", freeze_servers, 9),
    Schedule("projectors-frozen", "projectors sleep through their lease", freeze_projectors, 15),
    Schedule("postgres-frozen", "PostgreSQL stands still for 2 to 8 s", freeze_postgres, 8),
    Schedule("backends-frozen", "single processes of PostgreSQL stand still", freeze_backends, 13),
    Schedule("valkey-frozen", "Valkey stands still for 1 to 6 s", freeze_valkey, 7),
)
