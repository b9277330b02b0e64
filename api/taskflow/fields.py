"""The types of body fields; each says in plain words what it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema

from api.openapi.schemas import NO_NUL, NOT_BLANK
from api.shapes import (
    EMAIL,
    EMAIL_MAX,
    HOURS_MAX_HUNDREDTHS,
    MOMENT,
    USERNAME,
    has_hundredths_only,
    instant_of,
    is_email,
)
from commands.money import MONEY_MAX_CENTS
from commands.tasks import ASSIGNEES_MAX
from events.instants import Instant

ID_MAX: Final = 2**63 - 1
IDS_MAX: Final = 1000


class Body(BaseModel):
    """Strict: a text is no number, an unknown field is a fault, nothing is converted silently."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


@dataclass(frozen=True, eq=False)
class Said:
    """Keywords for a field's JSON schema that cannot be told from how the field is read."""

    keywords: Mapping[str, Any]

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(core_schema), **self.keywords}


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the NUL character")
    return text


def _empty_for_null(value: Any) -> Any:
    return "" if value is None else value


def _whole(value: Any) -> Any:
    """`5.0` is the number 5 in JSON; what is no number of an object is left as it is."""
    if isinstance(value, Decimal) and 0 < value <= ID_MAX and value == value.to_integral_value():
        return int(value)
    return value


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
    """In words what `multipleOf` cannot say: in binary fractions 19.99 is no multiple of 0.01."""
    return {
        "type": "number",
        "minimum": 0,
        "maximum": most / 100,
        "description": "Two decimals at most.",
    }


def _moment(value: Any) -> Instant:
    if not isinstance(value, str):
        raise ValueError("must be a date, as in 2025-07-01, or an ISO 8601 date-time")
    try:
        return instant_of(value)
    except ValueError:
        raise ValueError("must be a date, as in 2025-07-01, or an ISO 8601 date-time") from None


Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1),
    AfterValidator(_without_nul),
    Said({"pattern": NOT_BLANK}),
]
"""A text that may not be empty; space around it does not count."""

Prose = Annotated[
    str,
    BeforeValidator(_empty_for_null),
    AfterValidator(_without_nul),
    Said({"type": ["string", "null"], "pattern": NO_NUL}),
]
"""A text that may be empty; null empties it."""

Text = Annotated[str, AfterValidator(_without_nul), Said({"pattern": NO_NUL})]
"""A text as it is; it may be empty."""

Label = Annotated[Prose, AfterValidator(str.strip)]
"""A word or two, or nothing; space around it does not count."""

Id = Annotated[int, Field(ge=1, le=ID_MAX), BeforeValidator(_whole), Said({"format": "int64"})]
Ids = Annotated[
    list[Id],
    Field(max_length=IDS_MAX),
    AfterValidator(tuple),
    Said({"description": f"At most {ASSIGNEES_MAX} different ones; repeated ones count once."}),
]

Username = Annotated[
    str,
    Field(min_length=3, max_length=80),
    AfterValidator(_username),
    Said({"pattern": f"^{USERNAME.pattern}$"}),
]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=EMAIL_MAX),
    AfterValidator(_email),
    Said({"pattern": f"^{EMAIL.pattern}$"}),
]
Password = Annotated[
    str,
    Field(min_length=8, max_length=128),
    AfterValidator(_without_nul),
    Said({"format": "password", "pattern": NO_NUL}),
]

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
    WithJsonSchema({"type": "string", "pattern": f"^{MOMENT.pattern}$"}),
]
"""An instant."""
