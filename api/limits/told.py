"""Telling clients how the limit stands that their request was counted against."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from api.limits.quotas import Standing
from api.settings import Settings

LIMIT_HEADER: Final = "X-RateLimit-Limit"
REMAINING_HEADER: Final = "X-RateLimit-Remaining"
RESET_HEADER: Final = "X-RateLimit-Reset"

STANDING: Final = web.RequestKey("standing", Standing)


def add_quota_headers(request: web.Request, response: web.StreamResponse, _: Settings) -> None:
    """On every answer to a request that was counted, or refused for it."""
    standing = request.get(STANDING)
    if standing:
        headers = response.headers
        headers[LIMIT_HEADER] = str(standing.limit.amount)
        headers[REMAINING_HEADER] = str(standing.remaining)
        headers[RESET_HEADER] = str(standing.reset)
