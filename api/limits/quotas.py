"""Quotas of a user or an address: all of them checked and counted in one step, for all processes."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from limits import RateLimitItem

from api.limits.breaker import Breaker
from api.limits.decisions import Decisions
from api.limits.local import LocalWindows
from api.limits.principals import Principal
from api.together import Together
from readmodels.keys import LIMITS
from readmodels.pipe import Pipe
from readmodels.scripts import script

BUCKETS_MAX: Final = 10_000
QUOTA: Final = script(Path(__file__).parent / "lua", "quota")


class Standing(NamedTuple):
    """One quota after a request; its window ends at `ends_at_ms`, in Unix milliseconds."""

    limit: RateLimitItem
    remaining: int
    ends_at_ms: int

    @property
    def reset(self) -> int:
        """The first full Unix second at which the whole amount is there again."""
        return math.ceil(self.ends_at_ms / 1000)


class Verdict(NamedTuple):
    """Whether a request may pass, at what moment of Redis' clock, and how each quota stands."""

    is_allowed: bool
    at_ms: int
    standings: tuple[Standing, ...]

    @property
    def blocking(self) -> Standing:
        """Of a request that may not pass: the used-up quota that is free again last."""
        return max((each for each in self.standings if not each.remaining), key=lambda each: each.ends_at_ms)

    @property
    def retry_after_s(self) -> int:
        return max(1, math.ceil((self.blocking.ends_at_ms - self.at_ms) / 1000))


class Bucket:
    """The quotas that count a principal's requests; those that come at the same time are counted together."""

    __slots__ = ("_keys", "_pipe", "_words", "limits", "requests")

    def __init__(
        self, pipe: Pipe, principal: Principal, limits: Sequence[RateLimitItem], endpoint: str
    ) -> None:
        self._pipe = pipe
        self._keys = [key(limit, principal, endpoint) for limit in limits]
        self._words = [word for limit in limits for word in (limit.amount, limit.get_expiry())]
        self.limits = limits
        self.requests: Together[None, Verdict] = Together(self._count)

    async def _count(self, requests: Sequence[None]) -> list[Verdict]:
        number = len(requests)
        counted, now_ms, *figures = await self._pipe.change(QUOTA, self._keys, *self._words, number)
        return [
            Verdict(place <= counted, now_ms, self._standings(figures, min(place, counted)))
            for place in range(1, number + 1)
        ]

    def _standings(self, figures: Sequence[int], counted: int) -> tuple[Standing, ...]:
        pairs = zip(self.limits, figures[::2], figures[1::2], strict=True)
        return tuple(
            [Standing(limit, max(0, limit.amount - before - counted), ends) for limit, before, ends in pairs]
        )


class Quotas:
    """Fixed windows, each from the first request in it: the keys and the meaning are those of `limits`.

    A refused request counts in none of the quotas. Requests of one principal that come at the same
    time are counted by one question.
    """

    def __init__(self, pipe: Pipe, breaker: Breaker, decisions: Decisions) -> None:
        self._pipe = pipe
        self._breaker = breaker
        self._decisions = decisions
        self._local = LocalWindows()
        self._buckets: dict[tuple[Principal, str], Bucket] = {}

    async def count(
        self, principal: Principal, limits: Sequence[RateLimitItem], *, endpoint: str = ""
    ) -> Verdict | None:
        """Count a request of `principal`, apart from those to others where it names an `endpoint`.

        None while Redis is away, when every request may pass.
        """
        verdict = await self._ask(principal, limits, endpoint)
        self._note("quota", verdict)
        return verdict

    async def count_always(self, principal: Principal, limit: RateLimitItem, *, endpoint: str) -> Verdict:
        """Count a request that may never pass uncounted: without Redis, each process counts for itself."""
        verdict = await self._ask(principal, [limit], endpoint)
        if verdict is not None:
            self._note("quota", verdict)
            return verdict
        verdict = await self._count_here(limit, str(principal), endpoint)
        self._note("local", verdict)
        return verdict

    async def _ask(
        self, principal: Principal, limits: Sequence[RateLimitItem], endpoint: str
    ) -> Verdict | None:
        bucket = self._bucket(principal, limits, endpoint)
        return await self._breaker.ask(lambda: bucket.requests.ask(None))

    def _bucket(self, principal: Principal, limits: Sequence[RateLimitItem], endpoint: str) -> Bucket:
        name = (principal, endpoint)
        bucket = self._buckets.get(name)
        if bucket is None or bucket.limits != limits:
            if len(self._buckets) >= BUCKETS_MAX:
                self._buckets.clear()
            bucket = self._buckets[name] = Bucket(self._pipe, principal, limits, endpoint)
        return bucket

    async def _count_here(self, limit: RateLimitItem, *names: str) -> Verdict:
        passes = await self._local.hit(limit, *names)
        stats = await self._local.stats(limit, *names)
        standing = Standing(limit, stats.remaining if passes else 0, round(stats.reset_time * 1000))
        return Verdict(passes, round(time.time() * 1000), (standing,))

    def _note(self, limiter: str, verdict: Verdict | None) -> None:
        if verdict is None:
            self._decisions.note(limiter, "unchecked")
        else:
            self._decisions.note(limiter, "allowed" if verdict.is_allowed else "limited")


def key(limit: RateLimitItem, principal: Principal, endpoint: str = "") -> str:
    """The braces put the quotas of a principal into one slot of a cluster."""
    names = (f"{{{principal}}}", endpoint) if endpoint else (f"{{{principal}}}",)
    return f"{LIMITS}:{limit.key_for(*names)}"
