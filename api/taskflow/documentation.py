"""The API's description for programs (OpenAPI, Postman), and Swagger UI for people who develop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web

from api.core import CORE
from api.openapi.document import printed
from api.requests import Handler
from api.taskflow.endpoints import Endpoint
from api.taskflow.openapi.document import taskflow_document
from api.taskflow.openapi.postman import taskflow_collection

FILES: Final = Path(__file__).parent.parent / "swagger"
PAGE: Final = "index.html"
KINDS: Final = {
    "index.html": "text/html; charset=utf-8",
    "start.js": "text/javascript; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
}
"""The files that are served; whatever else lies beside them is not."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI sets styles on its elements; nothing that it loads or asks may be elsewhere."""


def swagger_ui() -> Handler:
    """Serves a file of Swagger UI, its page without a name; in development only.

    From memory: a file answers parts and conditions by itself, with errors in no envelope.
    """
    contents = {name: (FILES / name).read_bytes() for name in KINDS}

    async def serve(request: web.Request) -> web.Response:
        name = request.match_info.get("file") or PAGE
        if request.config_dict[CORE].settings.is_production or name not in KINDS:
            raise web.HTTPNotFound
        headers = {hdrs.CONTENT_TYPE: KINDS[name], hdrs.CONTENT_SECURITY_POLICY: POLICY}
        return web.Response(body=contents[name], headers=headers)

    return serve


def documentation_routes(endpoints: Sequence[Endpoint]) -> list[web.RouteDef]:
    """The documents are made here, before anybody asks for them."""
    made, page = taskflow_document(endpoints), swagger_ui()
    return [
        web.get("/api/docs", page),
        web.get("/api/docs/openapi.json", _serving(printed(made))),
        web.get("/docs/api/postman_collection.json", _serving(printed(taskflow_collection(made)))),
        web.get("/api/docs/{file:[^/]*}", page),
    ]


def _serving(json: bytes) -> Handler:
    async def serve(_: web.Request) -> web.Response:
        return web.Response(body=json, content_type="application/json")

    return serve
