"""Exact figures as JSON numbers, CSV cells and printed texts: made of integers, so nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from api.decimals import digits, number
from events.instants import whole_seconds
from readmodels.reports.report import Unit

SECONDS_END: Final = len("2025-01-01T00:00:00")
MINUTES_END: Final = len("2025-01-01T00:00")
DAY_END: Final = len("2025-01-01")
MIDNIGHT: Final = "00:00:00"
PLACES: Final[Mapping[Unit, int]] = {
    Unit.ID: 0,
    Unit.COUNT: 0,
    Unit.PERCENT: 0,
    Unit.TENTHS: 1,
    Unit.BASIS_POINTS: 2,
    Unit.HUNDREDTHS: 2,
    Unit.CENTS: 2,
    Unit.CENTIHOURS: 2,
}
"""Decimals of the units that are numbers."""


def as_json(value: Any, unit: Unit) -> Any:
    """A figure as the API's other answers show it."""
    if value is None:
        return None
    if unit is Unit.MOMENT:
        return whole_seconds(value)
    places = PLACES.get(unit)
    return number(value, places) if places else value


def as_cell(value: Any, unit: Unit) -> str:
    """A figure as programs read it: `-1234.50`, `2025-01-01T00:00:00Z`; nothing for None.

    A person takes several cells: see `api.reports.csv_files`.
    """
    if value is None:
        return ""
    return digits(value, PLACES[unit]) if unit in PLACES else str(as_json(value, unit))


def as_print(value: Any, unit: Unit) -> str:
    """A figure as people read it: `-1,234.50`, `-35.0 %`, `2025-01-01`; a dash for None."""
    if value is None:
        return "–"  # noqa: RUF001 - a dash is what stands for nothing
    printed = _PRINTED.get(unit)
    return printed(value) if printed else digits(value, PLACES[unit], ",")


def day_or_minute(moment: str) -> str:
    """`2025-01-01`, with `09:30` behind it unless it is midnight."""
    if moment[DAY_END + 1 : SECONDS_END] == MIDNIGHT:
        return moment[:DAY_END]
    return moment[:MINUTES_END].replace("T", " ")


def person(value: Mapping[str, Any]) -> str:
    return str(value["username"])


_PRINTED: Final[Mapping[Unit, Callable[[Any], str]]] = {
    Unit.TEXT: str,
    Unit.ID: str,
    Unit.PERCENT: lambda value: f"{value} %",
    Unit.MOMENT: day_or_minute,
    Unit.PERSON: person,
    Unit.TENTHS: lambda value: f"{digits(value, 1, ',')} %",
    Unit.BASIS_POINTS: lambda value: f"{digits(value, 2, ',')} %",
}
