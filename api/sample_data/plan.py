"""What history is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import accumulate, pairwise
from random import Random
from typing import Final

from api.sample_data.workdays import months_before, workday_from, workdays

HOURS_A_DAY: Final = 5.0
"""What a person gets to do for projects on a day, on average."""

HOURS_A_TASK: Final = 20.5
"""What a task is estimated at, on average."""

SPARE_TIME: Final = 0.25
"""The part of their time for which people have tasks, when there are more tasks than they could do."""

TASK_SIZE_MAX: Final = 3.0
"""Where tasks are few, each of them is more work: so much more, at most."""

SHARES: Final = (10, 60)
"""The weights, least and most, by which projects share the tasks."""


@dataclass(frozen=True)
class Plan:
    """`tasks` are those of all projects; the history ends before `until`, some `months` after it began.

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

    @cached_property
    def tasks_by_project(self) -> tuple[int, ...]:
        """How many tasks each project has: some many and some few, one at least while there are enough.

        Without projects there are no tasks.
        """
        random = Random(self.seed)  # noqa: S311 - a story, no secret
        sums = list(accumulate((random.randint(*SHARES) for _ in range(self.projects)), initial=0))
        least = 1 if self.tasks >= self.projects else 0
        shared = self.tasks - least * self.projects
        return tuple(
            least + shared * end // sums[-1] - shared * begin // sums[-1] for begin, end in pairwise(sums)
        )

    @cached_property
    def task_size(self) -> float:
        """1.0, or less where so many tasks would be more work than people can do; more where they are few."""
        wanted = sum(self.tasks_by_project) * HOURS_A_TASK
        possible = max(self.users, 1) * len(self.days) * HOURS_A_DAY * SPARE_TIME
        return min(TASK_SIZE_MAX, possible / wanted) if wanted else 1.0
