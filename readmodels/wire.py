"""One connection to Redis that takes questions at any time and gives the answers in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

import hiredis
from redis._parsers.base import BaseParser
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import InvalidResponse, RedisError

NOTHING: Final = object()


class Wire(asyncio.Protocol):
    """`answered` is called with each answer, an error of Redis included; `lost` when there will be no more.

    The client's pool opens the connection, as its URL and settings say, and signs in; after that the
    client's own reader, which costs more for each answer than Redis does, is left out. The connection
    stays one of the pool's and is closed with it.
    """

    def __init__(self, answered: Callable[[Any], None], lost: Callable[[Wire, Exception], None]) -> None:
        self._answered = answered
        self._lost = lost
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse, replyError=BaseParser.parse_error, notEnoughData=NOTHING
        )
        self._pool: ConnectionPool | None = None
        self._connection: AbstractConnection | None = None
        self._transport: asyncio.Transport | None = None
        self._opener: asyncio.BaseProtocol | None = None
        self.is_lost = False

    async def open(self, pool: ConnectionPool) -> None:
        """Connect; `is_lost` where the connection broke meanwhile. Raises RedisError, OSError."""
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]
        reader, writer = connection._reader, connection._writer  # noqa: SLF001 - no other way to what it opened
        assert reader is not None
        assert writer is not None
        self._pool, self._connection = pool, connection
        self._transport = cast("asyncio.Transport", writer.transport)
        # An end that the client's reader has heard closes no connection, and nobody would hear it again.
        if self._transport.is_closing() or reader.at_eof():
            self.is_lost = True
            await self._give_back()
            return
        self._opener = self._transport.get_protocol()
        self._transport.set_protocol(self)

    def ask(self, packed: bytes) -> None:
        """Send questions as `hiredis.pack_command` makes them, one after the other."""
        assert self._transport is not None
        self._transport.write(packed)

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (answer := self._reader.gets()) is not NOTHING:
                # What Redis says by itself answers nothing.
                if not isinstance(answer, hiredis.PushNotification):
                    self._answered(answer)
        except InvalidResponse:
            self.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self.is_lost = True
        if self._opener is not None:
            # Whoever closes the client waits for this.
            self._opener.connection_lost(error)
        self._lost(self, error or ConnectionLost("Redis closed the connection"))
        self._giving_back = asyncio.ensure_future(self._give_back())

    async def _give_back(self) -> None:
        """The connection's place among those that the client may have."""
        assert self._pool is not None
        assert self._connection is not None
        try:
            await self._connection.disconnect(nowait=True)
            await self._pool.release(self._connection)
        except (RedisError, OSError, KeyError):
            # The client was closed meanwhile and has forgotten it.
            return
