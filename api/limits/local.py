"""Windows in the memory of this process, which count for as long as Redis does not."""

from __future__ import annotations

from typing import Final

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.util import WindowStats

LOCAL_KEYS_MAX: Final = 10_000


class LocalWindows:
    """Fixed windows; callers from very many addresses get new ones rather than all the memory."""

    def __init__(self) -> None:
        self._memory = MemoryStorage()
        self._windows = FixedWindowRateLimiter(self._memory)

    async def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Whether one more may pass; it is counted then."""
        if len(self._memory.expirations) >= LOCAL_KEYS_MAX:
            await self._memory.reset()
        return await self._windows.hit(item, *identifiers, cost=cost)

    async def stats(self, item: RateLimitItem, *identifiers: str) -> WindowStats:
        return await self._windows.get_window_stats(item, *identifiers)
