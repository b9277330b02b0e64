"""A load generator: HTTP/1.1 on kept-alive connections, as little work for each request as can be."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final, cast

LENGTH: Final = b"\r\ncontent-length:"
HEAD_END: Final = b"\r\n\r\n"

MakeRequest = Callable[[], bytes]


@dataclass(slots=True)
class Taken:
    """What came of a load: seconds that each answer took, in the order of their ends, and their statuses."""

    seconds: float = 0.0
    took_s: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def per_s(self) -> float:
        """Answers of any status in a second."""
        return len(self.took_s) / self.seconds


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A request as the bytes that go over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{name}: {v}" for name, v in headers.items())]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def always(asked: bytes) -> MakeRequest:
    return lambda: asked


def in_turn(asked: list[bytes]) -> MakeRequest:
    turns: Iterator[bytes] = cycle(asked)
    return lambda: next(turns)


async def closed_loop(port: int, make: MakeRequest, *, clients: int, seconds: float) -> Taken:
    """So many clients, each asking again as soon as it has its answer."""
    taken = Taken()
    end = time.perf_counter() + seconds
    asking = [Client(make, taken, end) for _ in range(clients)]
    for each in asking:
        await each.connection.open(port)
    started = time.perf_counter()
    for each in asking:
        each.begin()
    await asyncio.gather(*(each.ended for each in asking))
    taken.seconds = time.perf_counter() - started
    return taken


class Connection(asyncio.Protocol):
    """A kept-alive connection for one request at a time; `answered` is told status and seconds of each.

    `lost` is told when the server has closed it, and why.
    """

    def __init__(
        self, answered: Callable[[int, float], None], lost: Callable[[Exception | None], None]
    ) -> None:
        self._tell_answered = answered
        self._tell_lost = lost
        self._buffer = b""
        self._asked_at = 0.0
        self._transport: asyncio.Transport | None = None
        self._is_closed = asyncio.Event()

    async def open(self, port: int) -> None:
        """Raises OSError."""
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", port)

    def ask(self, asked: bytes) -> None:
        assert self._transport is not None
        self._asked_at = time.perf_counter()
        self._transport.write(asked)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def wait_closed(self) -> None:
        await self._is_closed.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are none by their class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        head = self._buffer.find(HEAD_END)
        if head < 0:
            return
        if len(self._buffer) >= head + len(HEAD_END) + content_length(self._buffer, head):
            status = int(self._buffer[9:12])
            self._buffer = b""
            self._tell_answered(status, time.perf_counter() - self._asked_at)

    def connection_lost(self, error: Exception | None) -> None:
        self._is_closed.set()
        self._tell_lost(error)


class Client:
    """Somebody on a connection of their own, who asks until `end`."""

    def __init__(self, make: MakeRequest, taken: Taken, end: float) -> None:
        self._make = make
        self._taken = taken
        self._end = end
        self.connection = Connection(self._answered, self._lost)
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def begin(self) -> None:
        self.connection.ask(self._make())

    def _answered(self, status: int, took_s: float) -> None:
        self._taken.took_s.append(took_s)
        self._taken.statuses[status] += 1
        if time.perf_counter() < self._end:
            self.begin()
        else:
            self.ended.set_result(None)
            self.connection.close()

    def _lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(error or ConnectionError("the server closed the connection"))


def content_length(buffer: bytes, head: int) -> int:
    """The length of the body behind a head that ends at `head`. Raises ValueError for one without."""
    at = buffer.find(LENGTH, 0, head)
    if at < 0:
        at = buffer[:head].lower().index(LENGTH)
    at += len(LENGTH)
    end = buffer.find(b"\r\n", at, head + 2)
    return int(buffer[at:end])
