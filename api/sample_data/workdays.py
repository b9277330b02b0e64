"""The made-up company's calendar: when people work, and what day a plan means."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

from events.instants import Instant, instant

DAY: Final = timedelta(days=1)
WEEKEND: Final = 5


def is_workday(day: date) -> bool:
    """Monday to Friday, but for the days around New Year on which the company is closed."""
    closed = (day.month, day.day) >= (12, 24) or (day.month, day.day) == (1, 1)
    return day.weekday() < WEEKEND and not closed


def workdays(first: date, end: date) -> Iterator[date]:
    """The workdays from `first` on and before `end`."""
    day = first
    while day < end:
        if is_workday(day):
            yield day
        day += DAY


def workday_from(day: date) -> date:
    """The day itself, or the next workday after it."""
    while not is_workday(day):
        day += DAY
    return day


def workday_after(day: date, count: int) -> date:
    """The workday that comes `count` workdays later; 0 is the first from `day` on."""
    day = workday_from(day)
    for _ in range(count):
        day = workday_from(day + DAY)
    return day


def months_before(day: date, months: int) -> date:
    """The same day of an earlier month, or the last one where that month is shorter."""
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    for last in range(day.day, 0, -1):
        try:
            return date(years, month + 1, last)
        except ValueError:
            continue
    raise AssertionError("every month has a first day")


def moment_of(day: date, second: int) -> Instant:
    """The instant `second` seconds after the day began (UTC)."""
    return instant(datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second))


def midnight(day: date) -> Instant:
    """A day as plans name it: by its first moment (UTC)."""
    return moment_of(day, 0)
