"""What a success looks like: its envelope, its files, and what may be done next."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from api.csrf import SAFE_METHODS
from api.openapi.examples import Examples, in_step
from api.openapi.headers import references
from api.openapi.schemas import Schemas
from api.taskflow.endpoints import Endpoint, Shows
from api.taskflow.openapi.links import CREATED, operation_id
from api.taskflow.openapi.rules import borne_by
from api.taskflow.openapi.samples import CONSEQUENCES
from api.taskflow.openapi.tables import csv_example

JSON: Final = "application/json"
CSV: Final = "text/csv"
PDF: Final = "application/pdf"
PDF_BEGINS: Final = "%PDF-1.4 …"

Described = dict[str, Any]

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def successes_of(
    endpoint: Endpoint, schemas: Schemas, examples: Examples, links: Described
) -> dict[int, Described]:
    """The answers to a request that went well, by status."""
    shows = endpoint.shows
    schema = envelope(endpoint, schemas)
    example = with_what_was_sent(endpoint, examples.of(schema, owner=operation_id(endpoint)))
    successes = {
        shows.status: {
            "description": _described(endpoint),
            "headers": references(borne_by(endpoint)),
            "content": {JSON: {"schema": schema, "example": example}, **_files(shows, example)},
        }
    }
    if links:
        successes[shows.status]["links"] = links
    if endpoint.method == "GET" and shows.is_object:
        successes[304] = {"$ref": "#/components/responses/NotModified"}
    return successes


def with_what_was_sent(endpoint: Endpoint, example: Described) -> Described:
    """The example of an answer about one object, in step with the example of the request."""
    if endpoint.example is None or not endpoint.shows.is_object:
        return example
    ((name, shown),) = example["data"].items()
    answered = in_step(shown, endpoint.example, _as_shown)
    return {**example, "data": {name: {**answered, **CONSEQUENCES.get(operation_id(endpoint), {})}}}


def _as_shown(value: Any) -> Any:
    """A date is answered as its first moment."""
    return f"{value}T00:00:00Z" if isinstance(value, str) and _DATE.fullmatch(value) else value


def envelope(endpoint: Endpoint, schemas: Schemas) -> Described:
    """The schema of a success; those that wrote something say so in a message."""
    shows = endpoint.shows
    properties: Described = {"status": {"type": "string", "const": "success"}}
    if endpoint.method not in SAFE_METHODS:
        properties["message"] = {"type": "string"}
    if shows.data:
        data = {name: schemas.of(each) for name, each in shows.data.items()}
        properties["data"] = {"type": "object", "properties": data, "required": [*data]}
    if shows.is_list:
        properties["pagination"] = {"$ref": "#/components/schemas/Pagination"}
    properties["meta"] = {"$ref": "#/components/schemas/Meta"}
    return {"type": "object", "properties": properties, "required": [*properties]}


def _files(shows: Shows, example: Described) -> Mapping[str, Described]:
    """The contents of other types that an answer may come in."""
    examples = {PDF: PDF_BEGINS}
    if CSV in shows.media_types:
        examples[CSV] = csv_example(example["data"])
    return {kind: {"schema": {"type": "string"}, "example": examples[kind]} for kind in shows.media_types}


def _described(endpoint: Endpoint) -> str:
    """What a success holds, in a few words."""
    names = [name.replace("_", " ") for name in endpoint.shows.data]
    if not names:
        return "Done."
    if endpoint.shows.is_list:
        return f"One page of {names[0]}."
    was = ", as created" if endpoint.shows.status == CREATED else ""
    return f"The {' and the '.join(names)}{was}."
