"""How many requests may be under way: no more than get done soon."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from api.open_connections import OpenConnections

LIMIT_MIN: Final = 128
"""So many are let in at a time, however slow everything is."""

LIMIT_FIRST: Final = 256
RESERVED_MAX: Final = 16
"""`/metrics` and operators come in beyond the limit: they are needed most when nobody else does."""

PROBES_MAX: Final = 16
"""Probes have places that nothing else takes: whoever runs us ends a process that leaves them unanswered."""

SHRINK_MAX: Final = 0.3
TICK_S: Final = 0.01
IDLE_TICK_S: Final = 0.2
WINDOW_S: Final = 0.2
SAY_INTERVAL_S: Final = 1.0

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Unfinished:
    """A request that had its place before all of it had come."""

    is_whole: Callable[[], bool]
    send_away: Callable[[], None]
    has_left: bool = False


class Gate:
    """A limit that goes down under pressure, and up again while it is used and there is none.

    A request whose body is still on its way keeps its place only until somebody else needs it, so that
    slow bodies keep nobody out.
    """

    def __init__(self, limit_max: int) -> None:
        self.limit = min(LIMIT_FIRST, limit_max)
        self.under_way = 0
        self._limit_max = limit_max
        self._limit_min = min(LIMIT_MIN, limit_max)
        self._most = 0
        self._unfinished: dict[Unfinished, None] = {}

    def enter(self, *, is_reserved: bool = False) -> bool:
        """Whether one more request is let in, which has to `leave`."""
        if self.under_way >= self.limit + (RESERVED_MAX if is_reserved else 0) and not self._has_made_room():
            return False
        self.under_way += 1
        self._most = max(self._most, self.under_way)
        return True

    def expect(self, is_whole: Callable[[], bool], send_away: Callable[[], None]) -> Unfinished:
        """Take note that a request is not whole yet; it is to `leave` with what is returned."""
        one = Unfinished(is_whole, send_away)
        self._unfinished[one] = None
        return one

    def leave(self, one: Unfinished | None = None) -> None:
        """Who was sent away has left already."""
        if one:
            self._unfinished.pop(one, None)
        if one is None or not one.has_left:
            self.under_way -= 1

    def _has_made_room(self) -> bool:
        """Whether one that still is not whole was sent away: the one that came first."""
        while self._unfinished:
            one = next(iter(self._unfinished))
            if not one.is_whole():
                self.leave(one)
                one.has_left = True
                one.send_away()
                return True
            del self._unfinished[one]
        return False

    def adjust(self, pressure: float) -> None:
        """Take in the pressure of a window: up to 1 is what it can bear."""
        self._most, most = self.under_way, self._most
        if pressure > 1:
            self.limit = max(self._limit_min, int(min(self.limit, most) * max(SHRINK_MAX, 1 / pressure)))
        elif pressure < 0.5 and 2 * most > self.limit:
            self.limit = min(self._limit_max, self.limit + self.limit // 10 + 1)


class Admission:
    """Of one process: reads and writes come in by gates of their own.

    Both are under pressure where even the least delay of the event loop in a window is above `delay_max_s`,
    because more is let in than gets done then. Writes wait for more than the processor: they are under
    pressure, too, where even the quickest that was done took more than `write_max_s`.
    """

    def __init__(self, limit_max: int, delay_max_s: float, write_max_s: float) -> None:
        self.reads, self.writes = Gate(limit_max), Gate(limit_max)
        self.probes = Gate(PROBES_MAX)
        self.open = OpenConnections()
        self.turned_away = 0
        self._delay_max_s = delay_max_s
        self._write_max_s = write_max_s
        self._least_delay_s = self._least_write_s = float("inf")

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self.open)

    def wrote(self, took_s: float) -> None:
        """Take in how long a write took that was done."""
        self._least_write_s = min(self._least_write_s, took_s)

    def delayed(self, delay_s: float) -> None:
        """Take in how late the event loop was."""
        self._least_delay_s = min(self._least_delay_s, max(0.0, delay_s))

    def adjust(self) -> None:
        """At the end of a window."""
        delay = self._least_delay_s / self._delay_max_s
        wait = self._least_write_s / self._write_max_s if self._least_write_s < float("inf") else 0.0
        self.reads.adjust(delay)
        self.writes.adjust(max(delay, wait))
        self._least_delay_s = self._least_write_s = float("inf")

    async def run(self) -> None:
        """Measure, adjust, and tell of what was turned away, until cancelled."""
        told, tell_at, window_ends_at = 0, 0.0, 0.0
        while True:
            tick_s = TICK_S if self.reads.under_way or self.writes.under_way else IDLE_TICK_S
            due = time.monotonic() + tick_s
            await asyncio.sleep(tick_s)
            now = time.monotonic()
            self.delayed(now - due)
            if now >= window_ends_at:
                self.adjust()
                window_ends_at = now + WINDOW_S
            if now >= tell_at and self.turned_away > told:
                limits = {"reads_max": self.reads.limit, "writes_max": self.writes.limit}
                log.warning("requests_turned_away", number=self.turned_away - told, **limits)
                told, tell_at = self.turned_away, now + SAY_INTERVAL_S
