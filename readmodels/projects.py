"""Projects, the figures that their tasks add up to, and who may see them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict, cast

from readmodels.documents import Contribution, Document, Entry, Kind, Ref


class Project(TypedDict):
    id: int
    version: int
    created: int
    updated: int
    owner_id: int
    name: str
    description: str
    budget_cents: int
    start_date: str | None
    end_date: str | None
    status: str
    created_at: str
    updated_at: str


class ProjectFigures(TypedDict, total=False):
    """A summary over a project's tasks; cancelled ones count in labour only.

    `estimated` counts the tasks with an estimate above 0; hours are hundredths, money is cents.
    """

    tasks: int
    completed: int
    estimated: int
    estimated_hours: int
    completed_estimated_hours: int
    labour_cents: int


class Access(TypedDict, total=False):
    """A summary by user and project, `7:12`: how many reasons the user has to see the project."""

    reasons: int


def entries(document: Document) -> Iterable[Entry]:
    project = cast(Project, document)
    yield Entry("project:sort:created", project["created"])
    yield Entry("project:sort:id", project["id"])
    yield Entry("project:sort:name", 0, project["name"].casefold())
    yield Entry("project:sort:budget", project["budget_cents"])
    yield Entry("project:sort:updated_at", project["updated"])
    yield Entry(f"project:status:{project['status']}", project["id"])
    yield Entry(f"project:owner:{project['owner_id']}", project["id"])


def contributions(document: Document) -> Iterable[Contribution]:
    project = cast(Project, document)
    yield Contribution(Ref("access", f"{project['owner_id']}:{project['id']}"), {"reasons": 1})


def text(document: Document) -> str:
    project = cast(Project, document)
    return f"{project['name']}\n{project['description']}"


PROJECT = Kind("project", entries, contributions, text=text)
PROJECT_FIGURES = Kind("project_figures", is_summary=True)
ACCESS = Kind("access", is_summary=True)


def progress(status: str, figures: ProjectFigures) -> int:
    """Completed weight in percent, rounded down, so that 100 means done.

    A task weighs its estimated hours when every task has some, else 1; a completed project is at
    100, one without tasks at 0 (TaskFlow Pro contract, section 4).
    """
    tasks = figures.get("tasks", 0)
    if status == "completed":
        return 100
    if not tasks:
        return 0
    if figures.get("estimated", 0) == tasks:
        return 100 * figures.get("completed_estimated_hours", 0) // figures["estimated_hours"]
    return 100 * figures.get("completed", 0) // tasks
