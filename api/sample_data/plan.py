"""What history is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final

from api.sample_data.workdays import months_before, workday_from, workdays

HOURS_A_DAY: Final = 5.0
"""What a person gets to do for projects on a day, on average."""

HOURS_A_TASK: Final = 20.5
"""What a task is estimated at, on average."""

SPARE_TIME: Final = 0.35
"""The part of their time for which people have tasks, when there are more tasks than they could do."""


@dataclass(frozen=True)
class Plan:
    """`tasks` is a number per project; the history ends before `until`, some `months` after it began.

    `suffix` completes every username, so that they differ from those of an earlier history.
    """

    projects: int
    tasks: int
    users: int
    seed: int
    until: date
    months: int = 18
    password_hash: str = ""
    suffix: str = ""

    @cached_property
    def first_day(self) -> date:
        return workday_from(months_before(self.until, self.months))

    @cached_property
    def days(self) -> tuple[date, ...]:
        """The workdays that the history has."""
        return tuple(workdays(self.first_day, self.until))

    def day(self, part: float) -> date:
        """The workday at a part of the whole time, from 0.0 to 1.0."""
        return self.days[min(int(part * len(self.days)), len(self.days) - 1)]

    @property
    def task_size(self) -> float:
        """1.0, or less where so many tasks would be more work than the people can do."""
        wanted = self.projects * self.tasks * HOURS_A_TASK
        possible = max(self.users, 1) * len(self.days) * HOURS_A_DAY * SPARE_TIME
        return min(1.0, possible / wanted) if wanted else 1.0
