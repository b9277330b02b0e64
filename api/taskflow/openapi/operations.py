"""From endpoints to described operations: parameters, bodies, and every answer that there can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from api.openapi.addresses import path_parameters
from api.openapi.document import Operation, in_query
from api.openapi.examples import Examples
from api.openapi.headers import references_to_taken
from api.openapi.schemas import Schemas
from api.taskflow.endpoints import Endpoint
from api.taskflow.openapi.links import links_of, operation_id
from api.taskflow.openapi.problems import status_of
from api.taskflow.openapi.rules import problems_of, taken_by
from api.taskflow.openapi.successes import JSON, successes_of
from api.taskflow.openapi.words import FILTERS, FILTERS_OF, TAGS
from api.taskflow.parameters import ID_SCHEMA, Parameter

Described = dict[str, Any]

OPS: Final = "/ops/api/"


def operation(
    endpoint: Endpoint, schemas: Schemas, examples: Examples, endpoints: Sequence[Endpoint]
) -> Operation:
    """One endpoint among all `endpoints`, which its answers may lead to."""
    return Operation(
        method=endpoint.method,
        path=endpoint.path,
        id=operation_id(endpoint),
        tag=tag_of(endpoint.path),
        summary=endpoint.summary,
        description=" ".join(_remarks(endpoint)),
        parameters=[
            *path_parameters(endpoint.path, dict(ID_SCHEMA)),
            *_in_query(endpoint),
            *references_to_taken(taken_by(endpoint)),
        ],
        body=_body(endpoint, schemas, examples),
        responses={
            **successes_of(endpoint, schemas, examples, links_of(endpoint, endpoints)),
            **_problems(endpoint),
        },
        security=None if endpoint.is_public else "session",
    )


def tag_of(path: str) -> str:
    """The last word of an address that names a tag; reports and signing in keep together.

    The operators' API goes by its first word instead.
    """
    if path.startswith(OPS):
        return path.removeprefix(OPS).partition("/")[0].replace("-", " ").capitalize()
    words = [word for word in path.removeprefix("/api/").split("/") if word in TAGS]
    return TAGS[words[0] if words[0] in ("auth", "reports") else words[-1]].name


def _remarks(endpoint: Endpoint) -> Iterator[str]:
    if endpoint.asks_role:
        yield f"Asks for the role {endpoint.asks_role} at least."
    if endpoint.limit:
        whose = "address" if endpoint.is_public else "user"
        times = endpoint.limit.replace("/", " times a ")
        yield f"Each {whose} may do this {times}, besides all other limits."


def _in_query(endpoint: Endpoint) -> list[Described]:
    return [_query(endpoint.path, name, parameter) for name, parameter in endpoint.parameters.items()]


def _query(path: str, name: str, parameter: Parameter) -> Described:
    meaning = FILTERS_OF.get(f"{tag_of(path)}.{name}") or FILTERS.get(name, "")
    return in_query(name, f"{meaning} Takes {parameter.takes}.".strip(), parameter.schema)


def _body(endpoint: Endpoint, schemas: Schemas, examples: Examples) -> Described | None:
    if endpoint.body is None:
        return None
    schema = schemas.of(endpoint.body)
    example = endpoint.example if endpoint.example is not None else examples.of(schema)
    return {"required": True, "content": {JSON: {"schema": schema, "example": example}}}


def _problems(endpoint: Endpoint) -> dict[int, Described]:
    return {status_of(name): {"$ref": f"#/components/responses/{name}"} for name in problems_of(endpoint)}
