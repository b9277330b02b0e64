"""Connections to Postgres on which every call ends in time, as the role that cannot change the log."""

from __future__ import annotations

import asyncio
import os
import select
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar
from weakref import WeakSet

import psycopg
from psycopg.rows import TupleRow

from events.errors import OutcomeUnknown, Unavailable

Connection = psycopg.AsyncConnection[TupleRow]
T = TypeVar("T")

SQL: Final = Path(__file__).parent / "sql"
CONNECT = (SQL / "connect.sql").read_bytes()
CONFIRM = (SQL / "confirm.sql").read_bytes()

WARNING: Final = "01000"
"""All that is said of a commit whose wait for the synchronous standby was cancelled, beside its success."""


async def connect(database_url: str, *, connect_timeout_s: float, call_timeout_s: float) -> Connection:
    """A connection in autocommit whose statements the server ends shortly before `call_timeout_s`.

    Raises Unavailable when there is none within `connect_timeout_s`.
    """
    bounds = {"statement_timeout_ms": str(int(call_timeout_s * 900))}
    try:
        async with asyncio.timeout(connect_timeout_s):
            connection = await psycopg.AsyncConnection.connect(database_url, autocommit=True)
        with closing_on_error(connection), bounded(connection, connect_timeout_s):
            await connection.execute(CONNECT, bounds)
        return connection
    except (psycopg.Error, OSError, TimeoutError) as error:
        why = reason(error)
    # Raised out here, it does not hold on to the error, whose traceback holds the half-made connection: that
    # would stay open until a garbage collector finds it.
    raise Unavailable(f"the database cannot be reached: {why}")


@contextmanager
def bounded(connection: Connection, timeout_s: float) -> Iterator[None]:
    """Whatever is awaited inside ends within `timeout_s`: with the connection broken, if need be.

    Cancelling would not do: psycopg then asks the server to cancel, and a frozen server keeps it
    waiting for many seconds. Shutting the socket down ends the wait at once.
    """
    timer = asyncio.get_running_loop().call_later(timeout_s, cut, connection)
    try:
        yield
    finally:
        timer.cancel()


def cut(connection: Connection) -> None:
    """Shut the connection's socket down, under the feet of whoever waits on it."""
    with suppress(OSError, psycopg.Error):
        twin = socket.socket(fileno=os.dup(connection.fileno()))
        with twin, suppress(OSError):
            twin.shutdown(socket.SHUT_RDWR)


def is_sound(connection: Connection) -> bool:
    """Whether an idle connection is still good: one that the server closed has something to read."""
    if connection.closed or connection.broken:
        return False
    with suppress(OSError, psycopg.Error):
        poller = select.poll()
        poller.register(connection.fileno(), select.POLLIN | select.POLLERR | select.POLLHUP)
        return not poller.poll(0)
    return False


class Connections:
    """At most `connections_max` connections, made when needed, kept while they are sound."""

    def __init__(
        self,
        database_url: str,
        *,
        connections_max: int = 4,
        connect_timeout_s: float = 3.0,
        call_timeout_s: float = 5.0,
        prepare: Callable[[Connection], None] = lambda _: None,
    ) -> None:
        self._database_url = database_url
        self._connect_timeout_s = connect_timeout_s
        self._call_timeout_s = call_timeout_s
        self._prepare = prepare
        self._places = asyncio.Semaphore(connections_max)
        self.connections_max = connections_max
        self.in_use = 0
        self._idle: list[Connection] = []
        self._unreplicated: WeakSet[Connection] = WeakSet()
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def run(self, work: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
        """The result of `work(connection)`, which may take `call_timeout_s`.

        Raises psycopg.Error as the database gave it, Unavailable where there is no connection to be had,
        OutcomeUnknown for what the synchronous standby may not have. A caller who is cancelled leaves the
        work to end by itself, within its bound.
        """
        task = asyncio.create_task(self._run(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def read(self, work: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
        """As `run`, for work that may be done twice; all that goes wrong with the database is Unavailable."""
        try:
            try:
                return await self.run(work)
            except psycopg.OperationalError as error:
                if error.sqlstate is not None:
                    raise
                return await self.run(work)
        except (psycopg.Error, OutcomeUnknown) as error:
            raise Unavailable(reason(error)) from error

    async def confirm(self) -> None:
        """Wait until a failover takes nothing back of what can be seen now. Raises OutcomeUnknown.

        What another connection wrote can be seen before the synchronous standby has it, once its writer
        was cut off. Where no standby is waited for, nothing is written for this.
        """
        try:
            await self.run(Prepared(CONFIRM, ()))
        except (psycopg.Error, Unavailable) as error:
            raise OutcomeUnknown(reason(error)) from error

    async def close(self) -> None:
        self._closed = True
        if self._running:
            await asyncio.wait(self._running, timeout=self._call_timeout_s)
        while self._idle:
            await self._idle.pop().close()

    async def _run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        await self._take_place()
        try:
            connection = await self._sound_connection()
            try:
                with bounded(connection, self._call_timeout_s):
                    return await self._replicated(connection, work)
            finally:
                await self._put_back(connection)
        finally:
            self.in_use -= 1
            self._places.release()

    async def _replicated(self, connection: Connection, work: Callable[[Connection], Awaitable[T]]) -> T:
        self._unreplicated.discard(connection)
        result = await work(connection)
        if connection in self._unreplicated:
            raise OutcomeUnknown("the database gave up waiting for its synchronous standby")
        return result

    async def _take_place(self) -> None:
        if self._places.locked():
            await self._wait_for_place()
        else:
            await self._places.acquire()
        self.in_use += 1

    async def _wait_for_place(self) -> None:
        try:
            async with asyncio.timeout(self._call_timeout_s):
                await self._places.acquire()
        except TimeoutError as error:
            raise Unavailable("all connections to the database are busy") from error

    async def _put_back(self, connection: Connection) -> None:
        # Whether the server has closed it meanwhile is looked up when it is taken again.
        if self._closed or connection.closed:
            await connection.close()
        else:
            self._idle.append(connection)

    async def _sound_connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if is_sound(connection):
                return connection
            await connection.close()
        connection = await connect(
            self._database_url,
            connect_timeout_s=self._connect_timeout_s,
            call_timeout_s=self._call_timeout_s,
        )
        self._prepare(connection)
        self._listen(connection)
        return connection

    def _listen(self, connection: Connection) -> None:
        def notice(diagnostic: psycopg.errors.Diagnostic) -> None:
            if diagnostic.sqlstate == WARNING:
                self._unreplicated.add(connection)

        connection.add_notice_handler(notice)


class Prepared:
    """A query with its arguments, to be run on any connection: prepared there, its result in binary."""

    def __init__(self, query: bytes, arguments: Any) -> None:
        self._query = query
        self._arguments = arguments

    async def __call__(self, connection: Connection) -> list[TupleRow]:
        async with connection.cursor(binary=True) as cursor:
            await cursor.execute(self._query, self._arguments, prepare=True)
            return await cursor.fetchall()


@contextmanager
def closing_on_error(connection: Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.pgconn.finish()
        raise


def reason(error: BaseException) -> str:
    """One line of what went wrong; drivers like to write several."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
