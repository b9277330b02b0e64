"""What a success looks like: its envelope, its files, and what may be done next."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from typing import Any, Final

from api.csrf import SAFE_METHODS
from api.openapi.addresses import named
from api.openapi.examples import Examples, in_step
from api.openapi.headers import references
from api.openapi.schemas import REF, Schemas
from api.taskforge.endpoints import Endpoint
from api.taskforge.export_rows import COLUMNS
from api.taskforge.openapi.forms import JSON
from api.taskforge.openapi.rules import borne_by
from api.taskforge.openapi.samples import CONSEQUENCES
from api.taskforge.openapi.words import SAID

CSV: Final = "text/csv"
EXPORTED: Final = "ExportedTask"

Described = dict[str, Any]

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def successes_of(
    endpoint: Endpoint, method: str, schemas: Schemas, examples: Examples, links: Described
) -> dict[int, Described]:
    """The answer to a request that went well, by status."""
    made = {
        "description": _described(endpoint),
        "headers": references(borne_by(endpoint, method)),
        "content": _files(examples) if endpoint.shows.files else _json(endpoint, method, schemas, examples),
    }
    return {endpoint.shows.status: made | ({"links": links} if links else {})}


def _json(endpoint: Endpoint, method: str, schemas: Schemas, examples: Examples) -> Described:
    schema = envelope(endpoint, method, schemas)
    return {JSON: {"schema": schema, "example": _with_what_was_sent(endpoint, examples.of(schema))}}


def envelope(endpoint: Endpoint, method: str, schemas: Schemas) -> Described:
    """The schema of a success; those that wrote something say so in a message."""
    properties: Described = {"success": {"type": "boolean", "const": True}}
    if method not in SAFE_METHODS:
        said = SAID[named(endpoint.handle.__name__)]
        properties["message"] = {"type": "string", "const": said}
    if endpoint.shows.data is not None:
        properties["data"] = schemas.of(endpoint.shows.data)
    return {"type": "object", "properties": properties, "required": [*properties]}


def _with_what_was_sent(endpoint: Endpoint, example: Described) -> Described:
    """The example of an answer, in step with the example of the request."""
    if "data" not in example:
        return example
    shown = in_step(example["data"], endpoint.example or {}, _as_shown)
    return {**example, "data": {**shown, **CONSEQUENCES.get(named(endpoint.handle.__name__), {})}}


def _as_shown(value: Any) -> Any:
    """A date is answered as its first moment."""
    return f"{value}T00:00:00" if isinstance(value, str) and _DATE.fullmatch(value) else value


def exported_task(components: Mapping[str, Described]) -> Described:
    """A row of an export: a task's fields, its creator, and the names of its tags."""
    fields = {
        **components["Task"]["properties"],
        "user_username": {"type": ["string", "null"]},
        "user_email": {"type": ["string", "null"]},
        "tags": {"type": "string"},
    }
    return {
        "type": "object",
        "description": "A task as it stands in a file; `tags` are their names.",
        "properties": {name: fields[name] for name in COLUMNS},
        "required": [*COLUMNS],
    }


def _files(examples: Examples) -> Described:
    row = examples.of({"$ref": REF + EXPORTED})
    rows = {"type": "array", "items": {"$ref": REF + EXPORTED}}
    return {
        JSON: {"schema": rows, "example": [row]},
        CSV: {"schema": {"type": "string"}, "example": _csv(row)},
    }


def _csv(row: Mapping[str, Any]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([row, ["" if value is None else value for value in row.values()]])
    return text.getvalue()


def _described(endpoint: Endpoint) -> str:
    """What a success holds, in a few words."""
    if endpoint.shows.files:
        return "The file."
    if endpoint.shows.data is None:
        return "Done."
    if "page" in endpoint.parameters:
        return "One page of the list."
    return "As created." if endpoint.shows.status == 201 else "As it is now."
