"""A circuit breaker: who has not answered is left alone for a moment, so that nobody waits in vain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from redis.exceptions import RedisError

from readmodels.model import NotReady

Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


class Breaker:
    """Between a limiter, for the log by its name, and Redis. `clock` gives monotonic seconds.

    While Redis is away, one request each `retry_s` asks it, and the others go on without.
    """

    def __init__(self, limiter: str, retry_s: float, clock: Callable[[], float]) -> None:
        self._limiter = limiter
        self._retry_s = retry_s
        self._clock = clock
        self._ask_again_at: float | None = None
        self._passed = 0

    @property
    def is_open(self) -> bool:
        """Whether Redis did not answer when it was last asked."""
        return self._ask_again_at is not None

    async def ask(self, question: Callable[[], Awaitable[Answer]]) -> Answer | None:
        """What Redis answers; None when it does not, or is not asked because it did not before."""
        if self._ask_again_at is not None:
            if self._clock() < self._ask_again_at:
                self._passed += 1
                return None
            self._ask_again_at = self._clock() + self._retry_s
        try:
            answer = await question()
        except (NotReady, RedisError, OSError, TimeoutError) as error:
            self._lost(error)
            return None
        self._found()
        return answer

    def _lost(self, error: Exception) -> None:
        if self._ask_again_at is None:
            log.warning("a limiter is without Redis", limiter=self._limiter, reason=str(error))
        self._ask_again_at = self._clock() + self._retry_s
        self._passed += 1

    def _found(self) -> None:
        if self._ask_again_at is not None:
            log.info("a limiter has Redis again", limiter=self._limiter, unchecked=self._passed)
        self._ask_again_at, self._passed = None, 0
