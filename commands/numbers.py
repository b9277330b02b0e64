"""Drawing numbers for new objects: requests that come together share one round trip."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable


class Numbers:
    """`draw` is the store's way to get `count` new numbers of a sequence."""

    def __init__(self, draw: Callable[[str, int], Awaitable[list[int]]]) -> None:
        self._draw = draw
        self._waiting: defaultdict[str, list[asyncio.Future[int]]] = defaultdict(list)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._drawn: defaultdict[str, deque[int]] = defaultdict(deque)

    async def draw_ahead(self, sequence: str, count: int) -> None:
        """Draw numbers that `next` hands out first, in order and without a round trip."""
        self._drawn[sequence] += await self._draw(sequence, count)

    async def next(self, sequence: str) -> int:
        """One new number; raises what the store raises."""
        if self._drawn[sequence]:
            return self._drawn[sequence].popleft()
        future = asyncio.get_running_loop().create_future()
        self._waiting[sequence].append(future)
        if sequence not in self._running:
            # A task of its own: one caller's cancellation must not cost the others their numbers.
            self._running[sequence] = asyncio.create_task(self._serve(sequence))
        number: int = await future
        return number

    async def _serve(self, sequence: str) -> None:
        try:
            while waiting := self._waiting.pop(sequence, None):
                await self._hand_out(sequence, waiting)
        finally:
            del self._running[sequence]

    async def _hand_out(self, sequence: str, waiting: list[asyncio.Future[int]]) -> None:
        try:
            numbers = await self._draw(sequence, len(waiting))
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to those who asked
            for future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        for future, number in zip(waiting, numbers, strict=True):
            if not future.done():
                future.set_result(number)
