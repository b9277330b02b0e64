"""A load that comes by the clock, as from very many people: nobody waits for the answers to others."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from benchmarks.load import Connection, MakeRequest

TICK_S: Final = 0.001
LAST_ANSWERS_S: Final = 20.0
"""How long the answers to the last requests are waited for: longer than a server takes for any."""
OPENED_AT_ONCE: Final = 50
BROKEN: Final = 0
"""Stands for the status of an answer that never came: the server closed the connection."""


class Answer(NamedTuple):
    """When a request was sent, in seconds since the load began, and what came of it how much later."""

    sent_at_s: float
    took_s: float
    status: int


@dataclass(slots=True)
class Fired:
    """What came of a load: `unsent` requests found no free connection, others were sent `late_s` too late."""

    seconds: float = 0.0
    answers: list[Answer] = field(default_factory=list)
    unsent: int = 0
    late_s: list[float] = field(default_factory=list)

    def with_status(self, *statuses: int) -> Sequence[Answer]:
        return [answer for answer in self.answers if answer.status in statuses]


async def open_loop(port: int, make: MakeRequest, *, per_s: float, seconds: float, connections: int) -> Fired:
    """Send `per_s` requests a second, each when it is due if one of the `connections` is free."""
    pool = Pool(port)
    await pool.open(connections)
    try:
        await pool.fire(make, per_s, seconds)
        await pool.settle()
    finally:
        await pool.close()
    return pool.fired


class Pool:
    """Connections that take turns; one that the server closes is replaced."""

    def __init__(self, port: int) -> None:
        self.fired = Fired()
        self._port = port
        self._began_at = 0.0
        self._idle: deque[Asker] = deque()
        self._asking: set[Asker] = set()
        self._open: set[Asker] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._is_closing = False

    async def open(self, count: int) -> None:
        """Raises OSError where the server takes no connection at all."""
        for _ in range(0, count, OPENED_AT_ONCE):
            await asyncio.gather(*(self._add() for _ in range(min(OPENED_AT_ONCE, count - len(self._idle)))))

    async def fire(self, make: MakeRequest, per_s: float, seconds: float) -> None:
        self._began_at = time.perf_counter()
        count = 0
        while (passed_s := time.perf_counter() - self._began_at) < seconds:
            due = int(passed_s * per_s)
            for number in range(count, due):
                self._send(make, passed_s - number / per_s)
            count = max(count, due)
            await asyncio.sleep(TICK_S)
        self.fired.seconds = seconds

    async def settle(self) -> None:
        """Wait for the last answers; those that do not come count as broken."""
        deadline = time.perf_counter() + LAST_ANSWERS_S
        while self._asking and time.perf_counter() < deadline:  # noqa: ASYNC110 - too many to wait for each
            await asyncio.sleep(10 * TICK_S)
        for asker in list(self._asking):
            self._ended(asker, BROKEN, time.perf_counter() - self._began_at - asker.sent_at_s)

    async def close(self) -> None:
        self._is_closing = True
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        for asker in self._open:
            asker.connection.close()
        await asyncio.gather(*(asker.connection.wait_closed() for asker in self._open))

    def _send(self, make: MakeRequest, late_s: float) -> None:
        if not self._idle:
            self.fired.unsent += 1
            return
        asker = self._idle.popleft()
        self._asking.add(asker)
        self.fired.late_s.append(late_s)
        asker.sent_at_s = time.perf_counter() - self._began_at
        asker.connection.ask(make())

    def answered(self, asker: Asker, status: int, took_s: float) -> None:
        self._ended(asker, status, took_s)
        self._idle.append(asker)

    def lost(self, asker: Asker) -> None:
        if self._is_closing:
            return
        self._open.discard(asker)
        if asker in self._asking:
            self._ended(asker, BROKEN, time.perf_counter() - self._began_at - asker.sent_at_s)
        elif asker in self._idle:
            self._idle.remove(asker)
        opening = asyncio.create_task(self._replaced())
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    def _ended(self, asker: Asker, status: int, took_s: float) -> None:
        self._asking.discard(asker)
        self.fired.answers.append(Answer(asker.sent_at_s, took_s, status))

    async def _replaced(self) -> None:
        """A server that takes no connection at present is asked again, as often as there is time."""
        while True:
            try:
                return await self._add()
            except OSError:
                await asyncio.sleep(100 * TICK_S)

    async def _add(self) -> None:
        asker = Asker(self)
        await asker.connection.open(self._port)
        self._open.add(asker)
        self._idle.append(asker)


class Asker:
    """A connection of the pool, and when it was asked last."""

    def __init__(self, pool: Pool) -> None:
        self.sent_at_s = 0.0
        self.connection = Connection(
            lambda status, took_s: pool.answered(self, status, took_s), lambda _: pool.lost(self)
        )
