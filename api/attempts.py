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

PAUSE_S: Final = 0.1
RETRY_S: Final = 1.0

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
        self._writing = asyncio.Lock()
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
        """Write until cancelled: what comes within PAUSE_S goes together."""
        while True:
            await self._work.wait()
            self._work.clear()
            await asyncio.sleep(PAUSE_S if await self.flush() else RETRY_S)

    async def flush(self) -> bool:
        """Write what waits. False where the database does not take it now: it is tried again later.

        What was being written already is there by then, too.
        """
        async with self._writing:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._batch_max))]
                if not await self._write(batch):
                    return False
            self._tell_dropped()
            return True

    async def close(self) -> None:
        """Write what waits as long as the database takes it, when `run` has ended; tell what is lost."""
        await self.flush()
        self._tell_dropped()
        if self._waiting:
            log.error("requests were not recorded: the server stopped", count=len(self._waiting))

    async def _write(self, batch: list[Request]) -> bool:
        try:
            await self._database.change("keep_requests", **columns(batch))
        except StoreError as error:
            self._put_back(batch)
            log.warning("requests wait to be recorded", count=len(self._waiting), reason=str(error))
            return False
        except Exception:
            self._put_back(batch)
            log.exception("requests wait to be recorded", count=len(self._waiting))
            return False
        except asyncio.CancelledError:
            # For whoever closes: a row that is written all the same is not written twice.
            self._put_back(batch)
            raise
        return True

    def _put_back(self, batch: list[Request]) -> None:
        self._waiting.extendleft(reversed(batch))
        self._work.set()

    def _tell_dropped(self) -> None:
        if self._dropped:
            log.error("requests were not recorded: too many waited", count=self._dropped)
            self._dropped = 0


def columns(batch: list[Request]) -> dict[str, list[object]]:
    """The batch as arrays, each request id once: one statement takes no row twice."""
    unique = list({request.request_id: request for request in batch}.values())
    return {name: list(values) for name, values in zip(COLUMNS, zip(*unique, strict=True), strict=True)}
