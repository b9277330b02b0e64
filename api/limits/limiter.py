"""All limiters of a process, made once from the settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from limits import RateLimitItem

from api.limits.allowances import RateLimits
from api.limits.breaker import Breaker
from api.limits.decisions import Decisions
from api.limits.operations import Operations
from api.limits.quotas import Quotas
from api.settings import Settings
from readmodels.connecting import connect
from readmodels.pipe import Pipe

LATE_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Limiter:
    """`limits` are those of TaskFlow Pro's quotas, `taskforge_limits` of each endpoint of TaskForge."""

    limits: RateLimits
    taskforge_limits: Sequence[RateLimitItem]
    quotas: Quotas
    operations: Operations
    decisions: Decisions
    breakers: Mapping[str, Breaker]
    pipe: Pipe


@asynccontextmanager
async def limiting(settings: Settings, clock: Callable[[], float]) -> AsyncIterator[Limiter | None]:
    """None when the settings switch all limits off. `clock` gives monotonic seconds."""
    if settings.rate_limits is None:
        yield None
        return
    timeout_s = settings.redis_timeout_s
    # The pipe bounds its waiting itself, and knows a late event loop from a silent Redis.
    redis = connect(settings.redis_url, timeout_s=LATE_MAX * timeout_s)
    decisions, pipe = Decisions(), Pipe(redis, timeout_s)
    breakers = {name: Breaker(name, settings.limiter_retry_s, clock) for name in ("quota", "operation")}
    try:
        yield Limiter(
            settings.rate_limits,
            settings.taskforge_limits.items,
            Quotas(pipe, breakers["quota"], decisions),
            Operations(redis, settings.redis_url, timeout_s, breakers["operation"], decisions),
            decisions,
            breakers,
            pipe,
        )
    finally:
        await redis.aclose()
