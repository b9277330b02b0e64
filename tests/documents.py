"""The OpenAPI documents of both APIs, as tests look at them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from jsonschema_rs import Draft202012Validator

from api.taskflow import routes as taskflow
from api.taskflow.openapi.document import taskflow_document
from api.taskforge import routes as taskforge
from api.taskforge.openapi.document import taskforge_document

FILES: Final = Path(__file__).parent.parent / "docs" / "api"

Described = dict[str, Any]


@dataclass(frozen=True)
class Document:
    """`file` is where it is committed; `routes` are what it is about, but for the `undocumented` ones."""

    content: Described
    file: Path
    routes: Callable[[], list[web.RouteDef]]
    undocumented: frozenset[str]

    def operations(self) -> Iterator[tuple[str, str, Described]]:
        """Each with its method and its path."""
        for path, methods in self.content["paths"].items():
            for method, operation in methods.items():
                yield method.upper(), path, operation

    def operation(self, name: str) -> Described:
        (found,) = [each for *_, each in self.operations() if each["operationId"] == name]
        return found

    def resolved(self, described: Described) -> Described:
        if "$ref" not in described:
            return described
        found: Any = self.content
        for part in described["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return dict(found)

    @cached_property
    def _components(self) -> Any:
        return closed(self.content)["components"]

    def validator(self, schema: Described) -> Draft202012Validator:
        """Of a schema in the document; a field that is not documented is one too many."""
        return Draft202012Validator({**closed(schema), "components": self._components}, validate_formats=True)

    def answers(self) -> Iterator[tuple[str, str, str, Described]]:
        """Each with the method, the path and the status."""
        for method, path, operation in self.operations():
            for status, answer in operation["responses"].items():
                yield method, path, status, self.resolved(answer)

    def untyped(self, schema: Described, path: str = "") -> Iterator[str]:
        """Where a schema says nothing about what may stand there."""
        if "$ref" in schema:
            yield from self.untyped(self.resolved(schema), schema["$ref"])
        elif schema.get("anyOf") or schema.get("oneOf"):
            for choice in schema.get("anyOf") or schema["oneOf"]:
                yield from self.untyped(choice, path)
        elif schema.get("type") == "object":
            if not schema.get("properties"):
                yield path
            for name, each in schema.get("properties", {}).items():
                yield from self.untyped(each, f"{path}.{name}")
        elif schema.get("type") == "array":
            yield from self.untyped(schema["items"], path)
        elif not {"type", "enum", "const"} & schema.keys():
            yield path


def examples_in(content: Described) -> list[Any]:
    """The examples of a body, however many there are."""
    return [each["value"] for each in content.get("examples", {}).values()] or [content["example"]]


def closed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with answers that may hold nothing but what they are said to hold.

    What is published stays open, so that a field more breaks no client.
    """
    made: dict[str, Any] = _closed(dict(document))
    return made


def _closed(value: Any) -> Any:
    if isinstance(value, list):
        return [_closed(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {key: _closed(each) for key, each in value.items()}
    if made.get("type") == "object" and "properties" in made:
        made.setdefault("additionalProperties", False)
    return made


def alike(real: Any, example: Any) -> bool:
    """Whether two values have the same fields, as far as both are there."""
    if isinstance(real, dict) and isinstance(example, dict):
        return real.keys() == example.keys() and all(alike(real[name], example[name]) for name in real)
    if isinstance(real, list) and isinstance(example, list):
        return all(alike(each, example[0]) for each in real)
    return True


TASKFLOW: Final = Document(
    taskflow_document(taskflow.ENDPOINTS),
    FILES / "openapi.json",
    taskflow.routes,
    frozenset(
        {
            "/login",
            "/api/docs",
            "/api/docs/{file}",
            "/api/docs/openapi.json",
            "/docs/api/postman_collection.json",
        }
    ),
)
TASKFORGE: Final = Document(
    taskforge_document(taskforge.ENDPOINTS),
    FILES / "taskforge-openapi.json",
    taskforge.routes,
    frozenset({"/api/docs", "/api/docs/{file}", "/api/docs/openapi.json", "/apispec.json"}),
)
