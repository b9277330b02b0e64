"""Moments as TaskForge reads and writes them: ISO 8601, in UTC, without a zone on the way out."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Final

from pydantic import WithJsonSchema

from api.shapes import instant_of
from events.instants import Instant

ShownMoment = Annotated[
    str,
    WithJsonSchema(
        {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?$"}
    ),
]
"""What `shown` makes, in the types of answers."""

# A month goes without a time, and stands for its first day.
_MONTH: Final = re.compile(r"[0-9]{4}-[0-9]{2}", re.ASCII)
_BASIC: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})", re.ASCII)
_WEEK: Final = re.compile(r"([0-9]{4})-W([0-9]{2})-([1-7])", re.ASCII)
_TIME: Final = re.compile(
    r"([0-9]{2})(?:(:?)([0-9]{2})(?:\2([0-9]{2})([.,][0-9]+)?)?)?(Z|[+-][0-9:]+)?", re.ASCII
)
_PARTS: Final = re.compile(r"([0-9W-]+)(?:[T ](.+))?", re.ASCII)


def shown(at: Instant) -> str:
    """`2026-03-17T10:00:00`, or with microseconds when they are not zero."""
    return at.removesuffix("Z").removesuffix(".000000")


def read_moment(text: str) -> Instant:
    """A moment in UTC, unless its text has an offset; a date alone is the midnight that it begins with.

    Dates are `2024-12-31`, `20241231`, `2024-W01-1` or `2024-12`; a time (`10`, `10:30`, `10:30:15.5`, with
    or without colons) may follow all but the last, behind a `T` or a blank. A comma may stand for
    the point. What is finer than a microsecond is cut off.
    Raises ValueError for anything else, and for moments before year 1 or after 9999.
    """
    if _MONTH.fullmatch(text):
        return instant_of(f"{text}-01")
    parts = _PARTS.fullmatch(text)
    if parts is None:
        raise ValueError(text)
    day, time = parts.groups()
    return instant_of(_day(day) if time is None else f"{_day(day)}T{_time(time)}")


def _day(text: str) -> str:
    """A date as `2024-12-31`, whichever way it is written."""
    if basic := _BASIC.fullmatch(text):
        return "-".join(basic.groups())
    if week := _WEEK.fullmatch(text):
        return date.fromisocalendar(*map(int, week.groups())).isoformat()
    return text


def _time(text: str) -> str:
    """A time as `10:30:15.5+02:00`, whichever way it is written. Raises ValueError."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(text)
    hour, _, minute, second, fraction, offset = found.groups(default="")
    return f"{hour}:{minute or '00'}:{second or '00'}{fraction.replace(',', '.')}{offset}"
