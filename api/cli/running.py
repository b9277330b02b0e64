"""Running a tool on a ledger, whether its servers run or have to be started for as long as it takes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from api import preflight
from api.exits import CannotRun, InConflict, NotThere, WrongUsage
from api.opening import folder_at, opened
from api.operators.instruments import Instruments, instruments
from api.settings import Settings
from commands.errors import Invalid, NotFound, Refusal
from events.migrate import pending

T = TypeVar("T")


def run(data: Path | None, work: Callable[[Instruments], Awaitable[T]]) -> T:
    """What `work` comes to on the ledger in `data` (None: beside the program, or as the environment says).

    Raises CannotRun, with the exit code that fits: refusals of commands become one, too.
    """
    preflight.named_servers(os.environ)
    with opened(folder_at(data), os.environ, preflight.environment("127.0.0.1", os.environ)) as settings:
        missing = pending(settings.database_url)
        if missing:
            raise CannotRun("the database is not up to date: run `taskledger migrate` first")
        return asyncio.run(_with_instruments(settings, work))


async def _with_instruments(settings: Settings, work: Callable[[Instruments], Awaitable[T]]) -> T:
    async with instruments(settings) as found:
        try:
            return await work(found)
        except Refusal as refusal:
            raise translated(refusal) from None


def translated(refusal: Refusal) -> CannotRun:
    """A refusal as the command line tells it."""
    match refusal:
        case NotFound():
            return NotThere(str(refusal))
        case Invalid():
            said = "; ".join(message for messages in refusal.errors.values() for message in messages)
            return WrongUsage(said)
    return InConflict(str(refusal))
