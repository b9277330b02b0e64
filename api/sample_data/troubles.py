"""What projects have besides tasks: risks that are raised and dealt with, money that is spent."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any, Final

from api.sample_data.steps import Diary
from api.sample_data.vocabulary import EXPENSES, IMPACTS, RESOLUTIONS, RISKS
from api.sample_data.workdays import DAY, midnight, workday_after
from commands.expenses import RecordExpense, ReverseExpense
from commands.risks import ChangeRisk, RaiseRisk

if TYPE_CHECKING:
    from api.sample_data.projects import Project

SEVERITIES: Final = ("low", "medium", "medium", "high", "critical")
PROBABILITIES: Final = ("low", "medium", "medium", "high")


class Troubles:
    """Risks and expenses, noted down in the diary."""

    def __init__(self, random: Random, diary: Diary) -> None:
        self._random, self._diary = random, diary

    def foresee(self, project: Project) -> None:
        """Two to five risks while the project runs; money is spent until some weeks after it."""
        for risk in self._random.sample(RISKS, self._random.randint(2, 5)):
            self._diary.plan(project.day(self._random.uniform(0.02, 0.8)), self._raise, project, risk)
        for _ in range(self._random.randint(3, 9)):
            self._diary.plan(project.day(self._random.uniform(0.0, 1.1)), self._spend, project)

    def _raise(self, project: Project, risk: tuple[str, str, str]) -> None:
        if not project.is_open:
            return
        title, description, plan = risk
        command = RaiseRisk(
            project_id=project.number,
            title=title,
            description=description,
            severity=self._random.choice(SEVERITIES),
            probability=self._random.choice(PROBABILITIES),
            impact=self._random.choice(IMPACTS),
        )
        number = self._diary.note_new("risk", project.owner.actor, command)
        if self._random.random() < 0.75:
            self._soon(5, 25, self._mitigate, project, number, plan)

    def _mitigate(self, project: Project, number: int, plan: str) -> None:
        command = ChangeRisk(risk_id=number, mitigation_plan=plan, status="mitigated")
        self._diary.note(project.owner.actor, command)
        if self._random.random() < 0.7:
            self._soon(15, 60, self._settle, project, number)

    def _settle(self, project: Project, number: int) -> None:
        command = ChangeRisk(
            risk_id=number,
            status=self._random.choice(("resolved", "closed")),
            actual_impact=self._random.choice(("none", *IMPACTS)),
            resolution_notes=self._random.choice(RESOLUTIONS),
        )
        self._diary.note(project.owner.actor, command)

    def _spend(self, project: Project) -> None:
        if project.status == "cancelled":
            return
        category = self._random.choice(list(EXPENSES))
        reasons, least = EXPENSES[category]
        command = RecordExpense(
            project_id=project.number,
            amount_cents=100 * least + self._random.randrange(300 * least),
            category=category,
            description=self._random.choice(reasons),
            incurred_on=midnight(max(project.begins, self._diary.today - self._random.randint(0, 4) * DAY)),
        )
        number = self._diary.note_new("expense", project.owner.actor, command)
        if self._random.random() < 0.08:
            self._soon(2, 6, self._take_back, project, number)

    def _take_back(self, project: Project, number: int) -> None:
        """It was entered twice."""
        command = ReverseExpense(project_id=project.number, expense_id=number)
        self._diary.note(project.owner.actor, command)

    def _soon(self, least: int, most: int, action: Callable[..., None], *about: Any) -> None:
        day = workday_after(self._diary.today, self._random.randint(least, most))
        self._diary.plan(day, action, *about)
