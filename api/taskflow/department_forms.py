"""The forms of departments: as requests send them, and as answers show them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from api.behind import UNKNOWN, Readable
from api.taskflow.envelope import Answer
from api.taskflow.fields import Body, Line, Prose
from api.taskflow.formats import ShownMoment, moment
from commands.errors import NotFound
from readmodels.documents import Document, Ref


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


def shown_department(department: Document, figures: Document | None) -> ShownDepartment:
    return {
        "id": department["id"],
        "name": department["name"],
        "description": department["description"],
        "members_count": None if figures is UNKNOWN else (figures or {}).get("members", 0),
        "created_at": moment(department["created_at"]),
        "updated_at": moment(department["updated_at"]),
    }


async def department_answer(
    model: Readable, number: int, message: str | None = None, status: int = 200
) -> Answer:
    ref, figures_ref = Ref("department", str(number)), figures_of(number)
    found = await model.fetch([ref, figures_ref])
    if ref not in found:
        raise NotFound("department")
    department = shown_department(found[ref], found.get(figures_ref))
    return Answer({"department": department}, message, status, version=found[ref]["version"])


def figures_of(department_id: int) -> Ref:
    return Ref("department_figures", str(department_id))
