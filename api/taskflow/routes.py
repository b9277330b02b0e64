"""All addresses that TaskFlow Pro serves, and how it answers whatever goes wrong."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from api.callers import CALLER
from api.dialects import Dialect
from api.health import HEALTH
from api.limits.told import add_quota_headers
from api.replies import Reply
from api.requests import REQUEST_ID
from api.taskflow import (
    auth,
    departments,
    expenses,
    history,
    projects,
    reports,
    risks,
    sessions,
    stats,
    tasks,
    users,
)
from api.taskflow.calls import DIALECT
from api.taskflow.documentation import documentation_routes
from api.taskflow.envelope import Answer, error, sealed, translated
from api.taskflow.login_page import login_page
from api.taskflow.quota import admit
from api.unavailable import open_end

ENDPOINTS: Final = (
    *auth.ENDPOINTS,
    *sessions.ENDPOINTS,
    *users.ENDPOINTS,
    *departments.ENDPOINTS,
    *projects.ENDPOINTS,
    *tasks.ENDPOINTS,
    *risks.ENDPOINTS,
    *expenses.ENDPOINTS,
    *history.ENDPOINTS,
    *stats.ENDPOINTS,
    *reports.ENDPOINTS,
)

DOCUMENTATION: Final = tuple(documentation_routes(ENDPOINTS))


def failed(exception: Exception, request: web.BaseRequest, request_id: str) -> Reply:
    """The answer in the envelope to a request that ended in an exception."""
    caller = request.get(CALLER)
    role = caller and caller.role
    return sealed(translated(exception, request.method, role, open_end(request)), request_id)


TASKFLOW: Final = Dialect(DIALECT, failed, admit, add_quota_headers)


async def livez(request: web.Request) -> web.Response:
    return sealed(Answer(message="alive"), request[REQUEST_ID]).response()


async def readyz(request: web.Request) -> web.Response:
    checks = await request.app[HEALTH].checks()
    if all(check["ok"] for check in checks.values()):
        answer = Answer({"checks": checks}, "ready")
    else:
        answer = error(503, "UNAVAILABLE", "not ready", {"Retry-After": "1"}, checks=checks)
    return sealed(answer, request[REQUEST_ID]).response()


def probes() -> list[web.RouteDef]:
    """What a port answers to those who watch over processes, whatever else it serves."""
    return [web.get("/livez", livez), web.get("/readyz", readyz)]


def routes() -> list[web.RouteDef]:
    return [
        *(endpoint.route() for endpoint in ENDPOINTS),
        *DOCUMENTATION,
        web.get("/login", login_page),
        *probes(),
    ]
