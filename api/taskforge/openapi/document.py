"""The whole document of TaskForge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from api.openapi.addresses import links, plain
from api.openapi.document import document, tags_used
from api.openapi.examples import Examples
from api.openapi.headers import TAKEN
from api.openapi.schemas import PREFIX, Schemas
from api.taskforge.endpoints import Endpoint
from api.taskforge.health import APP_VERSION
from api.taskforge.openapi.fields import say_what_is_taken
from api.taskforge.openapi.forms import RESPONSES
from api.taskforge.openapi.headers import BORNE
from api.taskforge.openapi.operations import operation_id, operations_of
from api.taskforge.openapi.samples import SAMPLES
from api.taskforge.openapi.successes import EXPORTED, exported_task
from api.taskforge.openapi.words import ABOUT, TAGS, TITLE

CREATED: Final = 201

Described = dict[str, Any]

SECURITY: Final[Described] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The `access_token` that `POST /api/auth/login` gives.",
    },
    "refresh": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The `refresh_token` that `POST /api/auth/login` gives.",
    },
}


SERVERS: Final[list[Described]] = [
    {"url": "http://localhost:5001", "description": "A server on this machine, at its own port"},
    {"url": "http://localhost:5000/taskforge", "description": "The same, beside TaskFlow Pro"},
]
"""Where the document is no server's own: those that start with no other ports given."""


def taskforge_document(endpoints: Sequence[Endpoint], served_below: str | None = None) -> Described:
    """The document of everything that the endpoints serve; `served_below` is its prefix if it is served."""
    return with_examples(endpoints, served_below)[0]


def with_examples(
    endpoints: Sequence[Endpoint], served_below: str | None = None
) -> tuple[Described, Examples]:
    """The document, and what its examples were made by."""
    schemas = _schemas(endpoints)
    examples = Examples(SAMPLES, schemas.components)
    operations = [
        operation
        for endpoint in endpoints
        for operation in operations_of(endpoint, schemas, examples, _links(endpoint, endpoints))
    ]
    made = document(
        info={"title": TITLE, "version": APP_VERSION, "description": ABOUT},
        servers=SERVERS if served_below is None else [_itself(served_below)],
        tags=tags_used(TAGS.values(), operations),
        operations=operations,
        components={
            "schemas": schemas.components,
            "responses": RESPONSES,
            "parameters": TAKEN,
            "headers": BORNE,
            "securitySchemes": SECURITY,
        },
    )
    return made, examples


def _itself(prefix: str) -> Described:
    """Ports vary, and a page may ask its own server only."""
    return {"url": prefix or "/", "description": "The server that this document comes from"}


def _schemas(endpoints: Sequence[Endpoint]) -> Schemas:
    bodies = [endpoint.body for endpoint in endpoints if endpoint.body]
    schemas = Schemas(
        bodies=bodies,
        shown=[endpoint.shows.data for endpoint in endpoints if endpoint.shows.data],
        others={},
    )
    say_what_is_taken(schemas.components, bodies)
    schemas.components[EXPORTED] = exported_task(schemas.components)
    return schemas


def _links(endpoint: Endpoint, endpoints: Sequence[Endpoint]) -> Described:
    """From the answer about what was made to all operations that are about it."""
    if endpoint.shows.status != CREATED:
        return {}
    made = endpoint.shows.data.__name__.removeprefix(PREFIX).lower()
    others = [(operation_id(each, method), plain(each.path)) for each in endpoints for method in each.methods]
    return links(f"{made}_id", "data/id", endpoint.path, others)
