"""Folds tags' events into their cards."""

from __future__ import annotations

from events.event import Record
from events.tags import TagChanged, TagCreated, TagDeleted
from projections.projection import Projection, changed
from readmodels.tags import Tag

tags = Projection("tag")


@tags.creates(TagCreated)
def created(event: TagCreated, record: Record) -> Tag:
    return Tag(
        id=event.tag_id,
        version=record.version,
        created=record.position,
        updated=record.position,
        name=event.name,
        color=event.color,
        description=event.description,
        created_at=record.recorded_at,
        updated_at=record.recorded_at,
    )


@tags.on(TagChanged)
def tag_changed(tag: Tag, event: TagChanged, record: Record) -> Tag:
    return changed(tag, record, event.changes)


@tags.on(TagDeleted)
def deleted(_tag: Tag, _event: TagDeleted, _record: Record) -> None:
    """Tasks keep its number, and show it no more: cards are joined when read."""
