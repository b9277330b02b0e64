"""Letting the pages of known origins read what TaskForge answers."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from api.core import Core
from api.limits.told import LIMIT_HEADER, REMAINING_HEADER, RESET_HEADER
from api.requests import ID_HEADER
from api.settings import Settings

METHODS: Final = "DELETE, GET, OPTIONS, PATCH, POST, PUT"
REQUEST_HEADERS: Final = "Authorization, Content-Type"
READABLE: Final = (
    f"{LIMIT_HEADER}, {REMAINING_HEADER}, {RESET_HEADER}, {hdrs.RETRY_AFTER}, {ID_HEADER}, "
    f"{hdrs.CONTENT_DISPOSITION}"
)
"""Headers that scripts may read; all others a browser keeps from them."""


async def preflight(request: web.Request, _: Core) -> web.StreamResponse | None:
    """Answers `OPTIONS` for every address there is, before anything is counted or asked for."""
    if request.method != hdrs.METH_OPTIONS:
        return None
    unmatched = request.match_info.http_exception
    if not isinstance(unmatched, web.HTTPMethodNotAllowed):
        return None
    return web.Response(headers={hdrs.ALLOW: ", ".join(sorted({*unmatched.allowed_methods, "OPTIONS"}))})


def add_cors_headers(request: web.Request, response: web.StreamResponse, settings: Settings) -> None:
    """On answers of every kind; without an allowed origin only the hint to caches that it matters."""
    varies = response.headers.getall(hdrs.VARY, ())
    response.headers[hdrs.VARY] = ", ".join((*varies, hdrs.ORIGIN)) if varies else hdrs.ORIGIN
    origin = request.headers.get(hdrs.ORIGIN, "")
    if origin not in settings.cors_origins:
        return
    response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
    response.headers[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"
    if _is_preflight(request):
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = METHODS
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = REQUEST_HEADERS
    else:
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = READABLE


def _is_preflight(request: web.Request) -> bool:
    return request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
