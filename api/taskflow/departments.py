"""Departments over HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from api.behind import Readable
from api.taskflow import parameters
from api.taskflow.calls import Call
from api.taskflow.department_forms import (
    DepartmentChange,
    NewDepartment,
    ShownDepartment,
    department_answer,
    figures_of,
    shown_department,
)
from api.taskflow.endpoints import Endpoint, Shows
from api.taskflow.envelope import Answer
from api.taskflow.listing import listed, paged
from commands.departments import ChangeDepartment, CreateDepartment
from events.departments import DepartmentCreated
from readmodels.model import Query

FILTERS: Final[parameters.Parameters] = {
    **parameters.PAGING,
    "sort": parameters.sort_by("created_at", "id", "name"),
}


async def list_departments(call: Call) -> Answer:
    model = call.core.model
    page = await model.page(paged(Query("department"), call.filters))
    figures = await model.fetch(figures_of(department["id"]) for department in page.documents)
    shown = [
        shown_department(department, figures.get(figures_of(department["id"])))
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
        is_kept=True,
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
        asks_role="admin",
        shows=replace(ONE, status=201),
        example=EXAMPLE,
    ),
    Endpoint(
        "GET",
        "/api/departments/{department_id}",
        get_department,
        is_kept=True,
        summary="Read a department",
        shows=ONE,
    ),
    Endpoint(
        "PUT",
        "/api/departments/{department_id}",
        change_department,
        body=DepartmentChange,
        summary="Change a department",
        asks_role="admin",
        shows=ONE,
        example=EXAMPLE,
    ),
)
