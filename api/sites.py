"""What is served at which port: TaskFlow Pro at the first, TaskForge at the second and below the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from api.answering import answering
from api.core import CORE, Core
from api.dialects import Dialect, Site, Spoken
from api.health import HEALTH, Health
from api.metrics.page import PATH as METRICS_PATH
from api.metrics.page import metrics
from api.ops.routes import OPS
from api.ops.routes import PREFIX as OPS_PREFIX
from api.ops.routes import routes as ops_routes
from api.taskflow.routes import TASKFLOW, probes
from api.taskflow.routes import routes as taskflow_routes
from api.taskforge.routes import TASKFORGE
from api.taskforge.routes import routes as taskforge_routes

TASKFORGE_PREFIX: Final = "/taskforge"


def taskflow_site(core: Core) -> Site:
    """TaskFlow Pro, its probes and `/metrics`, TaskForge at `/taskforge/api/…`, and `/ops/api/…`."""
    watched = web.get(METRICS_PATH, metrics)
    return _site(
        core, _by_path, [*taskflow_routes(), *taskforge_routes(TASKFORGE_PREFIX), *ops_routes(), watched]
    )


def taskforge_site(core: Core) -> Site:
    """TaskForge at `/api/…`, with `/livez` and `/readyz`."""
    return _site(core, lambda _: TASKFORGE, [*taskforge_routes(), *probes()])


def _by_path(request: web.BaseRequest) -> Dialect:
    if request.path.startswith(f"{TASKFORGE_PREFIX}/"):
        return TASKFORGE
    return OPS if request.path.startswith(OPS_PREFIX) else TASKFLOW


def _site(core: Core, spoken: Spoken, routes: Sequence[web.RouteDef]) -> Site:
    app = web.Application(middlewares=[answering(core, spoken)])
    app[CORE], app[HEALTH] = core, Health(core)
    app.add_routes(routes)
    return Site(app, spoken)
