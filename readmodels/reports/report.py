"""A report as exact figures: what JSON, CSV and PDF show of it is the same, digit for digit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

FORMULA_VERSION: Final = 1
"""Raised when a formula changes; reports print it."""

BARS_MAX: Final = 26
"""Half a year of weeks."""

Row = Mapping[str, Any]


class Unit(Enum):
    """What a figure is kept in; None is shown as nothing at all (JSON: null)."""

    TEXT = "text"
    ID = "id"
    """The number of an object: no quantity, so nothing parts its digits."""
    COUNT = "count"
    PERCENT = "whole percent"
    CENTS = "cents"
    CENTIHOURS = "hundredths of hours"
    TENTHS = "tenths of a percent"
    BASIS_POINTS = "hundredths of a percent"
    HUNDREDTHS = "hundredths"
    MOMENT = "instant"
    PERSON = "person"
    """`{"id", "username", "email"}` or None."""


@dataclass(frozen=True, slots=True)
class Column:
    """`name` in JSON and CSV, `title` where people read it.

    A page has no room for everything: what is not printed stands in JSON and CSV only.
    """

    name: str
    title: str
    unit: Unit
    is_printed: bool = True


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart, or several side by side: a label and one exact value for each series."""

    label: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """`series` are the names of a bar's values; at most `BARS_MAX` bars, the largest ones.

    Bars over time stand side by side in their order, others lie below each other.
    """

    title: str
    unit: Unit
    series: tuple[str, ...]
    bars: Sequence[Bar]
    note: str = ""
    is_over_time: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """`name` as in its address. `summary_name` and `rows_name` are the fields of `data` in JSON.

    `position` and `moment` are what it speaks of; `asked` says in words what narrows it.
    """

    name: str
    title: str
    position: int
    moment: str
    summary_name: str
    summary_columns: Sequence[Column]
    summary: Row
    rows_name: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    chart: Chart
    asked: Sequence[str] = ()
    notes: Sequence[str] = field(default_factory=tuple)
