"""Where state-changing requests came from and how they ended, refused ones too: rows beside the log."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, NamedTuple

import structlog

from api.database import Database
from events.errors import StoreError

COLUMNS: Final = (
    "request_ids",
    "addresses",
    "user_agents",
    "actor_ids",
    "dialects",
    "methods",
    "paths",
    "statuses",
)

log = structlog.get_logger(__name__)


class Request(NamedTuple):
    request_id: str
    address: str | None
    user_agent: str | None
    actor_id: int | None
    dialect: str
    method: str
    path: str
    status: int


class Attempts:
    """Gathers requests and writes them in batches, so that no answer waits for its own record."""

    def __init__(self, database: Database, *, queue_max: int, batch_max: int) -> None:
        self._database = database
        self._waiting: deque[Request] = deque()
        self._queue_max = queue_max
        self._batch_max = batch_max
        self._work = asyncio.Event()
        self._dropped = 0
        self.dropped_total = 0

    @property
    def waiting(self) -> int:
        """How many traces wait to be written."""
        return len(self._waiting)

    def note(self, request: Request) -> None:
        if len(self._waiting) >= self._queue_max:
            self._dropped += 1
            self.dropped_total += 1
            return
        self._waiting.append(request)
        self._work.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._work.wait()
            self._work.clear()
            while self._waiting:
                await self.flush()

    async def flush(self) -> None:
        """Write one batch; what the database does not take now is tried again later."""
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._batch_max))]
        if not batch:
            return
        try:
            await self._database.change("keep_requests", **columns(batch))
        except StoreError as error:
            self._waiting.extendleft(reversed(batch))
            log.warning("requests wait to be recorded", count=len(self._waiting), reason=str(error))
            await asyncio.sleep(1)
        if self._dropped:
            log.error("requests were not recorded: too many waited", count=self._dropped)
            self._dropped = 0


def columns(batch: list[Request]) -> dict[str, list[object]]:
    """The batch as arrays, each request id once: one statement takes no row twice."""
    unique = list({request.request_id: request for request in batch}.values())
    return {name: list(values) for name, values in zip(COLUMNS, zip(*unique, strict=True), strict=True)}
