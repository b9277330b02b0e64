"""All limiters of a process, made once from the settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from limits import RateLimitItem
from redis.asyncio import Redis

from api.limits.allowances import RateLimits
from api.limits.breaker import Breaker
from api.limits.decisions import Decisions
from api.limits.guesses import Guesses
from api.limits.operations import Operations
from api.limits.quotas import Quotas
from api.settings import Settings
from readmodels.connecting import connect
from readmodels.pipe import shared_pipe

LATE_MAX: Final = 10
BREAKERS: Final = ("quota", "operation", "sign_in")


@dataclass(frozen=True, slots=True)
class Limiter:
    """`limits` are those of TaskFlow Pro's quotas, `taskforge_limits` of each endpoint of TaskForge."""

    limits: RateLimits
    taskforge_limits: Sequence[RateLimitItem]
    quotas: Quotas
    operations: Operations
    guesses: Guesses
    decisions: Decisions
    breakers: Mapping[str, Breaker]


@asynccontextmanager
async def limiting(
    settings: Settings, redis: Redis, clock: Callable[[], float]
) -> AsyncIterator[Limiter | None]:
    """None when the settings switch all limits off. `clock` gives monotonic seconds.

    Quotas are asked for together with what else `redis` is asked; operations have a client of their own.
    """
    if settings.rate_limits is None:
        yield None
        return
    timeout_s = settings.redis_timeout_s
    # A question bounds its waiting itself, and knows a late event loop from a silent Redis.
    own = connect(settings.redis_url, timeout_s=LATE_MAX * timeout_s)
    decisions = Decisions()
    breakers = {name: Breaker(name, settings.limiter_retry_s, clock) for name in BREAKERS}
    pipe = shared_pipe(redis, timeout_s)
    try:
        yield Limiter(
            settings.rate_limits,
            settings.taskforge_limits.items,
            Quotas(pipe, breakers["quota"], decisions),
            Operations(own, settings.redis_url, timeout_s, breakers["operation"], decisions),
            Guesses(pipe, breakers["sign_in"], decisions, settings.sign_in_limits),
            decisions,
            breakers,
        )
    finally:
        await own.aclose()
