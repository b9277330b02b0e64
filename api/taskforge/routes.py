"""All addresses that TaskForge serves, and how it answers whatever goes wrong."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from api.dialects import Dialect
from api.replies import Reply
from api.settings import Settings
from api.taskforge import auth, exports, health, registration, statistics, tags, tasks, users
from api.taskforge.calls import DIALECT
from api.taskforge.cors import add_cors_headers, preflight
from api.taskforge.documentation import documentation_routes
from api.taskforge.envelope import translated
from api.taskforge.quota import add_quota_headers
from api.unavailable import open_end

ENDPOINTS: Final = (
    *registration.ENDPOINTS,
    *auth.ENDPOINTS,
    *tasks.ENDPOINTS,
    *statistics.ENDPOINTS,
    *exports.ENDPOINTS,
    *tags.ENDPOINTS,
    *users.ENDPOINTS,
    *health.ENDPOINTS,
)


def routes(prefix: str = "") -> list[web.RouteDef]:
    """Every endpoint and what describes them, their paths below `prefix`."""
    return [
        *(route for endpoint in ENDPOINTS for route in endpoint.routes(prefix)),
        *documentation_routes(ENDPOINTS, prefix),
    ]


def failed(exception: Exception, request: web.BaseRequest, _request_id: str) -> Reply:
    """The answer in the envelope to a request that ended in an exception."""
    return translated(exception, open_end(request))


def add_headers(request: web.Request, response: web.StreamResponse, settings: Settings) -> None:
    add_quota_headers(request, response, settings)
    add_cors_headers(request, response, settings)


TASKFORGE: Final = Dialect(DIALECT, failed, preflight, add_headers)
