"""Working under a lease: waiting for it, keeping it meanwhile, giving it back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

from events.connections import Connections
from events.errors import Unavailable
from projections.generations import FINGERPRINT
from projections.lease import Lease

# Longer than a lease lasts whose holder has died.
LEASE_TIMEOUT_S: Final = 6.0
LEASE_INTERVAL_S: Final = 0.2

T = TypeVar("T")


class Held(Exception):
    """Another process works on this generation, or still has its lease."""


@asynccontextmanager
async def held(lease: Lease) -> AsyncIterator[None]:
    """A block in which a lease is ours; who goes on for long has to keep it. Raises Held."""
    try:
        async with asyncio.timeout(LEASE_TIMEOUT_S):
            while not await lease.acquire():  # noqa: ASYNC110 - the holder is elsewhere
                await asyncio.sleep(LEASE_INTERVAL_S)
    except TimeoutError:
        raise Held("another process is at work on it") from None
    try:
        yield
    finally:
        with suppress(Unavailable):
            await lease.release()


async def guarded(work: Coroutine[Any, Any, T], *guards: Coroutine[Any, Any, None]) -> T:
    """What `work` comes to, or what one of the guards raises before, which ends the work."""
    working = asyncio.create_task(work)
    watching = [asyncio.create_task(guard) for guard in guards]
    try:
        await asyncio.wait([working, *watching], return_when=asyncio.FIRST_COMPLETED)
        for each in watching:
            if each.done() and not working.done():
                each.result()
        return await working
    finally:
        for task in (working, *watching):
            task.cancel()
        await asyncio.gather(working, *watching, return_exceptions=True)


def turn_of(connections: Connections) -> Lease:
    """The lease of whoever works on rebuilds of this code: one at a time."""
    return Lease(connections, f"rebuild-{FINGERPRINT[:16]}")
