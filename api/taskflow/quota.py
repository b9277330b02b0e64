"""Counting every request against the quotas of its user or address."""

from __future__ import annotations

from functools import cache
from typing import Final

from aiohttp import web
from limits import RateLimitItem

from api.core import Core
from api.errors import RateLimited
from api.limits.allowances import RateLimits
from api.limits.principals import Principal
from api.limits.told import STANDING
from api.taskflow.visitors import FOUND, principal_of

WHOSE: Final = {"user": "a user", "address": "an address without a session"}

EXEMPT: Final = ("/livez", "/readyz", "/metrics", "/api/docs", "/docs")
"""Health, metrics and documentation, and what is below them."""


async def admit(request: web.Request, core: Core) -> None:
    """Raises RateLimited for a request too many."""
    request[FOUND] = None
    limiter = core.limiter
    if limiter is None or is_exempt(request):
        return
    principal = await principal_of(request)
    verdict = await limiter.quotas.count(principal, _quotas(limiter.limits, principal))
    if verdict is not None:
        request[STANDING] = verdict.standings[0]
        if not verdict.is_allowed:
            raise RateLimited(str(verdict.blocking.limit), WHOSE[principal.kind], verdict.retry_after_s)


def is_exempt(request: web.Request) -> bool:
    """By the route that was found, not by what the client wrote: an unknown path is never exempt."""
    resource = request.match_info.route.resource
    return resource is not None and _is_exempt(resource.canonical)


@cache
def _is_exempt(path: str) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in EXEMPT)


def _quotas(limits: RateLimits, principal: Principal) -> tuple[RateLimitItem, RateLimitItem]:
    """The hourly one first, of which the headers speak."""
    return (limits.user if principal.kind == "user" else limits.address), limits.burst
