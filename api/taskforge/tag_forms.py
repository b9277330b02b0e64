"""The forms of tags: as requests send them, and as answers show them, alone and on tasks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final, NotRequired

from typing_extensions import TypedDict

from api.behind import UNKNOWN, Readable
from api.taskforge.envelope import Answer
from api.taskforge.moments import ShownMoment, shown
from api.taskforge.reading import Field, Wrong, at_most, sized, text, text_faults
from commands.errors import NotFound
from readmodels.documents import Document, Ref

NAME_MAX: Final = 50
DESCRIPTION_MAX: Final = 5000
DEFAULT_COLOR: Final = "#808080"

COLOR: Final = re.compile(r"#[0-9A-Fa-f]{6}")
INVALID_COLOR: Final = "Color must be a valid hex code (e.g., #FF0000)"


class ShownTag(TypedDict):
    """A tag; `task_count` counts everybody's tasks, and is null while nobody can tell it."""

    id: int
    name: str
    color: str | None
    description: str | None
    created_at: ShownMoment
    updated_at: ShownMoment
    task_count: int | None


class NewTag(TypedDict):
    """Without `color` the tag is grey, `#808080`; with null or an empty text it has none."""

    name: str
    color: NotRequired[str | None]
    description: NotRequired[str | None]


class TagChange(TypedDict, total=False):
    """A color or description that is null or empty is taken away."""

    name: str
    color: str | None
    description: str | None


def shown_tag(card: Document, figures: Document | None) -> ShownTag:
    """`figures` are the tag's `tag_figures`; None where no task has it."""
    return {
        "id": card["id"],
        "name": card["name"],
        "color": card["color"] or None,
        "description": card["description"] or None,
        "created_at": shown(card["created_at"]),
        "updated_at": shown(card["updated_at"]),
        "task_count": None if figures is UNKNOWN else (figures or {}).get("tasks", 0),
    }


async def shown_tags(model: Readable, tags: Iterable[Document]) -> list[ShownTag]:
    """The tags with these cards; their figures are fetched together."""
    figures = {tag["id"]: _figures(tag["id"]) for tag in tags}
    found = await model.fetch(figures.values()) if figures else {}
    return [shown_tag(tag, found.get(figures[tag["id"]])) for tag in tags]


async def tags_of(model: Readable, tag_ids: Iterable[int]) -> Mapping[int, ShownTag]:
    """The tags with these ids, in ascending order, fetched together; those that are gone are left out."""
    wanted = {tag_id: Ref("tag", str(tag_id)) for tag_id in sorted(set(tag_ids))}
    if not wanted:
        return {}
    found = await model.fetch([*wanted.values(), *map(_figures, wanted)])
    return {
        tag_id: shown_tag(found[ref], found.get(_figures(tag_id)))
        for tag_id, ref in wanted.items()
        if ref in found
    }


async def tag_answer(model: Readable, tag_id: int, message: str | None = None, status: int = 200) -> Answer:
    """Raises NotFound."""
    tags = await tags_of(model, [tag_id])
    if tag_id not in tags:
        raise NotFound("tag")
    return Answer(tags[tag_id], message, status)


def _figures(tag_id: int) -> Ref:
    return Ref("tag_figures", str(tag_id))


def _color(value: Any) -> str:
    """Empty for none. Raises Wrong."""
    if value in (None, ""):
        return ""
    if not text("Color", value) or not COLOR.fullmatch(value):
        raise Wrong(INVALID_COLOR)
    return str(value)


def _description(value: Any) -> str:
    """Empty for none. Raises Wrong."""
    return "" if value is None else at_most("Description", text("Description", value), DESCRIPTION_MAX)


FIELDS: Final = (
    Field("name", "name", partial(sized, "Name", least=1, most=NAME_MAX)),
    Field("color", "color", _color),
    Field("description", "description", _description),
)

FAULTS: Final = (
    *text_faults("Name"),
    "Name must be at least 1 characters",
    f"Name must not exceed {NAME_MAX} characters",
    *text_faults("Color"),
    INVALID_COLOR,
    *text_faults("Description"),
    f"Description must not exceed {DESCRIPTION_MAX} characters",
)
"""All that may be wrong with a tag, in the words for clients."""
