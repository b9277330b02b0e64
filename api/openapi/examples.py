"""Examples that fit their schemas, from sample values by the names of fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from api.openapi.schemas import REF, Schema

PLACEHOLDERS: Final[Mapping[str, Any]] = {
    "string": "text",
    "integer": 1,
    "number": 1.0,
    "boolean": True,
    "null": None,
}


class Examples:
    """`samples` are by field (`budget`) or, before that, by field of a component (`Risk.status`).

    `missing` collects the fields that had to do with a placeholder.
    """

    def __init__(self, samples: Mapping[str, Any], components: Mapping[str, Schema]) -> None:
        self._samples = samples
        self._components = components
        self.missing: set[str] = set()

    def of(self, schema: Schema, field: str = "", owner: str = "") -> Any:
        """An example of a schema, which is that of `field` of `owner`."""
        for name in (f"{owner}.{field}", field):
            if name in self._samples:
                return self._samples[name]
        if "$ref" in schema:
            name = schema["$ref"].removeprefix(REF)
            return self._samples[name] if name in self._samples else self.of(self._components[name], "", name)
        for choices in ("anyOf", "oneOf"):
            if choices in schema:
                return self.of(schema[choices][0], field, owner)
        return self._plain(schema, field, owner)

    def _plain(self, schema: Schema, field: str, owner: str) -> Any:
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        match schema.get("type"):
            case "object":
                return self._object(schema, owner)
            case "array":
                return [self.of(schema["items"], field, owner)]
        return self._placeholder(schema, field, owner)

    def _object(self, schema: Schema, owner: str) -> dict[str, Any]:
        return {name: self.of(each, name, owner) for name, each in schema.get("properties", {}).items()}

    def _placeholder(self, schema: Schema, field: str, owner: str) -> Any:
        self.missing.add(f"{owner}.{field}" if owner else field)
        kind = schema.get("type", "string")
        return PLACEHOLDERS[kind[0] if isinstance(kind, list) else kind]


def in_step(
    shown: Mapping[str, Any], sent: Mapping[str, Any], as_shown: Callable[[Any], Any]
) -> dict[str, Any]:
    """The example of an answer about what was `sent`: plain values come back, as they are shown."""
    echoed = {
        name: as_shown(value)
        for name, value in sent.items()
        if name in shown and not isinstance(value, list | dict)
    }
    return {**shown, **echoed}
