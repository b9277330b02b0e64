"""Counting the requests of an address to one endpoint, and telling how the endpoint's limit stands."""

from __future__ import annotations

import math
from functools import cache
from typing import Final

from aiohttp import hdrs, web
from limits import RateLimitItem, parse

from api.core import CORE
from api.errors import RateLimited
from api.limits import told
from api.limits.applied import by_address
from api.limits.limiter import Limiter
from api.limits.principals import Principal
from api.limits.quotas import Standing, Verdict
from api.limits.told import STANDING
from api.settings import Settings

RETRY_AFTER_S: Final = web.RequestKey("retry_after_s", int)


async def count(request: web.Request, name: str, limit: str | None) -> None:
    """Count a request to the endpoint `name` against its own `limit`, or without one the default limits.

    Raises RateLimited.
    """
    limiter = request.app[CORE].limiter
    if limiter is None:
        return
    verdict = await _verdict(limiter, await by_address(request), name, limit)
    if verdict is None:
        return
    standing = _soonest(verdict) if verdict.is_allowed else verdict.blocking
    request[STANDING] = standing
    request[RETRY_AFTER_S] = max(1, math.ceil((standing.ends_at_ms - verdict.at_ms) / 1000))
    if not verdict.is_allowed:
        raise RateLimited(str(standing.limit), "this address", verdict.retry_after_s)


def name_of(method: str, path: str) -> str:
    """By what an endpoint is counted, wherever it is mounted; `method` is the first of those it takes."""
    return f"taskforge {method} {path}"


def add_quota_headers(request: web.Request, response: web.StreamResponse, settings: Settings) -> None:
    """On every answer to a request that was counted; clients expect `Retry-After` on all of them.

    One that says when to ask again says so itself.
    """
    told.add_quota_headers(request, response, settings)
    if RETRY_AFTER_S in request:
        response.headers.setdefault(hdrs.RETRY_AFTER, str(request[RETRY_AFTER_S]))


async def _verdict(
    limiter: Limiter, principal: Principal, endpoint: str, own_limit: str | None
) -> Verdict | None:
    """Who guesses passwords may wait for Redis to go away: limits of single endpoints hold without it."""
    if own_limit is not None:
        return await limiter.quotas.count_always(principal, _parsed(own_limit), endpoint=endpoint)
    return await limiter.quotas.count(principal, limiter.taskforge_limits, endpoint=endpoint)


def _soonest(verdict: Verdict) -> Standing:
    return min(verdict.standings, key=lambda each: each.limit.get_expiry())


@cache
def _parsed(limit: str) -> RateLimitItem:
    return parse(limit)
