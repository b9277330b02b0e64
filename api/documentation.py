"""An API's description for programs (OpenAPI, Postman), and Swagger UI for people who develop."""

from __future__ import annotations

import asyncio
import hashlib
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from aiohttp import hdrs, web

from api import conditional
from api.core import CORE
from api.requests import Handler

FILES: Final = Path(__file__).parent / "swagger"
PAGE: Final = "index.html"
KINDS: Final = {
    "index.html": "text/html; charset=utf-8",
    "start.js": "text/javascript; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
}
"""The files that are served; whatever else lies beside them is not."""

OWN: Final = frozenset({"index.html", "start.js"})
"""Those that are ours, and say which API they are about."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI sets styles on its elements; nothing that it loads or asks may be elsewhere."""


class Described(NamedTuple):
    """An API as its page shows it; `docs` is the address of the page, with no slash at its end."""

    title: str
    docs: str


class File(NamedTuple):
    content: bytes
    tag: str


@cache
def read(name: str, described: Described) -> File:
    content = (FILES / name).read_bytes()
    if name in OWN:
        content = content.replace(b"{title}", described.title.encode())
        content = content.replace(b"{docs}", described.docs.encode())
    return File(content, f'"{hashlib.sha256(content).hexdigest()[:20]}"')


def documentation_routes(described: Described, document: bytes) -> list[web.RouteDef]:
    """The page about an API, and below it the OpenAPI document that the page shows."""

    async def swagger_ui(request: web.Request) -> web.Response:
        return await _swagger_ui(request, described)

    return [
        web.get(described.docs, swagger_ui),
        web.get(f"{described.docs}/openapi.json", serving(document)),
        web.get(f"{described.docs}/{{file:[^/]*}}", swagger_ui),
    ]


def serving(json: bytes) -> Handler:
    """A handler that answers anybody with a document."""

    async def serve(_: web.Request) -> web.Response:
        return web.Response(body=json, content_type="application/json")

    return serve


async def _swagger_ui(request: web.Request, described: Described) -> web.Response:
    """A file of Swagger UI, its page without a name; in development only. Raises HTTPNotFound.

    Made here, because a file that serves itself answers conditions with errors in no envelope.
    """
    name = request.match_info.get("file") or PAGE
    if request.config_dict[CORE].settings.is_production or name not in KINDS:
        raise web.HTTPNotFound
    file = await asyncio.to_thread(read, name, described)
    headers = {hdrs.CONTENT_TYPE: KINDS[name], hdrs.CONTENT_SECURITY_POLICY: POLICY, hdrs.ETAG: file.tag}
    if conditional.is_known(request, file.tag):
        return web.Response(status=304, headers={hdrs.ETAG: file.tag})
    return web.Response(body=file.content, headers=headers)
