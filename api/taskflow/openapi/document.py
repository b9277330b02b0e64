"""The whole document of TaskFlow Pro."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from api.openapi.document import document, tags_used
from api.openapi.examples import Examples
from api.openapi.headers import references
from api.openapi.schemas import REF, Schemas
from api.taskflow.endpoints import Endpoint
from api.taskflow.envelope import VERSION
from api.taskflow.openapi.defaults import with_defaults
from api.taskflow.openapi.headers import BORNE, TAKEN
from api.taskflow.openapi.health import HEALTH, HEALTH_SCHEMAS
from api.taskflow.openapi.operations import operation
from api.taskflow.openapi.problems import ALTERNATIVES, PROBLEMS, body_schemas, headers_of, status_of
from api.taskflow.openapi.samples import SAMPLES
from api.taskflow.openapi.successes import JSON
from api.taskflow.openapi.words import ABOUT, TAGS, TITLE

Described = dict[str, Any]

META: Final[Described] = {
    "type": "object",
    "description": "When this was answered, by which version of the API, to which request.",
    "properties": {
        "timestamp": {"type": "string", "format": "date-time"},
        "version": {"type": "string", "const": VERSION},
        "request_id": {"type": "string"},
    },
    "required": ["timestamp", "version", "request_id"],
}
PAGINATION: Final[Described] = {
    "type": "object",
    "description": "Where this page stands in the whole list; `pages` is 0 when there is nothing.",
    "properties": {
        "page": {"type": "integer", "minimum": 1},
        "per_page": {"type": "integer", "minimum": 1},
        "total": {"type": "integer", "minimum": 0},
        "pages": {"type": "integer", "minimum": 0},
    },
    "required": ["page", "per_page", "total", "pages"],
}
SESSION: Final[Described] = {
    "type": "apiKey",
    "in": "cookie",
    "name": "session",
    "description": "Set by `POST /api/auth/login`; named `__Host-session` where the server is reached by "
    "https.",
}
SERVERS: Final = (
    {"url": "/", "description": "The server that this document comes from"},
    {"url": "http://localhost:5000", "description": "A server on this machine"},
)


def taskflow_document(endpoints: Sequence[Endpoint]) -> Described:
    """The document of everything that the endpoints serve, and of the probes beside them."""
    return with_examples(endpoints)[0]


def with_examples(endpoints: Sequence[Endpoint]) -> tuple[Described, Examples]:
    """The document, and what its examples were made by."""
    schemas = _schemas(endpoints)
    examples = Examples({**SAMPLES, **problem_messages()}, schemas.components)
    operations = [*(operation(endpoint, schemas, examples, endpoints) for endpoint in endpoints), *HEALTH]
    made = document(
        info={"title": TITLE, "version": VERSION, "description": ABOUT},
        servers=SERVERS,
        tags=tags_used(TAGS.values(), operations),
        operations=operations,
        components={
            "schemas": schemas.components,
            "responses": problem_responses(examples),
            "parameters": TAKEN,
            "headers": BORNE,
            "securitySchemes": {"session": SESSION},
        },
    )
    return made, examples


def _schemas(endpoints: Sequence[Endpoint]) -> Schemas:
    schemas = Schemas(
        bodies=[endpoint.body for endpoint in endpoints if endpoint.body],
        shown=[each for endpoint in endpoints for each in endpoint.shows.data.values()],
        others={**HEALTH_SCHEMAS, **body_schemas(), "Meta": META, "Pagination": PAGINATION},
    )
    with_defaults(schemas.components, endpoints)
    return schemas


def problem_messages() -> dict[str, str]:
    """What each problem says, as examples of its body."""
    return {f"{name}.message": problem.message for name, problem in PROBLEMS.items()}


def problem_responses(examples: Examples) -> Described:
    """The answers that operations share, by name."""
    responses = {name: _response(name, (name,), examples) for name in PROBLEMS}
    responses |= {name: _response(name, names, examples) for name, names in ALTERNATIVES.items()}
    responses["NotModified"] = {
        "description": "What you have is what there is.",
        "headers": references(("ETag", *headers_of("NotFound")[:4])),
    }
    return dict(sorted(responses.items(), key=lambda item: (status_of_response(item[0]), item[0])))


def status_of_response(name: str) -> int:
    return 304 if name == "NotModified" else status_of(name)


def _response(name: str, alternatives: Sequence[str], examples: Examples) -> Described:
    refs = [{"$ref": REF + each} for each in alternatives]
    return {
        "description": " Or: ".join(PROBLEMS[each].description for each in alternatives),
        "headers": references(headers_of(name)),
        "content": {
            JSON: {
                "schema": refs[0] if len(refs) == 1 else {"oneOf": refs},
                "examples": {each: {"value": examples.of({"$ref": REF + each})} for each in alternatives},
            }
        },
    }
