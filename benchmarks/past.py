"""How long a request about the past waits for its moment: with another moment near it, and with none.

It is built as a server builds it for a GET with `as_of_position`: by the same code, in its own process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Final

from api.app import opened
from api.core import Core
from api.logs import logging_to
from api.moments_builder import UNREAD_DEADLINES
from api.settings import Settings
from benchmarks.figures import Bench, Figure, Row, Servers, Target
from benchmarks.made_history import MASTER_KEY
from events.positions import place_of
from readmodels.model import Query

EVENTS, EVENTS_QUICK = 1_000_000, 40_000
REPEATS, REPEATS_QUICK = 2, 1
USER_ID: Final = 1
WAIT_S: Final = 120.0
BEFORE_END: Final = 0.9
"""Where in the log the first moment is, so that nearly all of it has to be folded."""
STEP: Final = 1_000
"""How many events later the next moment is, which finds the one before it near."""
DEADLINE_S: Final = 0.5
"""How long requests may take here, so that soon nobody can be reading the first moment any more."""


async def measure(bench: Bench) -> Sequence[Row]:
    if bench.is_quick:
        return await asked(bench, EVENTS_QUICK, REPEATS_QUICK, STEP)
    return await asked(bench, EVENTS, REPEATS, STEP)


async def asked(bench: Bench, events: int, repeats: int, step: int) -> Sequence[Row]:
    far, near, again = list[float](), list[float](), list[float]()
    for _ in range(repeats):
        async with core_on(await bench.with_log(events)) as core:
            first = int(BEFORE_END * events)
            far.append(await answered_s(core, first))
            await asyncio.sleep(2 * UNREAD_DEADLINES * DEADLINE_S)
            near.append(await answered_s(core, first + step))
            again.append(await answered_s(core, first + step))
    what, near_what = f"as_of in a log of {events:,} events", f"one {step:,} events before that nobody reads"
    return [
        Row(f"{what}, no moment near", "s", far, target=Target(10.0, is_at_least=False)),
        Row(f"{what}, {near_what}", "s", near, target=Target(0.5, is_at_least=False)),
        Row(f"{what}, asked again", "s", again, target=Target(0.5, is_at_least=False)),
    ]


async def answered_s(core: Core, position: int) -> float:
    """Seconds until a page of the past is there. Raises RuntimeError when it is of another moment."""
    started = perf_counter()
    place = await place_of(core.connections, position)
    model = await core.moments.model(place, USER_ID)
    page = await model.page(Query("project"))
    if page.position != position or not page.documents:
        raise RuntimeError(f"asked for position {position}, a page of {page.position} was answered")
    return perf_counter() - started


@asynccontextmanager
async def core_on(servers: Servers) -> AsyncIterator[Core]:
    """What a server has at hand for its requests."""
    settings = Settings(
        database_url=servers.database_url,
        redis_url=servers.redis_url,
        master_key=MASTER_KEY,
        jwt_secret=bytes(32),
        moment_wait_s=WAIT_S,
        request_deadline_s=DEADLINE_S,
        log_level="warning",
    )
    # That a moment was built is nothing that a table of figures should say.
    with logging_to("json", settings.log_level):
        async with opened(settings) as core:
            yield core


FIGURE: Final = Figure("as_of", "The past", measure)
