"""Answers whose body is made while it is sent: they end whole, or the connection breaks."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from typing import Final

import structlog
from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter

STRETCH_BYTES: Final = 16 * 1024 * 1024
RESET: Final = struct.pack("ii", 1, 0)
"""Linger for no time: closing then throws away what was not sent, and tells the other end."""

log = structlog.get_logger(__name__)


def reset(transport: asyncio.Transport) -> None:
    """End a connection at once, throwing away what was not sent yet."""
    endpoint = transport.get_extra_info("socket")
    if endpoint is not None:
        # It is closed already when the client was the first to go, which uvloop tells by a ValueError.
        with suppress(OSError, ValueError):
            endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    transport.abort()


class StreamedResponse(web.StreamResponse):
    """Sends `pieces` after all middlewares are through, as other responses send themselves.

    One piece is in memory at a time. A client that takes longer than `send_timeout_s` for
    STRETCH_BYTES, or for what is left, is too slow. Whatever ends the answer before its last piece
    resets the connection, so that nobody takes a part for the whole. `close` is called once the
    answer is over, however it ended.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        headers: Mapping[str, str],
        send_timeout_s: float,
        *,
        length: int | None = None,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(headers=headers)
        self.content_length = length
        self._pieces = pieces
        self._send_timeout_s = send_timeout_s
        self._close = close
        self._transport: asyncio.Transport | None = None
        self._has_body = True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        self._transport = request.transport
        # What followed the headers would be taken for the next answer.
        self._has_body = request.method != hdrs.METH_HEAD
        if request.version < HttpVersion11:
            # Such a client knows the end of a body by the end of the connection.
            self.force_close()
        try:
            return await super().prepare(request)
        except BaseException:
            await self._end()
            raise

    async def write_eof(self, data: bytes = b"") -> None:
        try:
            await self._send(data)
        except TimeoutError:
            self._break()
            raise ConnectionResetError("the client was too slow") from None
        except Exception as exception:
            self._break()
            if isinstance(exception, ConnectionError):
                raise
            log.error("an answer broke off", exc_info=exception)
            raise ConnectionResetError("the answer broke off") from exception
        except BaseException:
            self._break()
            raise
        finally:
            await self._end()

    async def _send(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._send_timeout_s) as patience:
            sent = 0
            if self._has_body:
                async for piece in self._pieces:
                    await self.write(piece)
                    sent += len(piece)
                    if sent >= STRETCH_BYTES:
                        patience.reschedule(loop.time() + self._send_timeout_s)
                        sent = 0
            await super().write_eof(data)

    def _break(self) -> None:
        """Reset the connection: the orderly end of one is how a body without a length ends.

        Closing would also wait for the client to take what it does not take.
        """
        if self._transport is not None:
            reset(self._transport)

    async def _end(self) -> None:
        await self._pieces.aclose()
        self._close()
