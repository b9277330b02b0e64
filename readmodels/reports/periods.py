"""The period that a report is asked for, in UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from readmodels.documents import day_of, month_of, score
from readmodels.tasks import DAY_S, MIDNIGHT

DAY_END = "T23:59:59.999999Z"


class Period(NamedTuple):
    """From the instant `start` to the instant `end`, both included; None leaves that side open."""

    start: str | None = None
    end: str | None = None

    def days(self) -> Period:
        """The whole days that the period touches."""
        return Period(self.start and day_of(self.start) + MIDNIGHT, self.end and day_of(self.end) + DAY_END)

    def touches(self, start: str | None, end: str | None) -> bool:
        """Whether a span from `start` to `end` has a moment in it; an end at midnight is its whole day."""
        begins_in_time = start is None or self.end is None or start <= self.end
        lasts_long_enough = end is None or self.start is None or last_moment(end) >= self.start
        return begins_in_time and lasts_long_enough

    def months(self) -> tuple[int | None, int | None]:
        """The first and the last month, July 2025 as 202507."""
        first, last = (at and int(month_of(at).replace("-", "")) for at in self)
        return first or None, last or None

    def seconds(self) -> tuple[float, float]:
        """From the first second of the first day to before the first second after the last one."""
        first = score(day_of(self.start) + MIDNIGHT) if self.start else float("-inf")
        end = score(day_of(self.end) + MIDNIGHT) + DAY_S if self.end else float("inf")
        return first, end

    def has_day(self, day: str) -> bool:
        return (self.start is None or day >= day_of(self.start)) and (
            self.end is None or day <= day_of(self.end)
        )

    def in_words(self) -> Sequence[str]:
        """What narrows a report, for people to read: `("from 2025-01-01", "to 2025-06-30")`."""
        words = (("from", self.start, MIDNIGHT), ("to", self.end, DAY_END))
        return tuple(
            f"{word} {at.removesuffix(edge).replace('.000000Z', 'Z')}"
            for word, at, edge in words
            if at is not None
        )


def last_moment(end: str) -> str:
    return day_of(end) + DAY_END if end.endswith(MIDNIGHT) else end


def day_at(second: int) -> date:
    """The day that a number of seconds since 1970 falls on."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + second // DAY_S)
