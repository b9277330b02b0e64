"""What happens to tags, which anybody may make and put on tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from events.event import Event


@dataclass(frozen=True, slots=True)
class TagCreated(Event):
    """`color` is as in `#808080`; an empty text stands for none."""

    TOPIC = "tag.created"
    STREAM = "tag"
    ID = "tag_id"

    tag_id: int
    name: str
    color: str
    description: str


@dataclass(frozen=True, slots=True)
class TagChanged(Event):
    """`changes`: new values of name, color and description, those that changed."""

    TOPIC = "tag.changed"
    STREAM = "tag"
    ID = "tag_id"

    tag_id: int
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TagDeleted(Event):
    """The tag is gone, also from the tasks that have it."""

    TOPIC = "tag.deleted"
    STREAM = "tag"
    ID = "tag_id"

    tag_id: int
