"""JSON schemas of Python types, collected under readable names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

REF: Final = "#/components/schemas/"
PREFIX: Final = "Shown"
"""`ShownProject` is how code shows a project; to those who read the document it is a Project."""

NO_NUL: Final = r"^[^\x00]*$"
NOT_BLANK: Final = r"^[^\x00]*[^\x00\s][^\x00]*$"
"""Patterns of texts, none of which may hold U+0000."""

Schema = dict[str, Any]


class SchemaMaker(GenerateJsonSchema):
    """Says nothing twice: no titles that repeat names, no defaults that only code means."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False

    def default_schema(self, schema: Any) -> Schema:
        return self.generate_inner(schema["schema"])


class Schemas:
    """The schemas of bodies that are read and of values that are shown, made together.

    `of` gives the schema to use in place of a type; `components` holds what those refer to, and
    `others` that are known by name already.
    """

    def __init__(self, bodies: Iterable[Any], shown: Iterable[Any], others: Mapping[str, Schema]) -> None:
        wanted = {repr(body): (body, _READ) for body in bodies}
        wanted |= {repr(each): (each, _SHOWN) for each in shown}
        inputs = [(key, mode, TypeAdapter(each)) for key, (each, mode) in wanted.items()]
        schemas, definitions = TypeAdapter.json_schemas(
            inputs, ref_template=REF + "{model}", schema_generator=SchemaMaker
        )
        self._schemas = {key: _renamed(schema) for (key, _), schema in schemas.items()}
        self.components = _components(definitions.get("$defs", {}), others)

    def of(self, wanted: Any) -> Schema:
        schema: Schema = self._schemas[repr(wanted)]
        return schema


_READ: Final[JsonSchemaMode] = "validation"
_SHOWN: Final[JsonSchemaMode] = "serialization"


def _components(definitions: Mapping[str, Schema], others: Mapping[str, Schema]) -> dict[str, Schema]:
    """By name; two types of the same name would take each other's place."""
    made = dict(others)
    for name, schema in definitions.items():
        short = name.removeprefix(PREFIX)
        assert short not in made, f"two types are called {short}"
        made[short] = _renamed({key: value for key, value in schema.items() if key != "title"})
    return dict(sorted(made.items()))


def _renamed(value: Any) -> Any:
    """The same schema with its references by the names that readers see."""
    if isinstance(value, dict):
        return {key: _ref(each) if key == "$ref" else _renamed(each) for key, each in value.items()}
    return [_renamed(each) for each in value] if isinstance(value, list) else value


def _ref(ref: str) -> str:
    return REF + ref.removeprefix(REF).removeprefix(PREFIX)
