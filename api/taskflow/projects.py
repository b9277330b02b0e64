"""Projects over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from api.behind import Readable
from api.moments_rights import permitted_projects
from api.taskflow import parameters
from api.taskflow.calls import Call
from api.taskflow.endpoints import Endpoint, Shows, timed
from api.taskflow.envelope import Answer
from api.taskflow.listing import indexes, listed, paged, person
from api.taskflow.project_forms import (
    DetailedProject,
    NewProject,
    ProjectChange,
    ShownProject,
    figures_of,
    project_answer,
    shown_project,
)
from api.visibility import sees
from commands.errors import NotFound
from commands.projects import ChangeProject, CreateProject, DeleteProject
from events.projects import ProjectCreated
from readmodels.documents import Document, Ref, score
from readmodels.model import Query, Range

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
    model = call.model
    page = await model.page(projects_query(call.filters, await _visible(call)))
    refs = {project["id"]: _refs(project) for project in page.documents}
    wanted = {ref for pair in refs.values() for ref in pair}
    found = await model.fetch(wanted) if wanted else {}
    shown = []
    for project in page.documents:
        figures_ref, owner_ref = refs[project["id"]]
        owner = person(found[owner_ref]) if owner_ref in found else None
        shown.append(shown_project(project, found.get(figures_ref, {}), owner))
    return listed("projects", shown, page, call.filters)


async def _visible(call: Call) -> str | None:
    """The index of what the caller may see; None for everything."""
    if call.caller.sees_all:
        return None
    if call.past is None:
        return f"project:visible:{call.caller.id}"
    return await permitted_projects(call.core.redis, call.core.model, call.past, call.caller)


def _refs(project: Document) -> tuple[Ref, Ref]:
    """What a project is shown with: its figures and its owner's card."""
    return figures_of(project["id"]), Ref("user", str(project["owner_id"]))


def projects_query(filters: Mapping[str, Any], visible: str | None) -> Query:
    where = indexes(filters, INDEXES)
    if visible is not None:
        where = (*where, (visible,))
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
    return await project_answer(call.model, project_id)


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


ONE: Final = Shows({"project": DetailedProject}, is_object=True)

ENDPOINTS: Final = (
    timed(
        Endpoint(
            "GET",
            "/api/projects",
            list_projects,
            is_kept=True,
            parameters=FILTERS,
            summary="List projects that you may see",
            shows=Shows({"projects": list[ShownProject]}, is_list=True),
        )
    ),
    Endpoint(
        "POST",
        "/api/projects",
        create_project,
        body=NewProject,
        takes_key=True,
        summary="Create a project",
        asks_role="manager",
        shows=replace(ONE, status=201),
        example={
            "name": "Mobile App Development",
            "description": "Develop iOS and Android mobile applications",
            "budget": 75000.00,
            "start_date": "2025-07-01",
            "end_date": "2025-12-31",
        },
    ),
    timed(
        Endpoint(
            "GET",
            "/api/projects/{project_id}",
            get_project,
            is_kept=True,
            summary="Read a project with its tasks, risks and spending",
            shows=ONE,
        )
    ),
    Endpoint(
        "PUT",
        "/api/projects/{project_id}",
        change_project,
        body=ProjectChange,
        summary="Change a project",
        shows=ONE,
        example={"name": "Updated Project Name", "budget": 80000.00, "status": "on_hold"},
    ),
    Endpoint(
        "DELETE",
        "/api/projects/{project_id}",
        delete_project,
        summary="Delete a project with its tasks, risks and expenses",
    ),
)
