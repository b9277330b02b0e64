"""All kinds of documents by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from readmodels import productivity, tasks, workload
from readmodels.departments import DEPARTMENT, DEPARTMENT_FIGURES
from readmodels.documents import Contribution, Document, Kind
from readmodels.expenses import EXPENSE
from readmodels.portfolio import PORTFOLIO
from readmodels.productivity import WORK
from readmodels.projects import ACCESS, DEPARTMENT_ACCESS, PROJECT, PROJECT_FIGURES
from readmodels.risks import RISK
from readmodels.users import USER
from readmodels.workload import BY_DEPARTMENT, USER_FIGURES

Contributions = Callable[[Document], Iterable[Contribution]]


def all_of(*parts: Contributions) -> Contributions:
    return lambda document: [each for part in parts for each in part(document)]


TASK: Final = Kind(
    "task",
    tasks.places,
    all_of(tasks.contributions, workload.contributions, productivity.contributions),
    group=tasks.group,
    text=tasks.text,
    by_department=BY_DEPARTMENT,
)

KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        USER, USER_FIGURES, WORK, DEPARTMENT, DEPARTMENT_FIGURES, DEPARTMENT_ACCESS, PROJECT,
        PROJECT_FIGURES, PORTFOLIO, ACCESS, TASK, RISK, EXPENSE,
    )
}  # fmt: skip

BY_DEPARTMENT_KINDS: Final = tuple(kind for kind in KINDS.values() if kind.by_department)
