"""Answers say so when they show documents that stand still, or sums that may lack what these would add."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from api.calls import MODEL_HEADER
from api.requests import Handler
from readmodels.noted import Noted, noting

LACKS_HEADER: Final = "X-Read-Model-Lacks"
PARKED: Final = "parked"

_NOTED: Final = web.RequestKey("noted", Noted)


@web.middleware
async def with_notes(request: web.Request, handler: Handler) -> web.StreamResponse:
    with noting() as noted:
        request[_NOTED] = noted
        return await handler(request)


async def add_parked_headers(request: web.Request, response: web.StreamResponse) -> None:
    """`X-Read-Model: parked`, unless it says that the read model is behind, and `X-Read-Model-Lacks`."""
    noted = request.get(_NOTED)
    if noted is None:
        return
    if noted.shows_parked and MODEL_HEADER not in response.headers:
        response.headers[MODEL_HEADER] = PARKED
    if noted.lacking:
        response.headers[LACKS_HEADER] = str(noted.lacking)
