"""The forms of projects: as requests send them, in lists, and in detail with money, tasks and risks."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal, cast

from pydantic import Field
from typing_extensions import TypedDict

from api.behind import UNKNOWN, Readable
from api.cards import cards
from api.taskflow.envelope import Answer
from api.taskflow.fields import Body, Id, Line, Moment, Money, Prose
from api.taskflow.formats import ShownMoment, moment, money
from api.taskflow.listing import Person, members_of, person
from api.taskflow.risk_forms import BriefRisk, brief_risk
from api.taskflow.task_forms import BriefTask, brief_task
from commands.errors import NotFound
from readmodels.documents import Document, Ref
from readmodels.projects import ProjectFigures, progress, spent_cents

Status = Literal["active", "on_hold", "completed", "cancelled"]


class ProjectChange(Body):
    name: Annotated[Line, Field(max_length=100)] = ""
    description: Annotated[Prose, Field(max_length=5000)] = ""
    budget: Money = Field(default=0, serialization_alias="budget_cents")
    start_date: Moment | None = None
    end_date: Moment | None = None
    status: Status = "active"
    owner_id: Id = 0


class NewProject(ProjectChange):
    name: Annotated[Line, Field(max_length=100)]


class ProjectFields(TypedDict):
    """What all forms tell of a project itself."""

    id: int
    name: str
    description: str
    budget: float
    start_date: ShownMoment | None
    end_date: ShownMoment | None
    status: Status
    created_at: ShownMoment
    updated_at: ShownMoment


class CountedProject(ProjectFields):
    """A project with what its tasks make of it, as far as that is known."""

    progress: int | None
    tasks_count: int | None
    completed_tasks: int | None


class ShownProject(CountedProject):
    """The list form; figures are null while nobody can tell them."""

    owner: Person | None


class Owner(Person):
    """A project's owner with the department's name."""

    department: str | None


class DetailedProject(CountedProject):
    """The detail form; figures, tasks and risks are null while nobody can tell them."""

    owner: Owner | None
    spent_budget: float | None
    tasks: list[BriefTask] | None
    risks: list[BriefRisk] | None


def shown_project(project: Document, figures: Document, owner: Person | None) -> ShownProject:
    counted = figures is not UNKNOWN
    sums = cast(ProjectFigures, figures)
    return {
        "id": project["id"],
        "name": project["name"],
        "description": project["description"],
        "budget": money(project["budget_cents"]),
        "start_date": moment(project["start_date"]),
        "end_date": moment(project["end_date"]),
        "status": project["status"],
        "progress": progress(project["status"], sums) if counted else None,
        "owner": owner,
        "tasks_count": sums.get("tasks", 0) if counted else None,
        "completed_tasks": sums.get("completed", 0) if counted else None,
        "created_at": moment(project["created_at"]),
        "updated_at": moment(project["updated_at"]),
    }


async def project_answer(
    model: Readable, project_id: int, message: str | None = None, status: int = 200
) -> Answer:
    """The detail form, composed of documents as they are now. Raises NotFound."""
    ref, figures_ref = Ref("project", str(project_id)), figures_of(project_id)
    found, tasks, risks = await asyncio.gather(
        model.fetch([ref, figures_ref]),
        members_of(model, "task", project_id),
        members_of(model, "risk", project_id),
    )
    project = found.get(ref)
    if project is None:
        raise NotFound("project")
    first_assignees = {user_id for task in tasks or () for user_id in task["assignee_ids"][:1]}
    people = await cards(model, "user", {project["owner_id"], *first_assignees})
    figures = found.get(figures_ref, {})
    shown: DetailedProject = {
        **shown_project(project, figures, None),
        "owner": await _owner(model, people.get(project["owner_id"])),
        "spent_budget": _spent(figures),
        "tasks": None if tasks is None else [brief_task(task, people) for task in tasks],
        "risks": None if risks is None else [brief_risk(risk) for risk in risks],
    }
    return Answer({"project": shown}, message, status, version=project["version"])


def figures_of(project_id: int) -> Ref:
    return Ref("project_figures", str(project_id))


def _spent(figures: Document) -> float | None:
    return None if figures is UNKNOWN else money(spent_cents(cast(ProjectFigures, figures)))


async def _owner(model: Readable, card: Document | None) -> Owner | None:
    if card is None:
        return None
    ref = Ref("department", str(card["department_id"]))
    found = await model.fetch([ref]) if card["department_id"] is not None else {}
    return {**person(card), "department": found[ref]["name"] if ref in found else None}
