"""The API's description for programs (OpenAPI, Postman), and Swagger UI for people who develop."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from aiohttp import hdrs, web

from api import conditional
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


class File(NamedTuple):
    content: bytes
    tag: str


@cache
def read(name: str) -> File:
    content = (FILES / name).read_bytes()
    return File(content, f'"{hashlib.sha256(content).hexdigest()[:20]}"')


async def swagger_ui(request: web.Request) -> web.Response:
    """A file of Swagger UI, its page without a name; in development only. Raises HTTPNotFound.

    Made here, because a file that serves itself answers conditions with errors in no envelope.
    """
    name = request.match_info.get("file") or PAGE
    if request.config_dict[CORE].settings.is_production or name not in KINDS:
        raise web.HTTPNotFound
    file = await asyncio.to_thread(read, name)
    headers = {hdrs.CONTENT_TYPE: KINDS[name], hdrs.CONTENT_SECURITY_POLICY: POLICY, hdrs.ETAG: file.tag}
    if conditional.is_known(request, file.tag):
        return web.Response(status=304, headers={hdrs.ETAG: file.tag})
    return web.Response(body=file.content, headers=headers)


def documentation_routes(endpoints: Sequence[Endpoint]) -> list[web.RouteDef]:
    """The documents are made here, before anybody asks for them."""
    made = taskflow_document(endpoints)
    return [
        web.get("/api/docs", swagger_ui),
        web.get("/api/docs/openapi.json", _serving(printed(made))),
        web.get("/docs/api/postman_collection.json", _serving(printed(taskflow_collection(made)))),
        web.get("/api/docs/{file:[^/]*}", swagger_ui),
    ]


def _serving(json: bytes) -> Handler:
    async def serve(_: web.Request) -> web.Response:
        return web.Response(body=json, content_type="application/json")

    return serve
