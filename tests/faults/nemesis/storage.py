"""A disk that is full: PostgreSQL can extend neither its tables nor its own log until there is room again."""

from __future__ import annotations

import asyncio
import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg

from tests.faults.schedules import Load, Schedule, Setup

if TYPE_CHECKING:
    from tests.faults.laboratory import Lab

FULL_FOR_S: Final = 5.0
PIECE: Final = b"\0" * (256 * 1024)
BALLAST: Final = "ballast"


async def fill(lab: Lab) -> None:
    """Twice, not a byte is free: tables cannot grow, then PostgreSQL's own log cannot, which kills it."""
    for uses_up_log in (False, True):
        file = lab.postgres.primary.folder / BALLAST
        lab.note(f"the disk of PostgreSQL is full{', and its own log used up' if uses_up_log else ''}")
        try:
            await _full_for(lab, file, uses_up_log=uses_up_log)
        finally:
            file.unlink(missing_ok=True)
        lab.note("there is room again")
        await lab.postgres.start()
        await asyncio.sleep(1)


async def _full_for(lab: Lab, file: Path, *, uses_up_log: bool) -> None:
    """What becomes free meanwhile is taken as well."""
    ends_at_s = lab.clock() + FULL_FOR_S
    while lab.clock() < ends_at_s:
        await asyncio.to_thread(_take_all, file)
        if uses_up_log:
            with suppress(psycopg.Error):
                await lab.postgres.ask("select pg_switch_wal()")
        await asyncio.sleep(0.1)


def _take_all(file: Path) -> None:
    with file.open("ab", buffering=0) as ballast:
        try:
            while os.write(ballast.fileno(), PIECE):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


SCHEDULES: Final = (
    Schedule(
        "disk-full",
        "no byte is free on the file system of PostgreSQL's data for 5 s, twice",
        fill,
        13,
        load=Load(writes_per_s=80),
        setup=Setup(has_small_disk=True),
    ),
)
