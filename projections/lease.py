"""The lease: which runner may write a generation, by the clock of Postgres."""

from __future__ import annotations

import asyncio
import os
import socket
import time
import uuid
from typing import Final

from events.connections import Connections
from events.errors import Unavailable
from projections.queries import query, rows

ACQUIRE, RENEW, RELEASE, HELD = (
    query(name) for name in ("lease_acquire", "lease_renew", "lease_release", "lease_held")
)
LEASE_TTL_S: Final = 4.0
RENEW_INTERVAL_S: Final = 1.0
LOOK_INTERVAL_S: Final = 0.1


class LeaseLost(Exception):
    """Another runner may be writing by now."""


class Lease:
    """One runner's claim to the lease `name`; `epoch` rises with every holder, 0 means never held.

    A holder that is frozen does not notice that its time is over: whatever it writes must bear the
    epoch, so that it can be refused.
    """

    def __init__(
        self,
        connections: Connections,
        name: str,
        *,
        ttl_s: float = LEASE_TTL_S,
        renew_interval_s: float = RENEW_INTERVAL_S,
    ) -> None:
        self.name = name
        self.epoch = 0
        self._connections = connections
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._ttl_s = ttl_s
        self._renew_interval_s = renew_interval_s
        self._until = 0.0

    async def acquire(self, seen_epoch: int = 0) -> bool:
        """Take the lease when it is free; its epoch is above `seen_epoch` too. Raises Unavailable."""
        asked_at = time.monotonic()
        found = await rows(
            self._connections,
            ACQUIRE,
            name=self.name,
            owner=self._owner,
            ttl_s=self._ttl_s,
            seen_epoch=seen_epoch,
        )
        if found:
            self.epoch, self._until = found[0][0], asked_at + self._ttl_s
        return bool(found)

    async def is_held(self) -> bool:
        """Whether anybody holds it now, who may have died a moment ago. Raises Unavailable."""
        return await self._held_until() is not None

    async def is_kept(self) -> bool:
        """Whether somebody holds it who lives, which takes LEASE_TTL_S at most to see. Raises Unavailable."""
        first = now = await self._held_until()
        while now is not None and now == first:
            await asyncio.sleep(LOOK_INTERVAL_S)
            now = await self._held_until()
        return now is not None

    async def _held_until(self) -> str | None:
        found = await rows(self._connections, HELD, name=self.name)
        return str(found[0][0]) if found else None

    async def keep(self) -> None:
        """Renew until cancelled. Raises LeaseLost as soon as another runner may hold it."""
        while True:
            await asyncio.sleep(self._renew_interval_s)
            left_s = self._until - time.monotonic()
            try:
                async with asyncio.timeout(max(left_s, 0)):
                    await self._renew()
            except TimeoutError as error:
                raise LeaseLost("the lease ran out before it could be renewed") from error

    async def release(self) -> None:
        """Let the next one in without waiting. Raises Unavailable."""
        await rows(self._connections, RELEASE, name=self.name, owner=self._owner, epoch=self.epoch)

    async def _renew(self) -> None:
        asked_at = time.monotonic()
        try:
            found = await rows(
                self._connections,
                RENEW,
                name=self.name,
                owner=self._owner,
                epoch=self.epoch,
                ttl_s=self._ttl_s,
            )
        except Unavailable:
            return  # Tried again after the interval, as long as there is time left.
        if not found:
            raise LeaseLost("another runner has taken the lease")
        self._until = asked_at + self._ttl_s


def lease_of(connections: Connections, generation: int) -> Lease:
    """The lease that whoever writes a generation must hold."""
    return Lease(connections, f"generation-{generation}")
