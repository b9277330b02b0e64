"""Reports made beside the event loop: a bounded queue in front of one worker process."""

from __future__ import annotations

import asyncio
import pickle
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import structlog

from api.errors import TryLater
from api.reports.order import Order
from api.reports.process import WorkerDied, WorkerProcess
from api.reports.spool import Spool

RETRY_AFTER_S: Final = 5
NO_ROOM_RETRY_AFTER_S: Final = 60
TRIES: Final = 2
"""A worker may have been ended for somebody else's report."""

log = structlog.get_logger(__name__)


class Reports:
    """At most `queue_max` reports wait or are made at a time, each within `timeout_s` once begun."""

    def __init__(self, queue_max: int, timeout_s: float) -> None:
        # All that blocks happens in this one thread, which is also the queue.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="reports")
        self._worker = WorkerProcess()
        self._under_way: set[Future[Spool]] = set()
        self._queue_max = queue_max
        self._timeout_s = timeout_s

    @property
    def worker_pid(self) -> int | None:
        """The worker process that runs now, if any."""
        return self._worker.pid

    @property
    def under_way(self) -> int:
        """How many reports are waited for or made."""
        return len(self._under_way)

    def must_have_room(self) -> None:
        """Raises TryLater when too many are waiting: worth asking before a report's data are read."""
        if len(self._under_way) >= self._queue_max:
            raise TryLater("Too many reports are being made at this moment; try again", RETRY_AFTER_S)

    async def make(self, order: Order) -> Spool:
        """The report as a file, which the caller closes.

        Raises TryLater when too many are waiting, when it takes too long and when the worker died
        again and again; and what `order.make` raised.
        """
        self.must_have_room()
        made = self._thread.submit(self._made, order)
        self._under_way.add(made)
        made.add_done_callback(self._under_way.discard)
        try:
            return await asyncio.wrap_future(made)
        except asyncio.CancelledError:
            # Nobody waits any more: what comes of it is thrown away.
            made.add_done_callback(_dropped)
            raise

    async def close(self) -> None:
        """End the worker; whoever still waits is told to come again."""
        self._worker.close()
        self._thread.submit(self._worker.reap)
        await asyncio.to_thread(self._thread.shutdown)

    def _made(self, order: Order) -> Spool:
        message, deadline = pickle.dumps(order), time.monotonic() + self._timeout_s
        for _ in range(TRIES):
            spool = _new_spool()
            try:
                self._worker.work(message, spool, deadline - time.monotonic())
            except WorkerDied as death:
                spool.close()
                log.warning("the report worker died", reason=str(death))
            except TimeoutError:
                spool.close()
                raise TryLater(
                    f"The report was not ready within {self._timeout_s:g} seconds; a shorter period, or"
                    " CSV instead of PDF, takes less",
                    RETRY_AFTER_S,
                ) from None
            except OSError as error:
                spool.close()
                raise _no_room(error) from error
            except BaseException:
                spool.close()
                raise
            else:
                return spool
        raise TryLater("The report could not be made at this moment; try again", RETRY_AFTER_S)


def _new_spool() -> Spool:
    try:
        return Spool()
    except OSError as error:
        raise _no_room(error) from error


def _no_room(error: OSError) -> TryLater:
    """The temporary folder is full, or out of order: an operator has to look at it."""
    log.error("a report cannot be written", reason=str(error))
    return TryLater(
        "The report could not be written at this moment; operators are told", NO_ROOM_RETRY_AFTER_S
    )


def _dropped(made: Future[Spool]) -> None:
    if not made.cancelled() and made.exception() is None:
        made.result().close()
