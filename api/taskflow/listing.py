"""Lists: from query parameters to a page of documents, and from the page to its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from typing_extensions import TypedDict

from api.behind import Readable, StreamModel
from api.taskflow import parameters
from api.taskflow.envelope import Answer
from readmodels.documents import Document
from readmodels.model import PAGE_MAX, NotReady, Page, Query, Range

SORT_INDEXES: Final[Mapping[str, str]] = {"created_at": "created"}
"""Where a sortable field has an index of another name: time follows the position of creation."""


class Person(TypedDict):
    """A user as other objects show one."""

    id: int
    username: str
    email: str


def paged(query: Query, filters: Mapping[str, Any]) -> Query:
    """The query with the sorting and paging that the parameters ask for; newest first unless told."""
    field, descending = filters.get("sort", ("created_at", True))
    page, per_page = place(filters)
    return replace(
        query,
        text=filters.get("q"),
        sort=SORT_INDEXES.get(field, field),
        descending=descending,
        offset=(page - 1) * per_page,
        limit=per_page,
    )


def indexes(filters: Mapping[str, Any], by_parameter: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """The index groups of those filters that pick one index: `{"status": "task:status"}`."""
    return tuple(
        (f"{index}:{_word(filters[name])}",) for name, index in by_parameter.items() if name in filters
    )


def listed(name: str, objects: Sequence[Mapping[str, Any]], page: Page, filters: Mapping[str, Any]) -> Answer:
    number, per_page = place(filters)
    pages = -(-page.total // per_page)
    pagination = {"page": number, "per_page": per_page, "total": page.total, "pages": pages}
    return Answer({name: objects}, pagination=pagination)


async def members_of(model: Readable, kind: str, project_id: int) -> list[Document] | None:
    """All tasks or risks of a project, newest first; None while nobody can tell."""
    query = Query(kind, where=((f"{kind}:project:{project_id}",),), limit=PAGE_MAX)
    members: list[Document] = []
    try:
        while True:
            page = await model.page(query)
            members += page.documents
            if len(page.documents) == page.total:
                return members
            # Not by offset: what comes or goes meanwhile must neither hide nor repeat another one.
            older = Range(f"{kind}:sort:created", None, members[-1]["created"] - 1)
            query = replace(query, ranges=(older,))
    except NotReady:
        if isinstance(model, StreamModel):
            return None
        raise


def person(card: Document) -> Person:
    return {"id": card["id"], "username": card["username"], "email": card["email"]}


def place(filters: Mapping[str, Any]) -> tuple[int, int]:
    """The number of the page that is asked for, from 1, and how many objects make one."""
    return filters.get("page", 1), filters.get("per_page", parameters.PER_PAGE)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
