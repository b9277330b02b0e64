"""All kinds of documents by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from readmodels import own_tasks, productivity, tags, tasks, workload
from readmodels.departments import DEPARTMENT, DEPARTMENT_FIGURES
from readmodels.documents import Contribution, Document, Kind, Places
from readmodels.expenses import EXPENSE
from readmodels.own_tasks import OWN_TASKS
from readmodels.portfolio import PORTFOLIO
from readmodels.productivity import WORK
from readmodels.projects import ACCESS, DEPARTMENT_ACCESS, PROJECT, PROJECT_FIGURES
from readmodels.risks import RISK
from readmodels.tags import TAG, TAG_FIGURES
from readmodels.users import USER
from readmodels.workload import BY_DEPARTMENT, USER_FIGURES

Each = TypeVar("Each", Contribution, str)


def all_of(*parts: Callable[[Document], Iterable[Each]]) -> Callable[[Document], list[Each]]:
    return lambda document: [each for part in parts for each in part(document)]


def task_places(document: Document) -> Places:
    found = tasks.places(document)
    found |= own_tasks.places(document)
    return found


TASK: Final = Kind(
    "task",
    task_places,
    all_of(
        tasks.contributions,
        workload.contributions,
        productivity.contributions,
        own_tasks.contributions,
        tags.contributions,
    ),
    groups=all_of(tasks.groups, own_tasks.groups),
    group_fields=("project_id", "deleted", "creator_id", "assignee_ids"),
    text=tasks.text,
    shelves=("task:own:",),
    marks=(
        tuple(f"task:status:{status}" for status in tasks.STATUSES),
        tuple(f"task:priority:{priority}" for priority in tasks.PRIORITIES),
    ),
    by_department=BY_DEPARTMENT,
)

KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        USER, USER_FIGURES, WORK, DEPARTMENT, DEPARTMENT_FIGURES, DEPARTMENT_ACCESS, PROJECT,
        PROJECT_FIGURES, PORTFOLIO, ACCESS, TASK, OWN_TASKS, TAG, TAG_FIGURES, RISK, EXPENSE,
    )
}  # fmt: skip

BY_DEPARTMENT_KINDS: Final = tuple(kind for kind in KINDS.values() if kind.by_department)
