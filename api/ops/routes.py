"""All addresses of the operators' API."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from api.dialects import Dialect
from api.documentation import serving
from api.limits.told import add_quota_headers
from api.openapi.document import printed
from api.ops import audit, dead_letters, doctor, events, projections
from api.ops.calls import DIALECT
from api.ops.endpoints import OpsEndpoint
from api.ops.openapi import ops_document
from api.taskflow.quota import admit
from api.taskflow.routes import failed

PREFIX: Final = "/ops/"
DOCUMENT: Final = "/ops/api/openapi.json"
"""Anybody may read what there is; all else is for admins."""

ENDPOINTS: Final[tuple[OpsEndpoint, ...]] = (
    *audit.ENDPOINTS,
    *dead_letters.ENDPOINTS,
    *doctor.ENDPOINTS,
    *events.ENDPOINTS,
    *projections.ENDPOINTS,
)

OPS: Final = Dialect(DIALECT, failed, admit, add_quota_headers)


def routes() -> list[web.RouteDef]:
    document = printed(ops_document(ENDPOINTS))
    return [*(endpoint.route() for endpoint in ENDPOINTS), web.get(DOCUMENT, serving(document))]
