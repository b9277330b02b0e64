"""Where TaskForge's OpenAPI document and its page are served."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from api import documentation
from api.documentation import Described, serving
from api.openapi.document import printed
from api.taskforge.endpoints import Endpoint
from api.taskforge.openapi.document import taskforge_document
from api.taskforge.openapi.words import TITLE


def documentation_routes(endpoints: Sequence[Endpoint], prefix: str = "") -> list[web.RouteDef]:
    """The document is made here, before anybody asks for it; it says below which `prefix` it is served."""
    document = printed(taskforge_document(endpoints, served_below=prefix))
    return [
        *documentation.documentation_routes(Described(TITLE, f"{prefix}/api/docs"), document),
        web.get(f"{prefix}/apispec.json", serving(document)),
    ]
