"""The answer to requests for which there is no room: made once a second, sent without the usual work."""

from __future__ import annotations

import time
from collections.abc import Collection
from email.utils import formatdate
from typing import Final
from urllib.parse import unquote_to_bytes

from aiohttp import web

from api.errors import TryLater
from api.plain import first_step
from api.requests import new_request_id

FRESH_S: Final = 1.0
"""An answer says what time it is."""

OTHER: Final = b""

PLACEHOLDER: Final = f"req_{'0' * 20}"


def too_busy() -> TryLater:
    return TryLater("The server is busier than it can be; ask again")


class Overload:
    """Knows the bytes of an answer from the last one that was made with all the usual work.

    `steps` are the first steps of the paths that there are: strangers ask at any others, and those share
    one answer.
    """

    def __init__(self, steps: Collection[bytes]) -> None:
        self._steps = steps
        self._made: dict[bytes, tuple[float, bytes]] = {}

    def answer(self, path: bytes) -> bytes | None:
        """The whole answer, under a new request id; None when one has to be made first."""
        made_at, made = self._made.get(self._key(path), (0.0, b""))
        if not made or time.monotonic() - made_at > FRESH_S:
            return None
        return made.replace(PLACEHOLDER.encode(), new_request_id().encode())

    def keep(self, path: bytes, response: web.Response) -> None:
        """Remember an answer that was made for the request id PLACEHOLDER."""
        self._made[self._key(path)] = (time.monotonic(), _as_bytes(response))

    def _key(self, path: bytes) -> bytes:
        # What stands there in code may be a step that there is.
        step = first_step(unquote_to_bytes(path) if b"%" in path else path)
        return step if step in self._steps else OTHER


def _as_bytes(response: web.Response) -> bytes:
    body = response.body
    assert isinstance(body, bytes)
    headers = {**response.headers, "Content-Length": str(len(body)), "Date": formatdate(usegmt=True)}
    lines = (f"{name}: {value}" for name, value in headers.items())
    return "\r\n".join([f"HTTP/1.1 {response.status} {response.reason}", *lines, "", ""]).encode() + body
