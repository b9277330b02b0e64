"""All addresses that TaskFlow Pro serves, and what wraps every answer of it."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from api.callers import CALLER
from api.health import Health
from api.requests import REQUEST_ID, Handler
from api.taskflow import auth, departments, expenses, projects, reports, risks, stats, tasks, users
from api.taskflow.calls import note_attempt
from api.taskflow.documentation import documentation_routes
from api.taskflow.envelope import Answer, error, sealed, translated
from api.taskflow.login_page import login_page

ENDPOINTS: Final = (
    *auth.ENDPOINTS,
    *users.ENDPOINTS,
    *departments.ENDPOINTS,
    *projects.ENDPOINTS,
    *tasks.ENDPOINTS,
    *risks.ENDPOINTS,
    *expenses.ENDPOINTS,
    *stats.ENDPOINTS,
    *reports.ENDPOINTS,
)

DOCUMENTATION: Final = tuple(documentation_routes(ENDPOINTS))

HEALTH: Final = web.AppKey("health", Health)


@web.middleware
async def with_envelope(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever goes wrong is answered in the envelope; every attempt to change something is recorded."""
    try:
        response = await handler(request)
    except Exception as exception:  # noqa: BLE001 - the last place where a request can be answered
        caller = request.get(CALLER)
        answer = translated(exception, request.method, caller and caller.role)
        response = sealed(answer, request[REQUEST_ID]).response()
    note_attempt(request, response.status)
    return response


async def livez(request: web.Request) -> web.Response:
    return sealed(Answer(message="alive"), request[REQUEST_ID]).response()


async def readyz(request: web.Request) -> web.Response:
    checks = await request.app[HEALTH].checks()
    if all(check["ok"] for check in checks.values()):
        answer = Answer({"checks": checks}, "ready")
    else:
        answer = error(503, "UNAVAILABLE", "not ready", {"Retry-After": "1"}, checks=checks)
    return sealed(answer, request[REQUEST_ID]).response()


def routes() -> list[web.RouteDef]:
    return [
        *(endpoint.route() for endpoint in ENDPOINTS),
        *DOCUMENTATION,
        web.get("/login", login_page),
        web.get("/livez", livez),
        web.get("/readyz", readyz),
    ]
