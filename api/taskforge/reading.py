"""Reading bodies field by field, in the order of the document: the first fault is the one that is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from api.taskforge.envelope import Failure

Reader = Callable[[Any], Any]


class Wrong(Exception):
    """A value that a field does not take, in words for the client."""


class Fields(NamedTuple):
    """The values that were right, by the names that commands use, and what is wrong with the others."""

    values: dict[str, Any]
    invalid: dict[str, list[str]]

    def must_be_right(self) -> dict[str, Any]:
        """The values. Raises Failure with what was wrong first."""
        for messages in self.invalid.values():
            raise Failure(400, messages[0])
        return self.values


class Field(NamedTuple):
    """`name` is what clients call it, `into` what commands do."""

    name: str
    into: str
    read: Reader


def must_have(body: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raises Failure naming all fields that are absent, null or empty."""
    missing = [name for name in names if body.get(name) in (None, "")]
    if missing:
        raise Failure(400, f"Missing required fields: {', '.join(missing)}")


def read(body: Mapping[str, Any], fields: Sequence[Field]) -> Fields:
    """What the body says of the fields, in their order: who may not change one is told so first."""
    found = Fields({}, {})
    for name, into, reader in fields:
        if name not in body:
            continue
        try:
            found.values[into] = reader(body[name])
        except Wrong as wrong:
            found.invalid[name] = [str(wrong)]
    return found


def exact(label: str, value: Any) -> str:
    """A text as it was given. Raises Wrong, which names the field by its `label`."""
    if not isinstance(value, str):
        raise Wrong(f"{label} must be a string")
    if "\0" in value:
        raise Wrong(f"{label} contains an invalid character")
    return value


def text(label: str, value: Any) -> str:
    """A text without the space around it. Raises Wrong."""
    return exact(label, value).strip()


def text_faults(label: str) -> tuple[str, str]:
    """What `text` says of values that are no texts, for the document."""
    return (f"{label} must be a string", f"{label} contains an invalid character")


def sized(label: str, value: Any, least: int, most: int) -> str:
    """A text of `least` to `most` characters. Raises Wrong."""
    found = text(label, value)
    if len(found) < least:
        raise Wrong(f"{label} must be at least {least} characters")
    return at_most(label, found, most)


def at_most(label: str, found: str, most: int) -> str:
    if len(found) > most:
        raise Wrong(f"{label} must not exceed {most} characters")
    return found
