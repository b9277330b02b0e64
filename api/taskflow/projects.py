"""Projects over HTTP: the list form, and the detail form with owner, tasks and money."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, Literal, cast

from pydantic import Field

from api.behind import UNKNOWN, Readable, StreamModel
from api.callers import Caller
from api.taskflow import parameters
from api.taskflow.calls import Call
from api.taskflow.endpoints import Endpoint
from api.taskflow.envelope import Answer
from api.taskflow.fields import Body, Id, Line, Moment, Money, Prose
from api.taskflow.formats import moment, money
from api.taskflow.listing import cards, indexes, listed, paged, person
from commands.errors import NotFound
from commands.projects import ChangeProject, CreateProject, DeleteProject
from events.projects import ProjectCreated
from readmodels.documents import Document, Ref, score
from readmodels.model import PAGE_MAX, NotReady, Query, Range
from readmodels.projects import ProjectFigures, progress

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


FILTERS: Final[parameters.Parameters] = {
    **parameters.PAGING,
    "status": parameters.one_of("active", "on_hold", "completed", "cancelled"),
    "user_id": parameters.ID,
    "q": parameters.TEXT,
    "start_from": parameters.DATE,
    "start_to": parameters.DATE_END,
    "sort": parameters.sort_by("created_at", "id", "name", "budget", "start_date", "end_date", "updated_at"),
}
INDEXES: Final = {"status": "project:status", "user_id": "project:owner"}


async def list_projects(call: Call) -> Answer:
    model = call.core.model
    page = await model.page(projects_query(call.filters, call.caller))
    wanted = {_figures_ref(project["id"]) for project in page.documents}
    wanted |= {Ref("user", str(project["owner_id"])) for project in page.documents}
    found = await model.fetch(wanted) if wanted else {}
    shown = [
        shown_project(
            project,
            found.get(_figures_ref(project["id"]), {}),
            person(found.get(Ref("user", str(project["owner_id"])))),
        )
        for project in page.documents
    ]
    return listed("projects", shown, page, call.filters)


def projects_query(filters: Mapping[str, Any], caller: Caller) -> Query:
    where = indexes(filters, INDEXES)
    if not caller.sees_all:
        where = (*where, (f"project:visible:{caller.id}",))
    query = paged(Query("project", where=where), filters)
    first, last = filters.get("start_from"), filters.get("start_to")
    if first is None and last is None:
        return query
    span = Range("project:sort:start_date", first and score(first), last and score(last))
    return replace(query, ranges=(span,))


async def get_project(call: Call) -> Answer:
    project_id = call.number("project_id", "project")
    if not await sees(call.core.model, call.caller, project_id):
        raise NotFound("project")
    return await project_answer(call.core.model, project_id)


async def create_project(call: Call) -> Answer:
    written = await call.write(CreateProject(**call.fields, invalid=call.invalid))
    project_id = written.the(ProjectCreated).project_id

    async def show(model: Readable) -> Answer:
        return await project_answer(model, project_id, "Project created successfully", 201)

    return await call.shown(written, show, is_new=True)


async def change_project(call: Call) -> Answer:
    project_id = call.number("project_id", "project")
    written = await call.write(ChangeProject(project_id=project_id, **call.fields, invalid=call.invalid))

    async def show(model: Readable) -> Answer:
        return await project_answer(model, project_id, "Project updated successfully")

    return await call.shown(written, show)


async def delete_project(call: Call) -> Answer:
    written = await call.write(DeleteProject(project_id=call.number("project_id", "project")))
    return await call.done(written, "Project deleted successfully")


async def sees(model: Readable, caller: Caller, project_id: int) -> bool:
    """Whether the caller may know of a project: all of them, or owned or with a task assigned."""
    if caller.sees_all:
        return True
    ref = Ref("access", f"{caller.id}:{project_id}")
    return ref in await model.fetch([ref])


async def project_answer(
    model: Readable, project_id: int, message: str | None = None, status: int = 200
) -> Answer:
    """The detail form, composed of documents as they are now. Raises NotFound."""
    ref, figures_ref = Ref("project", str(project_id)), _figures_ref(project_id)
    found = await model.fetch([ref, figures_ref])
    project = found.get(ref)
    if project is None:
        raise NotFound("project")
    tasks = await _tasks(model, project_id)
    people = await cards(model, {project["owner_id"], *_first_assignees(tasks or ())})
    owner = people.get(project["owner_id"])
    shown = {
        **shown_project(project, found.get(figures_ref, {}), await _owner(model, owner)),
        "spent_budget": _spent(found.get(figures_ref, {})),
        "tasks": tasks and [brief_task(task, people) for task in tasks],
        "risks": [],
    }
    return Answer({"project": shown}, message, status, version=project["version"])


def shown_project(project: Document, figures: Document, owner: Mapping[str, Any] | None) -> dict[str, Any]:
    """The list form; figures are null while nobody can tell them."""
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


def brief_task(task: Document, people: Mapping[int, Document]) -> dict[str, Any]:
    """A task as its project's detail form shows it."""
    first = task["assignee_ids"][:1]
    return {
        "id": task["id"],
        "title": task["title"],
        "status": task["status"],
        "priority": task["priority"],
        "assigned_to": person(people.get(first[0])) if first else None,
    }


def _spent(figures: Document) -> float | None:
    return None if figures is UNKNOWN else money(figures.get("labour_cents", 0))


async def _owner(model: Readable, card: Document | None) -> dict[str, Any] | None:
    """The owner with the department's name."""
    if card is None:
        return None
    ref = Ref("department", str(card["department_id"]))
    found = await model.fetch([ref]) if card["department_id"] is not None else {}
    return {**(person(card) or {}), "department": found[ref]["name"] if ref in found else None}


async def _tasks(model: Readable, project_id: int) -> list[Document] | None:
    """All tasks of a project, newest first; None while nobody can tell."""
    tasks: list[Document] = []
    query = Query("task", where=((f"task:project:{project_id}",),), limit=PAGE_MAX)
    try:
        page = await model.page(query)
        tasks += page.documents
        while page.documents and len(tasks) < page.total:
            page = await model.page(replace(query, offset=len(tasks)))
            tasks += page.documents
    except NotReady:
        if isinstance(model, StreamModel):
            return None
        raise
    return tasks


def _first_assignees(tasks: Iterable[Document]) -> set[int]:
    return {user_id for task in tasks for user_id in task["assignee_ids"][:1]}


def _figures_ref(project_id: int) -> Ref:
    return Ref("project_figures", str(project_id))


ENDPOINTS: Final = (
    Endpoint("GET", "/api/projects", list_projects, parameters=FILTERS),
    Endpoint("POST", "/api/projects", create_project, body=NewProject, takes_key=True),
    Endpoint("GET", "/api/projects/{project_id}", get_project),
    Endpoint("PUT", "/api/projects/{project_id}", change_project, body=ProjectChange),
    Endpoint("DELETE", "/api/projects/{project_id}", delete_project),
)
