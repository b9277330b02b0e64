"""Turns: large questions go one at a time, small ones freely."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from readmodels.model import TooBusy


class Turns:
    """How large the answer to a question will be is known from the last one: see `note`.

    What is unknown counts as large. `waiting_max` large questions wait at the most.
    """

    def __init__(self, large_bytes: int, waiting_max: int) -> None:
        self._large_bytes = large_bytes
        self._waiting_max = waiting_max
        self._waiting = 0
        self._lock = asyncio.Lock()
        self._sizes: dict[Hashable, int] = {}

    @property
    def waiting(self) -> int:
        """How many large questions wait or are being answered."""
        return self._waiting

    def note(self, question: Hashable, size_bytes: int) -> None:
        """Remember how large an answer was. There should be few different questions."""
        self._sizes[question] = size_bytes

    @asynccontextmanager
    async def turn(self, question: Hashable) -> AsyncIterator[None]:
        """The block in which to ask. Raises TooBusy."""
        if self._sizes.get(question, self._large_bytes) < self._large_bytes:
            yield
            return
        async with self.large():
            yield

    @asynccontextmanager
    async def large(self) -> AsyncIterator[None]:
        """The block in which to ask what is large. Raises TooBusy."""
        if self._waiting >= self._waiting_max:
            raise TooBusy("too many large questions are waiting")
        self._waiting += 1
        try:
            async with self._lock:
                yield
        finally:
            self._waiting -= 1
