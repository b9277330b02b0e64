"""An OpenAPI 3.1 document from operations that a dialect describes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

OPENAPI: Final = "3.1.0"

Described = dict[str, Any]


class Tag(NamedTuple):
    name: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path. `responses` are by status, `security` is None for what anybody may do.

    Where it `may_be_elsewhere`, what proves who asks can also be sent in the body.
    """

    method: str
    path: str
    id: str
    tag: str
    summary: str
    description: str = ""
    responses: Mapping[int, Described]
    parameters: Sequence[Described] = ()
    body: Described | None = None
    security: str | None = None
    may_be_elsewhere: bool = False

    def described(self) -> Described:
        described: Described = {
            "tags": [self.tag],
            "summary": self.summary,
            "operationId": self.id,
            "security": self._security(),
        }
        if self.description:
            described["description"] = self.description
        if self.parameters:
            described["parameters"] = list(self.parameters)
        if self.body is not None:
            described["requestBody"] = self.body
        described["responses"] = {str(status): self.responses[status] for status in sorted(self.responses)}
        return described

    def _security(self) -> list[Described]:
        if self.security is None:
            return []
        return [{self.security: []}, *([{}] if self.may_be_elsewhere else [])]


def in_query(name: str, description: str, schema: Mapping[str, Any]) -> Described:
    """A parameter in the query, which no request needs."""
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": dict(schema),
    }


def document(
    *,
    info: Described,
    servers: Sequence[Described],
    tags: Sequence[Described],
    operations: Iterable[Operation],
    components: Described,
) -> Described:
    """The whole document, in the order in which operations are given."""
    return {
        "openapi": OPENAPI,
        "info": info,
        "servers": list(servers),
        "tags": list(tags),
        "paths": paths(operations),
        "components": components,
    }


def tags_used(tags: Iterable[Tag], operations: Iterable[Operation]) -> list[Described]:
    """Those of the tags that an operation bears."""
    used = {operation.tag for operation in operations}
    return [{"name": tag.name, "description": tag.description} for tag in tags if tag.name in used]


def paths(operations: Iterable[Operation]) -> Described:
    """Operations by path and method; no id and no address stands twice."""
    made: Described = {}
    seen: set[str] = set()
    for operation in operations:
        methods = made.setdefault(operation.path, {})
        method = operation.method.lower()
        assert method not in methods, f"{operation.method} {operation.path} is described twice"
        assert operation.id not in seen, f"two operations are called {operation.id}"
        seen.add(operation.id)
        methods[method] = operation.described()
    return made


def printed(described: Described) -> bytes:
    """As it is served and committed: two spaces deep, and a line's end at the end."""
    return orjson.dumps(described, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
