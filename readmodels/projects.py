"""Projects, the figures that their tasks add up to, and who may see them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict, cast

from readmodels.documents import (
    FIELD_END,
    ByDepartment,
    Contribution,
    DepartmentOf,
    Document,
    Kind,
    Place,
    Places,
    Ref,
    Standing,
    score,
)
from readmodels.portfolio import PORTFOLIO_REF


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
    """A summary over a project's tasks, risks and expenses; cancelled tasks count in labour only.

    `estimated` counts the tasks with an estimate above 0; hours are hundredths, money is cents.
    """

    id: str
    tasks: int
    completed: int
    estimated: int
    estimated_centihours: int
    completed_estimated_centihours: int
    labour_cents: int
    expenses: int
    expenses_cents: int
    risks: int
    open_risks: int


class Access(TypedDict, total=False):
    """A summary by user and project, `7:12`: how many reasons the user has to see the project.

    By department and project it is what a department's members have to do with the project.
    """

    id: str
    reasons: int


def places(document: Document) -> Places:
    project = cast(Project, document)
    number = project["id"]
    found: dict[str, Place] = {
        "project:sort:created": project["created"],
        "project:sort:id": number,
        "project:sort:name": project["name"].casefold(),
        "project:sort:budget": project["budget_cents"],
        "project:sort:updated_at": project["updated"],
        f"project:status:{project['status']}": number,
        f"project:owner:{project['owner_id']}": number,
    }
    for date in ("start_date", "end_date"):
        if document[date] is None:
            found[f"project:unsorted:{date}"] = number
        else:
            found[f"project:sort:{date}"] = score(document[date])
    return found


def contributions(document: Document) -> Iterable[Contribution]:
    project = cast(Project, document)
    yield Ref("access", f"{project['owner_id']}:{project['id']}"), {"reasons": 1}
    yield PORTFOLIO_REF, {"projects": 1, "allocated_cents": project["budget_cents"]}


def of_owner(document: Document, department_of: DepartmentOf) -> Standing:
    """The owner's department has to do with the project."""
    project = cast(Project, document)
    department = department_of(project["owner_id"])
    if department is None:
        return Standing({}, ())
    ref = Ref("department_access", f"{department}:{project['id']}")
    return Standing({}, [(ref, {"reasons": 1})])


def text(document: Document) -> str:
    project = cast(Project, document)
    return FIELD_END.join((project["name"], project["description"]))


def visible(document: Document) -> Places:
    """A user's visible projects: the project stands there, not the reasons for it."""
    user_id, project_id = document["id"].split(":")
    return {f"project:visible:{user_id}": int(project_id)}


def of_department(document: Document) -> Places:
    """The projects that a department's members have to do with."""
    department_id, project_id = document["id"].split(":")
    return {f"project:department:{department_id}": int(project_id)}


def project_of(document: Document) -> str:
    return str(document["id"].split(":")[1])


BY_OWNER = ByDepartment(("owner_id",), lambda document: (document["owner_id"],), of_owner)

PROJECT = Kind("project", places, contributions, text=text, by_department=BY_OWNER)
PROJECT_FIGURES = Kind("project_figures", is_summary=True)
ACCESS = Kind("access", visible, is_summary=True, member=project_of)
DEPARTMENT_ACCESS = Kind("department_access", of_department, is_summary=True, member=project_of)


def spent_cents(figures: ProjectFigures) -> int:
    """Labour and expenses."""
    return figures.get("labour_cents", 0) + figures.get("expenses_cents", 0)


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
        return 100 * figures.get("completed_estimated_centihours", 0) // figures["estimated_centihours"]
    return 100 * figures.get("completed", 0) // tasks
