"""The types of body fields; each says in plain words what it takes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)

from api.shapes import (
    EMAIL_MAX,
    HOURS_MAX_HUNDREDTHS,
    USERNAME,
    has_hundredths_only,
    instant_of,
    is_email,
)
from commands.money import MONEY_MAX_CENTS
from events.instants import Instant

ID_MAX: Final = 2**63 - 1
IDS_MAX: Final = 1000


class Body(BaseModel):
    """Strict: a text is no number, an unknown field is a fault, nothing is converted silently."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the NUL character")
    return text


def _empty_for_null(value: Any) -> Any:
    return "" if value is None else value


def _username(text: str) -> str:
    if not USERNAME.fullmatch(text):
        raise ValueError("can only contain letters, numbers, underscores and hyphens")
    return text


def _email(text: str) -> str:
    if not is_email(text):
        raise ValueError("is not valid")
    return text


def _hundredths(most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise ValueError("must be a number")
        if value < 0:
            raise ValueError("must be a positive number")
        if value * 100 > most:
            raise ValueError(f"must be at most {most / 100:,.2f}")
        if not has_hundredths_only(value):
            raise ValueError("must have at most two decimals")
        return int(value * 100)

    return read


def _number(most: int) -> dict[str, Any]:
    return {"type": "number", "minimum": 0, "maximum": most / 100, "multipleOf": 0.01}


def _moment(value: Any) -> Instant:
    if not isinstance(value, str):
        raise ValueError("must be a date, as in 2025-07-01, or an ISO 8601 date-time")
    try:
        return instant_of(value)
    except ValueError:
        raise ValueError("must be a date, as in 2025-07-01, or an ISO 8601 date-time") from None


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(_without_nul)]
"""A text that may not be empty; space around it does not count."""

Prose = Annotated[str, BeforeValidator(_empty_for_null), AfterValidator(_without_nul)]
"""A text that may be empty; null empties it."""

Id = Annotated[int, Field(ge=1, le=ID_MAX)]
Ids = Annotated[list[Id], Field(max_length=IDS_MAX), AfterValidator(tuple)]

Username = Annotated[str, Field(min_length=3, max_length=80), AfterValidator(_username)]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=EMAIL_MAX),
    AfterValidator(_email),
]
Password = Annotated[str, Field(min_length=8, max_length=128), AfterValidator(_without_nul)]

Money = Annotated[
    int,
    PlainValidator(_hundredths(MONEY_MAX_CENTS)),
    WithJsonSchema(_number(MONEY_MAX_CENTS)),
]
"""Cents, read from the digits of the JSON."""

Hours = Annotated[
    int,
    PlainValidator(_hundredths(HOURS_MAX_HUNDREDTHS)),
    WithJsonSchema(_number(HOURS_MAX_HUNDREDTHS)),
]
"""Hundredths of hours."""

Moment = Annotated[
    str,
    PlainValidator(_moment),
    WithJsonSchema({"type": "string", "examples": ["2025-07-01", "2025-07-01T09:30:00Z"]}),
]
"""An instant."""
