"""Exact figures as JSON numbers, CSV cells and printed texts: made of integers, so nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

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
    Unit.HUNDREDTHS: 2,
    Unit.CENTS: 2,
    Unit.CENTIHOURS: 2,
}
"""Decimals of the units that are numbers."""


def is_number(unit: Unit) -> bool:
    return unit in PLACES


def as_json(value: Any, unit: Unit) -> Any:
    """A figure as the API's other answers show it.

    Up to 999,999,999,999.99 the float nearest to a number prints exactly its digits.
    """
    if value is None:
        return None
    if unit is Unit.MOMENT:
        return f"{value[:SECONDS_END]}Z"
    places = PLACES.get(unit)
    return value / 10**places if places else value


def as_cell(value: Any, unit: Unit) -> str:
    """A figure as programs read it: `-1234.50`, `2025-01-01T00:00:00Z`; nothing for None.

    A person takes several cells: see `api.reports.csv_files`.
    """
    if value is None:
        return ""
    return decimal(value, PLACES[unit]) if unit in PLACES else str(as_json(value, unit))


def as_print(value: Any, unit: Unit) -> str:
    """A figure as people read it: `-1,234.50`, `-35.0 %`, `2025-01-01`; a dash for None."""
    if value is None:
        return "–"  # noqa: RUF001 - a dash is what stands for nothing
    printed = _PRINTED.get(unit)
    return printed(value) if printed else decimal(value, PLACES[unit], ",")


def decimal(scaled: int, places: int, separator: str = "") -> str:
    """An integer number of 10**-places as digits, thousands set apart by `separator`."""
    whole, rest = divmod(abs(scaled), 10**places)
    sign = "-" if scaled < 0 else ""
    digits = f"{whole:,}".replace(",", separator)
    return f"{sign}{digits}.{rest:0{places}}" if places else f"{sign}{digits}"


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
    Unit.TENTHS: lambda value: f"{decimal(value, 1, ',')} %",
}
