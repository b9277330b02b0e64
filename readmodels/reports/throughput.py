"""How many tasks were completed week by week, or month by month where weeks would be too many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from readmodels.documents import day_of
from readmodels.productivity import Completion
from readmodels.reports.periods import Period, day_at
from readmodels.reports.report import BARS_MAX, Bar, Chart, Unit

SERIES: Final = ("Tasks completed",)


def throughput(completions: Iterable[Completion], period: Period, moment: str) -> Chart:
    """A bar for each week or month of the period up to the moment, the latest BARS_MAX at most.

    A task counts once, however many people it had. Without a start the first completion begins it.
    """
    days = {each.task_id: day_at(each.completed_s) for each in completions}
    last = min(date.fromisoformat(day_of(at)) for at in (period.end, moment) if at)
    first = date.fromisoformat(day_of(period.start)) if period.start else min(days.values(), default=last)
    part = WEEKS if len(beginnings(first, last, WEEKS)) <= BARS_MAX else MONTHS
    begun = beginnings(first, last, part)
    counts = Counter(part.begin(day) for day in days.values())
    bars = [Bar(format(day, part.label), (counts[day],)) for day in reversed(begun[:BARS_MAX])]
    note = f"The latest {BARS_MAX} {part.name}s" if len(begun) > BARS_MAX else ""
    return Chart(f"Tasks completed by {part.name}", Unit.COUNT, SERIES, bars, note, is_over_time=True)


class Part(NamedTuple):
    """What a bar stands for: `begin` gives the first day of the part that a day is in."""

    name: str
    begin: Callable[[date], date]
    label: str


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def first_of_month(day: date) -> date:
    return day.replace(day=1)


WEEKS: Final = Part("week", monday, "%Y-%m-%d")
MONTHS: Final = Part("month", first_of_month, "%Y-%m")


def beginnings(first: date, last: date, part: Part) -> Sequence[date]:
    """The beginnings of the parts between two days, latest first: one more than BARS_MAX at most."""
    if first > last:
        return []
    found = [part.begin(last)]
    while found[-1] > part.begin(first) and len(found) <= BARS_MAX:
        found.append(part.begin(found[-1] - timedelta(days=1)))
    return found
