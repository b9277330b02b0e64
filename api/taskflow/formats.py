"""Values as TaskFlow Pro writes them: money and hours as numbers, moments in whole seconds."""

from __future__ import annotations

from typing import Annotated, overload

from pydantic import WithJsonSchema

from api.decimals import number
from events.instants import Instant, whole_seconds

ShownMoment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""What `moment` makes, in the types of answers."""


def money(cents: int) -> float:
    """Two decimals, exact."""
    return number(cents, 2)


@overload
def hours(hundredths: int) -> float: ...
@overload
def hours(hundredths: None) -> None: ...
def hours(hundredths: int | None) -> float | None:
    return None if hundredths is None else number(hundredths, 2)


@overload
def moment(instant: Instant) -> str: ...
@overload
def moment(instant: None) -> None: ...
def moment(instant: Instant | None) -> str | None:
    """`2025-01-01T00:00:00Z`"""
    return None if instant is None else whole_seconds(instant)
