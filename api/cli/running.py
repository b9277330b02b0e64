"""Running a tool on a ledger, whether its servers run or have to be started for as long as it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from api import preflight
from api.environ import environ
from api.exits import CannotRun, InConflict, NotThere, WrongUsage
from api.logs import logging_to
from api.opening import ledger_at, opened
from api.operators.instruments import Instruments, instruments
from api.settings import Settings
from commands.errors import Invalid, NotFound, Refusal
from events.migrate import pending
from readmodels.model import NotReady

T = TypeVar("T")

LOG_LEVEL: Final = "warning"


def run(data: Path | None, work: Callable[[Instruments], Awaitable[T]], *, needs_redis: bool = True) -> T:
    """What `work` comes to on the ledger in `data` (None: beside the program, or as the environment says).

    What reads the log alone does not need Redis: one that the environment names may be away then.
    Raises CannotRun, with the exit code that fits: refusals of commands become one, too.
    """
    given = environ()
    asked = given if needs_redis else {"DATABASE_URL": given.get("DATABASE_URL", "")}
    preflight.named_servers(asked)
    with opened(ledger_at(data, given), given, preflight.environment("127.0.0.1", given)) as settings:
        missing = pending(settings.database_url)
        if missing:
            raise CannotRun("the database is not up to date: run `taskledger migrate` first")
        # Standard output is for data: what else has to be said goes to standard error, as everywhere.
        with logging_to(settings.log_format, LOG_LEVEL):
            return asyncio.run(_with_instruments(settings, work))


async def _with_instruments(settings: Settings, work: Callable[[Instruments], Awaitable[T]]) -> T:
    async with instruments(settings) as found:
        with refusals_told():
            return await work(found)


@contextmanager
def refusals_told() -> Iterator[None]:
    """Refusals of commands, and a read model that is not ready, as the command line tells them."""
    try:
        yield
    except Refusal as refusal:
        raise translated(refusal) from None
    except NotReady as error:
        raise CannotRun(str(error)) from None


def translated(refusal: Refusal) -> CannotRun:
    """A refusal as the command line tells it."""
    match refusal:
        case NotFound():
            return NotThere(str(refusal))
        case Invalid():
            said = "; ".join(message for messages in refusal.errors.values() for message in messages)
            is_taken = refusal.errors.keys() <= refusal.taken
            return InConflict(said) if is_taken else WrongUsage(said)
    return InConflict(str(refusal))
