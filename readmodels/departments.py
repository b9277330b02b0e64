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
    """A summary: what a department's present members, and what they work on, add up to.

    A task with several members of one department counts once there. Hours are hundredths;
    `hours.2025-07` are those booked in a month.
    """

    id: str
    members: int
    active_members: int
    tasks: int
    completed: int
    open_tasks: int
    remaining_centihours: int
    centihours: int


def places(document: Document) -> Places:
    department = cast(Department, document)
    return {
        "department:sort:created": department["created"],
        "department:sort:id": department["id"],
        "department:sort:name": department["name"].casefold(),
    }


DEPARTMENT = Kind("department", places)
DEPARTMENT_FIGURES = Kind("department_figures", is_summary=True)
