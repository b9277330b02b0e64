"""Departments over HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final

from pydantic import Field
from typing_extensions import TypedDict

from api.behind import UNKNOWN, Readable
from api.taskflow import parameters
from api.taskflow.calls import Call
from api.taskflow.endpoints import Endpoint, Shows
from api.taskflow.envelope import Answer
from api.taskflow.fields import Body, Line, Prose
from api.taskflow.formats import ShownMoment, moment
from api.taskflow.listing import listed, paged
from commands.departments import ChangeDepartment, CreateDepartment
from commands.errors import NotFound
from events.departments import DepartmentCreated
from readmodels.documents import Document, Ref
from readmodels.model import Query


class DepartmentChange(Body):
    name: Annotated[Line, Field(max_length=100)] = ""
    description: Annotated[Prose, Field(max_length=500)] = ""


class NewDepartment(DepartmentChange):
    name: Annotated[Line, Field(max_length=100)]


class ShownDepartment(TypedDict):
    """How many members there are is null while nobody can tell."""

    id: int
    name: str
    description: str
    members_count: int | None
    created_at: ShownMoment
    updated_at: ShownMoment


FILTERS: Final[parameters.Parameters] = {
    **parameters.PAGING,
    "sort": parameters.sort_by("created_at", "id", "name"),
}


async def list_departments(call: Call) -> Answer:
    model = call.core.model
    page = await model.page(paged(Query("department"), call.filters))
    figures = await model.fetch(_figures_ref(department["id"]) for department in page.documents)
    shown = [
        shown_department(department, figures.get(_figures_ref(department["id"])))
        for department in page.documents
    ]
    return listed("departments", shown, page, call.filters)


async def get_department(call: Call) -> Answer:
    return await department_answer(call.core.model, call.number("department_id", "department"))


async def create_department(call: Call) -> Answer:
    written = await call.write(CreateDepartment(**call.fields, invalid=call.invalid))
    number = written.the(DepartmentCreated).department_id

    async def show(model: Readable) -> Answer:
        return await department_answer(model, number, "Department created successfully", 201)

    return await call.shown(written, show, is_new=True)


async def change_department(call: Call) -> Answer:
    number = call.number("department_id", "department")
    written = await call.write(ChangeDepartment(department_id=number, **call.fields, invalid=call.invalid))

    async def show(model: Readable) -> Answer:
        return await department_answer(model, number, "Department updated successfully")

    return await call.shown(written, show)


async def department_answer(
    model: Readable, number: int, message: str | None = None, status: int = 200
) -> Answer:
    ref, figures_ref = Ref("department", str(number)), _figures_ref(number)
    found = await model.fetch([ref, figures_ref])
    if ref not in found:
        raise NotFound("department")
    department = shown_department(found[ref], found.get(figures_ref))
    return Answer({"department": department}, message, status, version=found[ref]["version"])


def shown_department(department: Document, figures: Document | None) -> ShownDepartment:
    return {
        "id": department["id"],
        "name": department["name"],
        "description": department["description"],
        "members_count": None if figures is UNKNOWN else (figures or {}).get("members", 0),
        "created_at": moment(department["created_at"]),
        "updated_at": moment(department["updated_at"]),
    }


def _figures_ref(number: int) -> Ref:
    return Ref("department_figures", str(number))


ONE: Final = Shows({"department": ShownDepartment}, is_object=True)
EXAMPLE: Final = {
    "name": "Quality Assurance",
    "description": "Software testing and quality control department",
}

ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/api/departments",
        list_departments,
        parameters=FILTERS,
        summary="List departments",
        shows=Shows({"departments": list[ShownDepartment]}, is_list=True),
    ),
    Endpoint(
        "POST",
        "/api/departments",
        create_department,
        body=NewDepartment,
        takes_key=True,
        summary="Create a department",
        shows=replace(ONE, status=201),
        example=EXAMPLE,
    ),
    Endpoint(
        "GET", "/api/departments/{department_id}", get_department, summary="Read a department", shows=ONE
    ),
    Endpoint(
        "PUT",
        "/api/departments/{department_id}",
        change_department,
        body=DepartmentChange,
        summary="Change a department",
        shows=ONE,
        example=EXAMPLE,
    ),
)
