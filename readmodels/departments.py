"""Departments and the figures that their members add up to."""

from __future__ import annotations

from typing import TypedDict, cast

from readmodels.documents import Document, Kind, Places


class Department(TypedDict):
    id: int
    version: int
    created: int
    updated: int
    name: str
    description: str
    created_at: str
    updated_at: str


class DepartmentFigures(TypedDict, total=False):
    """A summary: what the cards of a department's users add up to."""

    id: str
    members: int


def places(document: Document) -> Places:
    department = cast(Department, document)
    return {
        "department:sort:created": department["created"],
        "department:sort:id": department["id"],
        "department:sort:name": department["name"].casefold(),
    }


DEPARTMENT = Kind("department", places)
DEPARTMENT_FIGURES = Kind("department_figures", is_summary=True)
