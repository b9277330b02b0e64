"""The feed: wakes whoever waits for the log to grow, by notification and, in case one is lost, by polling."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress

import psycopg
from psycopg.pq.abc import PGconn

from events.connections import Connection, bounded, connect, reason
from events.errors import StoreError

CHANNEL_QUERY = b"listen taskledger_events"
DIGITS_MAX = 19
# Now and then a listener asks whether its connection still lives.
HEARING_S = 15.0
CALL_TIMEOUT_S = 3.0

logger = logging.getLogger(__name__)


class Feed:
    """Knows how far the log has got, as far as anybody told: starts listening when first waited for."""

    def __init__(
        self,
        database_url: str,
        head: Callable[[], Awaitable[int]],
        poll_interval_s: float,
        retry_max_s: float,
    ) -> None:
        self._database_url = database_url
        self._head = head
        self._poll_interval_s = poll_interval_s
        self._retry_max_s = retry_max_s
        self._position = 0
        self._waiting: set[asyncio.Future[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def wait(self, after: int, timeout_s: float) -> bool:
        """Sleep until the log has gone past `after`; False when it has not within `timeout_s`."""
        self._start()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._position <= after:
                    await self._next_news()
        return self._position > after

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def _start(self) -> None:
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._forever(self._poll)),
                asyncio.create_task(self._forever(self._listen)),
            ]

    async def _next_news(self) -> None:
        news = asyncio.get_running_loop().create_future()
        self._waiting.add(news)
        try:
            await news
        finally:
            self._waiting.discard(news)

    def _announce(self, position: int) -> None:
        self._position = position
        for news in self._waiting:
            if not news.done():
                news.set_result(None)

    async def _forever(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        pause_s = 0.1
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await work()
            except (StoreError, psycopg.Error, OSError) as error:
                logger.warning("the feed of the log lost the database: %s", reason(error))
            _must_go_on()
            lasted_s = asyncio.get_running_loop().time() - started
            pause_s = 0.1 if lasted_s > self._retry_max_s else min(2 * pause_s, self._retry_max_s)
            await asyncio.sleep(pause_s)

    async def _poll(self) -> None:
        # The head counts even when it went back, as after a restore: a memory of more would wake in vain.
        while True:
            self._announce(await self._head())
            await asyncio.sleep(self._poll_interval_s)

    async def _listen(self) -> None:
        connection = await connect(
            self._database_url, connect_timeout_s=CALL_TIMEOUT_S, call_timeout_s=CALL_TIMEOUT_S
        )
        connection.add_notify_handler(lambda news: self._take(news.payload.encode()))
        try:
            with bounded(connection, CALL_TIMEOUT_S):
                await connection.execute(CHANNEL_QUERY)
            while True:
                await self._hear(connection)
                with bounded(connection, CALL_TIMEOUT_S):
                    await connection.execute(b"select 1")
        finally:
            await connection.close()

    async def _hear(self, connection: Connection) -> None:
        """Take what comes for HEARING_S. Raises psycopg.Error.

        The driver's own way to wait costs more for each notification than taking it does.
        """
        loop = asyncio.get_running_loop()
        lost: asyncio.Future[None] = loop.create_future()
        # libpq closes its descriptor once it reads that the server is gone. The next client who connects
        # gets that number, and would not be heard once the reader is removed: ours stays ours until then.
        with socket.socket(fileno=os.dup(connection.fileno())) as ours:
            loop.add_reader(ours, self._read, connection.pgconn, lost)
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARING_S):
                        await lost
            finally:
                loop.remove_reader(ours)

    def _read(self, channel: PGconn, lost: asyncio.Future[None]) -> None:
        try:
            channel.consume_input()
            while news := channel.notifies():
                self._take(news.extra)
        except psycopg.Error as error:
            if not lost.done():
                lost.set_exception(error)

    def _take(self, news: bytes) -> None:
        # Anybody may notify; the poll makes good what nonsense stands for.
        if news.isdigit() and len(news) <= DIGITS_MAX:
            self._announce(max(self._position, int(news)))


def _must_go_on() -> None:
    """Raises the CancelledError that a call forgot, as when its connection broke in the same moment."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
