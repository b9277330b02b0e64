"""All addresses of the operators' API."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from api.dialects import Dialect
from api.limits.told import add_quota_headers
from api.ops.calls import DIALECT
from api.ops.endpoints import OpsEndpoint
from api.taskflow.quota import with_quota
from api.taskflow.routes import failed

PREFIX: Final = "/ops/"

ENDPOINTS: Final[tuple[OpsEndpoint, ...]] = ()

OPS: Final = Dialect(DIALECT, failed, (with_quota,), add_quota_headers)


def routes() -> list[web.RouteDef]:
    return [endpoint.route() for endpoint in ENDPOINTS]
