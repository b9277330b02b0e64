"""Where TaskFlow Pro's OpenAPI document, its page and its Postman collection are served."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from api import documentation
from api.documentation import Described, serving
from api.openapi.document import printed
from api.taskflow.endpoints import Endpoint
from api.taskflow.openapi.document import taskflow_document
from api.taskflow.openapi.postman import taskflow_collection
from api.taskflow.openapi.words import TITLE


def documentation_routes(endpoints: Sequence[Endpoint]) -> list[web.RouteDef]:
    """The documents are made here, before anybody asks for them."""
    made = taskflow_document(endpoints)
    return [
        *documentation.documentation_routes(Described(TITLE, "/api/docs"), printed(made)),
        web.get("/docs/api/postman_collection.json", serving(printed(taskflow_collection(made)))),
    ]
