"""Drawing numbers for new objects: requests that come together share one round trip."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from commands.sharing import Shared

AHEAD: Final = 4
"""Who comes together is followed by others: for each of them so many numbers are drawn."""

AHEAD_S: Final = 1.0
"""So long they are kept: what is made later should not have numbers that are long past elsewhere."""


class Numbers:
    """`draw` is the store's way to get `count` new numbers of a sequence."""

    def __init__(self, draw: Callable[[str, int], Awaitable[list[int]]]) -> None:
        self._draw = draw
        self._drawing: dict[str, Shared[None, int]] = {}
        self._ahead: defaultdict[str, deque[int]] = defaultdict(deque)
        self._kept: defaultdict[str, deque[int]] = defaultdict(deque)
        self._expiry: dict[str, asyncio.TimerHandle] = {}
        self._times_forgotten = 0

    async def draw_ahead(self, sequence: str, count: int) -> None:
        """Draw numbers that `next` hands out first, in order and without a round trip."""
        self._ahead[sequence] += await self._draw_valid(sequence, count)

    def at_hand(self, sequence: str) -> int | None:
        """A number that was drawn before, if there is one left."""
        drawn = self._ahead[sequence] or self._kept[sequence]
        return drawn.popleft() if drawn else None

    async def next(self, sequence: str) -> int:
        """One new number; raises what the store raises."""
        number = self.at_hand(sequence)
        if number is not None:
            return number
        if sequence not in self._drawing:
            self._drawing[sequence] = self._together(sequence)
        return await self._drawing[sequence].ask(None)

    def forget(self) -> None:
        """Give up what is drawn ahead: a log that was restored may give these numbers to others."""
        self._times_forgotten += 1
        self._ahead.clear()
        self._kept.clear()

    def _together(self, sequence: str) -> Shared[None, int]:
        async def draw(wanted: Sequence[None]) -> list[int]:
            count = len(wanted)
            numbers = await self._draw_valid(sequence, AHEAD * count if count > 1 else count)
            self._keep_for_a_moment(sequence, numbers[count:])
            return numbers[:count]

        return Shared(draw)

    async def _draw_valid(self, sequence: str, count: int) -> list[int]:
        """Drawn again where the log was restored meanwhile, which is rare enough to need no bound."""
        while True:
            times_forgotten = self._times_forgotten
            numbers = await self._draw(sequence, count)
            if times_forgotten == self._times_forgotten:
                return numbers

    def _keep_for_a_moment(self, sequence: str, numbers: list[int]) -> None:
        if not numbers:
            return
        kept = self._kept[sequence]
        kept += numbers
        if sequence in self._expiry:
            self._expiry[sequence].cancel()
        self._expiry[sequence] = asyncio.get_running_loop().call_later(AHEAD_S, kept.clear)
