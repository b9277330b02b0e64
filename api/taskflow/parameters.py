"""Query parameters: each list says what it takes, and nothing else is accepted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from multidict import MultiMapping

from api.errors import BadRequest
from api.shapes import MOMENT, instant_of
from events.instants import Instant

PER_PAGE: Final = 10
PER_PAGE_MAX: Final = 100
TEXT_MAX: Final = 200
SORT: Final = "-created_at"
"""How lists are sorted unless told: newest first."""
DATE_CHARACTERS: Final = len("2025-07-01")

_PAGE = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_POSITION = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parameter:
    """`read` raises ValueError; `takes` says what is right, `schema` the same as JSON Schema."""

    read: Callable[[str], Any]
    takes: str
    schema: Mapping[str, Any]


Parameters = Mapping[str, Parameter]


def read(parameters: Parameters, given: MultiMapping[str]) -> dict[str, Any]:
    """The values of the parameters that are given. Raises BadRequest and names the parameter."""
    values: dict[str, Any] = {}
    for name, text in given.items():
        if name not in parameters:
            raise BadRequest(f"Unknown query parameter {_quoted(name)}; this takes {_named(parameters)}")
        if name in values:
            raise BadRequest(f"The query parameter {name} can be given once only")
        try:
            values[name] = parameters[name].read(text)
        except ValueError:
            raise BadRequest(f"The query parameter {name} takes {parameters[name].takes}") from None
    return values


def _quoted(name: str) -> str:
    return repr(name[:TEXT_MAX].encode(errors="replace").decode())


def _named(parameters: Parameters) -> str:
    return ", ".join(parameters) or "none"


def _number(pattern: re.Pattern[str], most: int | None = None) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not pattern.fullmatch(text) or (most is not None and int(text) > most):
            raise ValueError(text)
        return int(text)

    return number


def _end_of(text: str) -> Instant:
    found = instant_of(text)
    return f"{found[:DATE_CHARACTERS]}T23:59:59.999999Z" if len(text) == DATE_CHARACTERS else found


def text_of(most: int) -> Parameter:
    """A text of 1 to `most` characters."""

    def read(text: str) -> str:
        text.encode()
        if not text or "\0" in text or len(text) > most:
            raise ValueError(text)
        return text

    schema = {"type": "string", "minLength": 1, "maxLength": most, "pattern": r"^[^\x00]+$"}
    return Parameter(read, f"a text of 1 to {most} characters", schema)


def one_of(*words: str, default: str | None = None) -> Parameter:
    """`default` is what the absence of the parameter means, if it means one of the words."""

    def word(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    schema = {"type": "string", "enum": list(words)} | ({"default": default} if default else {})
    return Parameter(word, f"one of {', '.join(words)}", schema)


def sort_by(*names: str) -> Parameter:
    """One of the list's sortable fields, `-` in front for descending."""
    fields = one_of(*names)
    return Parameter(
        lambda text: (fields.read(text.removeprefix("-")), text.startswith("-")),
        f"{fields.takes}, with - in front for descending order",
        {"type": "string", "enum": [*names, *(f"-{name}" for name in names)], "default": SORT},
    )


def _whole(most: int, **more: int) -> Mapping[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": most, **more}


MOMENT_SCHEMA: Final[Mapping[str, Any]] = {"type": "string", "pattern": f"^{MOMENT.pattern}$"}
ID_SCHEMA: Final = _whole(10**18 - 1)

ID: Final = Parameter(_number(_ID), "the number of an object", ID_SCHEMA)
BOOLEAN: Final = Parameter(
    lambda text: one_of("true", "false").read(text) == "true", "true or false", {"type": "boolean"}
)
TEXT: Final = text_of(TEXT_MAX)
DATE: Final = Parameter(instant_of, "a date, as in 2025-07-01, or an ISO 8601 date-time", MOMENT_SCHEMA)
DATE_END: Final = Parameter(_end_of, DATE.takes, MOMENT_SCHEMA)
"""A date alone includes its day."""
PAGING: Final[Parameters] = {
    "page": Parameter(_number(_PAGE), "a page number from 1", _whole(10**10 - 1, default=1)),
    "per_page": Parameter(
        _number(_PAGE, PER_PAGE_MAX),
        f"a number from 1 to {PER_PAGE_MAX}",
        _whole(PER_PAGE_MAX, default=PER_PAGE),
    ),
}
AS_OF: Final[Parameters] = {
    "as_of": DATE_END,
    "as_of_position": Parameter(
        _number(_POSITION),
        "a position of the log, from 0",
        {"type": "integer", "minimum": 0, "maximum": 10**18 - 1},
    ),
}
"""What every read takes that can also be asked about the past."""
