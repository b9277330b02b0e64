"""A whole answer as plain data: what a dialect makes, a repetition keeps, and HTTP sends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter

from api.reports.spool import Spool

PIECE_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_header(self, name: str, value: str) -> Reply:
        return replace(self, headers={**self.headers, name: value})

    def response(self) -> web.Response:
        headers = {hdrs.CONTENT_TYPE: "application/json", **self.headers}
        if self.status == web.HTTPNotModified.status_code:
            del headers[hdrs.CONTENT_TYPE]
        return web.Response(status=self.status, body=self.body or None, headers=headers)


@dataclass(frozen=True, slots=True)
class FileReply:
    """An answer of 200 whose body is `head`, what a file holds, and `tail`.

    The file is closed after the last byte, and when the client went away or took longer than
    `send_timeout_s`.
    """

    file: Spool
    headers: Mapping[str, str]
    send_timeout_s: float
    head: bytes = b""
    tail: bytes = b""

    def response(self) -> web.StreamResponse:
        return _FileResponse(self)


class _FileResponse(web.StreamResponse):
    """Sends itself after all middlewares are through, as other responses do."""

    def __init__(self, reply: FileReply) -> None:
        super().__init__(headers=reply.headers)
        self._reply = reply
        self._size = reply.file.size()
        self.content_length = len(reply.head) + self._size + len(reply.tail)
        self._transport: asyncio.Transport | None = None
        self._has_body = True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        self._transport = request.transport
        # What followed the headers would be taken for the next answer.
        self._has_body = request.method != hdrs.METH_HEAD
        try:
            return await super().prepare(request)
        except BaseException:
            self._reply.file.close()
            raise

    async def write_eof(self, data: bytes = b"") -> None:
        try:
            async with asyncio.timeout(self._reply.send_timeout_s):
                if self._has_body:
                    await self._send()
                await super().write_eof(data)
        except TimeoutError:
            # Closing would wait for the client to take what it does not take.
            if self._transport is not None:
                self._transport.abort()
            raise ConnectionResetError("the client was too slow") from None
        finally:
            self._reply.file.close()

    async def _send(self) -> None:
        await self.write(self._reply.head)
        for offset in range(0, self._size, PIECE_BYTES):
            await self.write(await asyncio.to_thread(self._reply.file.read, offset, PIECE_BYTES))
        await self.write(self._reply.tail)
