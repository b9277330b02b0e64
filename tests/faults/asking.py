"""One question over HTTP to a part of the lab, past every link."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import aiohttp
import orjson

TIMEOUT_S: Final = 5.0


class Said(NamedTuple):
    """An answer; status 0 when there was none."""

    status: int
    body: bytes

    @property
    def data(self) -> Any:
        return orjson.loads(self.body)


async def get(port: int, path: str, timeout_s: float = TIMEOUT_S) -> Said:
    """What the part at `port` answers, on a connection of its own."""
    url = f"http://127.0.0.1:{port}{path}"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(timeout_s)) as session,
            session.get(url) as answer,
        ):
            return Said(answer.status, await answer.read())
    except (aiohttp.ClientError, OSError, TimeoutError):
        return Said(0, b"")
