"""A whole answer as plain data: what a dialect makes, a repetition keeps, and HTTP sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from aiohttp import hdrs, web

from api.reports.spool import Spool
from api.streams import StreamedResponse

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

    The file is closed after the last byte, and when the client went away or was too slow (see
    `StreamedResponse`).
    """

    file: Spool
    headers: Mapping[str, str]
    send_timeout_s: float
    head: bytes = b""
    tail: bytes = b""

    def response(self) -> web.StreamResponse:
        size = self.file.size()
        length = len(self.head) + size + len(self.tail)
        return StreamedResponse(
            self._pieces(size), self.headers, self.send_timeout_s, length=length, close=self.file.close
        )

    async def _pieces(self, size: int) -> AsyncGenerator[bytes, None]:
        yield self.head
        for offset in range(0, size, PIECE_BYTES):
            yield await asyncio.to_thread(self.file.read, offset, PIECE_BYTES)
        yield self.tail
