"""Requests that arrive more than once: what a proxy does that asks again, or a network that copies."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]

HEAD_END: Final = b"\r\n\r\n"
REPEATED: Final = re.compile(rb"GET /|POST /\S*s HTTP")
"""Reads, and writes that make something new, in a place with a plural for its name.

A change that comes late again would rightly undo what was done meanwhile. And where a server is too busy for
the first of two, it may carry the second out: then its sender does not know how the thing is now.
"""

BEGINNING: Final = re.compile(rb"[A-Z]+ /")
KEY: Final = re.compile(rb"\r\nidempotency-key:\s*([!-~]+)", re.IGNORECASE)
LENGTH: Final = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
STATUS: Final = slice(9, 12)
LATE_MAX_S: Final = 0.1
ANSWER_MAX_S: Final = 30.0


@dataclass(slots=True)
class Repeats:
    """Sends each request of a link again, `times` in all, on connections that `connect` makes.

    `answers` are what the repeated ones with an `Idempotency-Key` were answered: key, status, body.
    """

    connect: Callable[[], Awaitable[Ends | None]]
    times: int
    chance: random.Random
    answers: list[tuple[str, int, bytes]] = field(default_factory=list)
    sent: int = 0
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def accepted(self) -> list[tuple[str, bytes]]:
        """Keys and bodies of the answers with success."""
        return [(key, body) for key, status, body in self.answers if 200 <= status < 300]

    def take(self, asked: bytes) -> None:
        """Send a whole request again, soon: at the same time as the first, or after it."""
        key = KEY.search(asked[: asked.find(HEAD_END) + 2])
        if not REPEATED.match(asked) or (asked.startswith(b"POST ") and not key):
            return
        for _ in range(self.times - 1):
            task = asyncio.ensure_future(self._send(asked, key[1].decode() if key else ""))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def settled(self) -> None:
        """Return when every repeated request is answered, or nobody answers it."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def _send(self, asked: bytes, key: str) -> None:
        await asyncio.sleep(self.chance.uniform(0, LATE_MAX_S))
        ends = await self.connect()
        if ends is None:
            return
        reader, writer = ends
        self.sent += 1
        try:
            with suppress(OSError, EOFError, TimeoutError):
                async with asyncio.timeout(ANSWER_MAX_S):
                    writer.write(asked)
                    status, body = await answer_from(reader)
                    if key:
                        self.answers.append((key, status, body))
        finally:
            writer.close()


class Requests:
    """Cuts what goes over one connection into whole requests; it may begin to listen at any time."""

    def __init__(self) -> None:
        self._waiting = b""

    def of(self, data: bytes) -> list[bytes]:
        """The requests that are complete with this piece."""
        if not self._waiting and not BEGINNING.match(data):
            return []
        self._waiting += data
        found = []
        while (end := _end_of_message(self._waiting)) is not None and len(self._waiting) >= end:
            found.append(self._waiting[:end])
            self._waiting = self._waiting[end:]
        return found


def _end_of_message(data: bytes) -> int | None:
    head = data.find(HEAD_END)
    if head < 0:
        return None
    length = LENGTH.search(data[: head + 2])
    return head + len(HEAD_END) + (int(length[1]) if length else 0)


async def answer_from(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of an answer that says how long it is. Raises EOFError where it ends too soon."""
    head = await reader.readuntil(HEAD_END)
    length = LENGTH.search(head)
    return int(head[STATUS]), await reader.readexactly(int(length[1])) if length else b""
