"""Limits of single operations, by the decorator of `aiohttp-ratelimiter` with a strategy that is exact."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple, NoReturn, TypeVar

from aiohttp import web
from aiohttplimiter.limiter import BaseRateLimitDecorator, RateLimitExceeded
from limits import RateLimitItem, parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import Redis

from api.errors import RateLimited
from api.limits.breaker import Breaker
from api.limits.decisions import Decisions
from api.limits.local import LocalWindows
from api.limits.principals import Principal
from api.requests import Handler
from readmodels.connecting import within
from readmodels.keys import LIMITS

Answer = TypeVar("Answer")


class Operation(NamedTuple):
    """`name` tells operations apart, `limit` is as in `20/minute`, `principal` says who is counted."""

    name: str
    limit: str
    principal: Callable[[web.Request], Awaitable[Principal]]


class Operations:
    """Exact and shared by all processes; while Redis is away, each process counts for itself.

    `redis_url` is where `redis` is connected to; a question to it takes `timeout_s` at most.
    """

    def __init__(
        self, redis: Redis, redis_url: str, timeout_s: float, breaker: Breaker, decisions: Decisions
    ) -> None:
        self._storage = RedisStorage(
            storage_url(redis_url),
            implementation="redispy",
            key_prefix=LIMITS,
            connection_pool=redis.connection_pool,  # type: ignore[arg-type]  # taken, though not declared
        )
        self._strategy = AtOnce(self._storage, timeout_s, breaker, decisions)
        self._decorated: dict[str, Handler] = {}

    def limited(self, operation: Operation, handler: Handler) -> Handler:
        """The handler under the operation's limit; it raises RateLimited."""
        if operation.name not in self._decorated:
            self._decorated[operation.name] = self._decorate(operation, handler)
        return self._decorated[operation.name]

    def _decorate(self, operation: Operation, handler: Handler) -> Handler:
        item = parse(operation.limit)

        async def principal(request: web.Request) -> str:
            return str(await operation.principal(request))

        async def refuse(request: web.Request, _: RateLimitExceeded) -> NoReturn:
            key = f"{await principal(request)}:{operation.name}"
            raise RateLimited(str(item), "this operation", await self._strategy.retry_after_s(item, key))

        decorate = BaseRateLimitDecorator(
            db=self._storage,
            path_id=operation.name,
            keyfunc=principal,
            moving_window=self._strategy,
            ratelimit=operation.limit,
            error_handler=refuse,
        )
        return decorate(handler)


class AtOnce(MovingWindowRateLimiter):
    """Check and count in one step: the decorator asks `test` first and does not look at what `hit` says."""

    def __init__(
        self, storage: RedisStorage, timeout_s: float, breaker: Breaker, decisions: Decisions
    ) -> None:
        super().__init__(storage)
        self._shared = MovingWindowRateLimiter(storage)
        self._local = LocalWindows()
        self._timeout_s = timeout_s
        self._breaker = breaker
        self._decisions = decisions

    async def test(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        limiter = "operation"
        passes = await self._ask(lambda: self._shared.hit(item, *identifiers, cost=cost))
        if passes is None:
            limiter = "local"
            passes = await self._local.hit(item, *identifiers, cost=cost)
        self._decisions.note(limiter, "allowed" if passes else "limited")
        return passes

    async def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:  # noqa: ARG002
        """Counted already."""
        return True

    async def retry_after_s(self, item: RateLimitItem, *identifiers: str) -> int:
        """Seconds until one more request may pass."""
        stats = await self._ask(lambda: self._shared.get_window_stats(item, *identifiers))
        if stats is None:
            stats = await self._local.stats(item, *identifiers)
        return max(1, math.ceil(stats.reset_time - time.time()))

    async def _ask(self, question: Callable[[], Awaitable[Answer]]) -> Answer | None:
        return await self._breaker.ask(lambda: within(self._timeout_s, question()))


def storage_url(redis_url: str) -> str:
    """The address as `limits` takes it, which tells sockets of Redis from others by a longer scheme."""
    return f"redis+{redis_url}" if redis_url.startswith("unix:") else redis_url
