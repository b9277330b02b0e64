"""Numbers in the query strings of the operators' API."""

from __future__ import annotations

from typing import Final

from api.operators.bounds import NUMBER_MAX
from api.taskflow.parameters import Parameter


def whole_number(least: int, most: int, default: int | None = None) -> Parameter:
    """A whole number between two, both included."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most))):
            raise ValueError(text)
        if not least <= int(text) <= most:
            raise ValueError(text)
        return int(text)

    schema = {"type": "integer", "minimum": least, "maximum": most}
    shown = schema if default is None else {**schema, "default": default}
    return Parameter(read, f"a whole number from {least} to {most}", shown)


POSITION: Final = whole_number(0, NUMBER_MAX)
