"""A whole answer as plain data: what a dialect makes, a repetition keeps, and HTTP sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aiohttp import hdrs, web


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
