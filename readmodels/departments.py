"""Departments and the figures that their members add up to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict, cast

from readmodels.documents import Document, Entry, Kind


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

    members: int


def entries(document: Document) -> Iterable[Entry]:
    department = cast(Department, document)
    yield Entry("department:sort:created", department["created"])
    yield Entry("department:sort:id", department["id"])
    yield Entry("department:sort:name", 0, department["name"].casefold())


DEPARTMENT = Kind("department", entries)
DEPARTMENT_FIGURES = Kind("department_figures", is_summary=True)
