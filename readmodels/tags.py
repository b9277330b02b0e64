"""Tags, and how many tasks have each of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict, cast

from readmodels.documents import Contribution, Document, Kind, Places, ref_to
from readmodels.tasks import Task


class Tag(TypedDict):
    """A tag's card; `color` and `description` are empty for none."""

    id: int
    version: int
    created: int
    updated: int
    name: str
    color: str
    description: str
    created_at: str
    updated_at: str


class TagFigures(TypedDict, total=False):
    """A summary: how many tasks have the tag, whoever's they are."""

    id: str
    tasks: int


def places(document: Document) -> Places:
    tag = cast(Tag, document)
    return {
        "tag:sort:created": tag["created"],
        "tag:sort:id": tag["id"],
        "tag:sort:name": tag["name"].casefold(),
        "tag:sort:updated_at": tag["updated"],
    }


def contributions(document: Document) -> Iterable[Contribution]:
    """What a task adds to its tags."""
    task = cast(Task, document)
    if not task["deleted"]:
        for tag_id in task["tag_ids"]:
            yield ref_to("tag_figures", tag_id), {"tasks": 1}


def text(document: Document) -> str:
    return cast(Tag, document)["name"]


TAG = Kind("tag", places, text=text)
TAG_FIGURES = Kind("tag_figures", is_summary=True)
