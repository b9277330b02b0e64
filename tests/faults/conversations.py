"""One connection through a link: what goes each way, and how it ends."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from tests.faults.repeats import Requests

if TYPE_CHECKING:
    from tests.faults.links import Link

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]

CHUNK_MAX_BYTES: Final = 64 * 1024
AT_ONCE: Final = struct.pack("ii", 1, 0)
"""Linger for no time: the other end gets a reset instead of an end."""


class Conversation:
    """Copies both ways between who asks (`near`) and who answers (`far`), as its link allows."""

    def __init__(self, link: Link, near: Ends, far: Ends) -> None:
        self.is_deaf = False
        self._link = link
        self._near = near
        self._far = far
        self._is_losing = False
        self._ended = asyncio.Event()

    def reset(self) -> None:
        """End it now; whoever asked is told by a reset."""
        self._ended.set()

    async def run(self) -> None:
        ways = {asyncio.create_task(self._questions()), asyncio.create_task(self._answers())}
        ended = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait({*ways, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*ways, ended):
                task.cancel()
            await asyncio.gather(*ways, ended, return_exceptions=True)
            self._close()

    def _close(self) -> None:
        if self._ended.is_set():
            reset(self._near[1])
        else:
            self._near[1].close()
        self._far[1].close()

    async def _questions(self) -> None:
        way, requests = Way(self._link, self._far[1]), Requests()
        while data := await self._read(self._near[0]):
            if self._link.repeats:
                for asked in requests.of(data):
                    self._link.repeats.take(asked)
            word = self._link.cut_word
            if word is not None and word in data:
                self._link.cut_word = None
                self._is_losing = True
            await way.send(data)
        await way.flush()

    async def _answers(self) -> None:
        way = Way(self._link, self._near[1])
        while data := await self._read(self._far[0]):
            if self._is_losing:
                self._link.cuts += 1
                self.reset()
                return
            await way.send(data)
        await way.flush()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        """What comes next; nothing at its end. What comes while it is deaf is lost, and so is its end."""
        while True:
            data = b""
            with suppress(OSError):
                data = await reader.read(CHUNK_MAX_BYTES)
            await self._link.thawed.wait()
            if not self.is_deaf:
                return data
            if not data:
                await self._ended.wait()
                return b""


class Way:
    """One direction: bytes in their order, each as late as the link is slow."""

    def __init__(self, link: Link, writer: asyncio.StreamWriter) -> None:
        self._link = link
        self._writer = writer
        self._due = 0.0
        self._late: deque[bytes] = deque()

    async def send(self, data: bytes) -> None:
        delay_s = self._link.delay_s()
        if delay_s or self._late:
            self._send_late(data, delay_s)
            return
        with suppress(OSError):
            self._writer.write(data)
            await self._writer.drain()

    def _send_late(self, data: bytes, delay_s: float) -> None:
        """Timers of about the same moment end in any order: each sends what is first in line."""
        loop = asyncio.get_running_loop()
        self._due = max(self._due, loop.time() + delay_s)
        self._late.append(data)
        loop.call_at(self._due, lambda: self._writer.write(self._late.popleft()))

    async def flush(self) -> None:
        """Wait until what was sent has left, also where it comes late."""
        await asyncio.sleep(max(0.0, self._due - asyncio.get_running_loop().time()))


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection so that its other end is told by a reset."""
    end = writer.get_extra_info("socket")
    with suppress(OSError), socket.socket(fileno=os.dup(end.fileno())) as twin:
        twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    writer.transport.abort()
