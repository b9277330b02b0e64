"""From endpoints to described operations: one for each method, with every answer that there can be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from api.openapi.addresses import named, path_parameters, plain, words_in
from api.openapi.document import Operation, in_query
from api.openapi.examples import Examples
from api.openapi.headers import references_to_taken
from api.openapi.schemas import Schemas
from api.taskforge.calls import ID_MAX
from api.taskforge.endpoints import Endpoint, Parameter
from api.taskforge.openapi.forms import JSON
from api.taskforge.openapi.refusals import refusals_of
from api.taskforge.openapi.rules import security_of, taken_by
from api.taskforge.openapi.successes import successes_of
from api.taskforge.openapi.words import TAGS

ID_SCHEMA: Final = {"type": "integer", "minimum": 1, "maximum": ID_MAX, "format": "int64"}

Described = dict[str, Any]


def operations_of(
    endpoint: Endpoint, schemas: Schemas, examples: Examples, links: Described
) -> Iterator[Operation]:
    """One for each of an endpoint's methods, which all do the same."""
    for method in endpoint.methods:
        yield Operation(
            method=method,
            path=plain(endpoint.path),
            id=operation_id(endpoint, method),
            tag=next(TAGS[word].name for word in words_in(endpoint.path) if word in TAGS),
            summary=endpoint.summary,
            description=" ".join(_remarks(endpoint, method)),
            parameters=[
                *path_parameters(endpoint.path, ID_SCHEMA),
                *(_query(name, each) for name, each in endpoint.parameters.items()),
                *references_to_taken(taken_by(endpoint, method)),
            ],
            body=_body(endpoint, schemas, examples),
            responses={
                **successes_of(endpoint, method, schemas, examples, links),
                **refusals_of(endpoint, method),
            },
            security=security_of(endpoint),
            may_be_elsewhere=endpoint.takes_refresh_token and endpoint.is_body_optional,
        )


def operation_id(endpoint: Endpoint, method: str) -> str:
    """The second method of an endpoint says so."""
    name = named(endpoint.handle.__name__)
    return name if method == endpoint.methods[0] else f"{name}By{method.capitalize()}"


def _remarks(endpoint: Endpoint, method: str) -> Iterator[str]:
    if endpoint.is_for_admins:
        yield "For admins."
    others = [each for each in endpoint.methods if each != method]
    if others:
        yield f"The same as {others[0]}: fields that are not sent stay as they are."
    if endpoint.limit:
        times = endpoint.limit.replace("/", " times an ")
        counted = " Only requests with a valid token count." if endpoint.counts_callers_only else ""
        yield f"Each address may do this {times}, instead of the default limits.{counted}"


def _query(name: str, parameter: Parameter) -> Described:
    return in_query(name, parameter.description.removesuffix(".") + ".", parameter.schema)


def _body(endpoint: Endpoint, schemas: Schemas, examples: Examples) -> Described | None:
    if endpoint.body is None:
        return None
    schema = schemas.of(endpoint.body)
    example = endpoint.example if endpoint.example is not None else examples.of(schema)
    content = {JSON: {"schema": schema, "example": example}}
    return {"required": not endpoint.is_body_optional, "content": content}
