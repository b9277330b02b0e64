"""Tags: the names under which changes are announced, and by which readers say what an answer rests on.

`task:12` is one document, there or not; `task:project:5` the tasks of a project; `task` all tasks, their
indexes and texts; EVERYTHING changes with every event.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from readmodels.changes import Changes
from readmodels.documents import Document, Ref
from readmodels.model import FOREIGN, Query

EVERYTHING: Final = "*"
TAGS_MAX: Final = 1_000
SCOPE: Final = ":project:"
NOT_OF_ONE_DOCUMENT: Final = (*FOREIGN, "task:people:", "task:open:due:department:")
"""Beginnings of indexes that change although no document does that stands in them."""


def tag_of(ref: Ref) -> str:
    return f"{ref.kind}:{ref.id}"


def touched(changes: Changes) -> list[str] | None:
    """What changes; None where that is more than TAGS_MAX, or where documents stop or go on.

    Answers tell how many documents stand still, so any of them may be another one then.
    """
    if changes.parked or changes.freed or len(changes.documents) > TAGS_MAX:
        return None
    tags = {*_of_documents(changes.documents.items()), *_of_indexes(changes)}
    return sorted(tags) if len(tags) <= TAGS_MAX else None


def _of_documents(changed: Iterable[tuple[Ref, Document | None]]) -> Iterator[str]:
    for ref, document in changed:
        yield ref.kind
        yield tag_of(ref)
        if document is not None and document.get("project_id") is not None:
            yield scope(ref.kind, document["project_id"])


def _of_indexes(changes: Changes) -> Iterator[str]:
    for name in (*changes.added, *changes.removed, *changes.texts, *changes.marks):
        kind = kind_of(name)
        yield kind
        if name.startswith(SCOPE, len(kind)):
            yield name


def scope(kind: str, project_id: int) -> str:
    """The index of what belongs to a project, which is the tag of pages of it as well."""
    return f"{kind}{SCOPE}{project_id}"


def kind_of(index: str) -> str:
    """The kind that an index is named for: `task` of `task:sort:id`."""
    return index.partition(":")[0]


def page_tags(query: Query) -> Iterable[str]:
    """What a page rests on: the tasks of one project where it asks for no others, else whole kinds."""
    groups = [*query.where, *((each.index,) for each in (*query.ranges, *query.without))]
    for group in groups:
        if len(group) == 1 and group[0].startswith(SCOPE, len(query.kind)) and _is_narrow(query, groups):
            return group
    through = (query.through.index, query.through.prefix, *query.through.also) if query.through else ()
    return {query.kind, *(kind_of(name) for group in groups for name in group), *map(kind_of, through)}


def _is_narrow(query: Query, groups: Iterable[tuple[str, ...]]) -> bool:
    """Whether all that is asked for follows from the documents themselves that could be on the page."""
    names = [name for group in groups for name in group]
    return query.through is None and not any(name.startswith(NOT_OF_ONE_DOCUMENT) for name in names)
