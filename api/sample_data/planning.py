"""How a project is planned: its name, its tasks with their estimates, its budget."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

from api.sample_data.tasks import Task
from api.sample_data.vocabulary import DESCRIPTIONS, PROJECTS, TASKS
from api.sample_data.work import QUARTER
from api.sample_data.workdays import workday_after

if TYPE_CHECKING:
    from api.sample_data.projects import Project

ESTIMATES: Final = (200, 400, 800, 800, 1200, 1600, 1600, 2400, 2400, 3200, 4000, 6000)
PRIORITIES: Final = ("low", "medium", "medium", "medium", "high", "high", "urgent")
CENTS_ROUNDED_TO: Final = 50_000
EXPENSES_CENTS: Final = 600_000


def planned_task(project: Project, part: float, size: float, random: Random) -> Task:
    """Tasks begin one after the other and are due after the time that they take, and some reserve.

    `part` of the project's tasks (0.0 to 1.0) come before it; `size` is how much work one is, usually 1.0.
    """
    verbs, things = TASKS[int(part * len(TASKS))]
    hours = max(QUARTER * 2, int(random.choice(ESTIMATES) * size))
    estimate = -(-hours // (2 * QUARTER)) * 2 * QUARTER
    turns_out = min(max(random.lognormvariate(0.08, 0.35), 0.5), 2.5)
    begins = workday_after(project.day(part), random.randint(0, 4))
    return Task(
        project=project,
        title=f"{random.choice(verbs)} {random.choice(things)}",
        description=random.choice(DESCRIPTIONS),
        priority=random.choice(PRIORITIES),
        estimate=estimate,
        needed=-(-int(estimate * turns_out) // QUARTER) * QUARTER,
        begins=begins,
        due=workday_after(begins, -(-estimate // 400) + random.randint(2, 8)),
        is_estimated=random.random() < 0.88,
    )


def budget_cents(project: Project, place: int, random: Random) -> int:
    """Labour as estimated at what the team costs, and expenses; every third is planned too low."""
    rates = [person.rate_cents for person in project.team]
    hours = sum(task.estimate for task in project.tasks) / 100
    reserve = random.uniform(0.6, 0.8) if place % 3 == 1 else random.uniform(1.2, 1.7)
    wanted = (hours * sum(rates) / len(rates) + EXPENSES_CENTS) * reserve
    return int(-(-wanted // CENTS_ROUNDED_TO)) * CENTS_ROUNDED_TO


def title(place: int) -> tuple[str, str]:
    """Name and description; from the second round on names are numbered."""
    round_, one = divmod(place, len(PROJECTS))
    name, description = PROJECTS[one]
    return (f"{name} {round_ + 1}" if round_ else name), description
