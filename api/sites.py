"""What is served at which port: TaskFlow Pro at the first, TaskForge at the second and below the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from api.core import CORE, Core
from api.dialects import Dialect, Site, Spoken, with_dialect
from api.health import HEALTH, Health
from api.ops.routes import OPS
from api.ops.routes import PREFIX as OPS_PREFIX
from api.ops.routes import routes as ops_routes
from api.requests import add_headers, with_request_id
from api.taskflow.routes import TASKFLOW, probes
from api.taskflow.routes import routes as taskflow_routes
from api.taskforge.routes import TASKFORGE
from api.taskforge.routes import routes as taskforge_routes

TASKFORGE_PREFIX: Final = "/taskforge"


def taskflow_site(core: Core) -> Site:
    """TaskFlow Pro with `/login`, `/livez` and `/readyz`, TaskForge at `/taskforge/api/…`, `/ops/api/…`."""
    return _site(core, _by_path, [*taskflow_routes(), *taskforge_routes(TASKFORGE_PREFIX), *ops_routes()])


def taskforge_site(core: Core) -> Site:
    """TaskForge at `/api/…`, with `/livez` and `/readyz`."""
    return _site(core, lambda _: TASKFORGE, [*taskforge_routes(), *probes()])


def _by_path(request: web.BaseRequest) -> Dialect:
    if request.path.startswith(f"{TASKFORGE_PREFIX}/"):
        return TASKFORGE
    return OPS if request.path.startswith(OPS_PREFIX) else TASKFLOW


def _site(core: Core, spoken: Spoken, routes: Sequence[web.RouteDef]) -> Site:
    # The outermost comes first: an id even for what fails, then the envelope and what is within it.
    app = web.Application(middlewares=[with_request_id, with_dialect(spoken, core.settings)])
    app[CORE], app[HEALTH] = core, Health(core)

    async def add_dialect_headers(request: web.Request, response: web.StreamResponse) -> None:
        await spoken(request).add_headers(request, response)

    app.on_response_prepare.extend([add_headers, add_dialect_headers])
    app.add_routes(routes)
    return Site(app, spoken)
