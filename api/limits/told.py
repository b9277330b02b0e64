"""Telling clients how the limit stands that their request was counted against."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from api.limits.quotas import Standing

LIMIT_HEADER: Final = "X-RateLimit-Limit"
REMAINING_HEADER: Final = "X-RateLimit-Remaining"
RESET_HEADER: Final = "X-RateLimit-Reset"

STANDING: Final = web.RequestKey("standing", Standing)


async def add_quota_headers(request: web.Request, response: web.StreamResponse) -> None:
    """On every answer to a request that was counted, or refused for it."""
    standing = request.get(STANDING)
    if standing:
        response.headers[LIMIT_HEADER] = str(standing.limit.amount)
        response.headers[REMAINING_HEADER] = str(standing.remaining)
        response.headers[RESET_HEADER] = str(standing.reset)
