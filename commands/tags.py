"""Creating, changing and deleting tags, whose names are unique."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

from commands.claims import is_taken, moved_claim
from commands.context import UNSET, Context, Unset, adopted, changed
from commands.errors import Errors, Faults, Forbidden
from events.claims import Claimed, Released
from events.event import Event
from events.tags import TagChanged, TagCreated, TagDeleted

TAGS_MAX: Final = 100
"""How many tags a task can have."""

NAMED_MAX: Final = 1_000
"""How many tags a command can name, whether they exist or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTag:
    """`color` is as in `#808080`, or empty for none."""

    name: str = ""
    color: str = ""
    description: str = ""
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTag:
    tag_id: int
    name: str | Unset = UNSET
    color: str | Unset = UNSET
    description: str | Unset = UNSET
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteTag:
    tag_id: int


@dataclass(frozen=True, slots=True)
class Tag:
    STREAM: ClassVar[str] = "tag"

    id: int = 0
    name: str = ""
    color: str = ""
    description: str = ""
    deleted: bool = False

    @property
    def exists(self) -> bool:
        return self.id > 0 and not self.deleted


def evolve(tag: Tag, event: Event) -> Tag:
    match event:
        case TagCreated():
            return adopted(tag, event, id=event.tag_id)
        case TagChanged():
            return replace(tag, **event.changes)
        case TagDeleted():
            return replace(tag, deleted=True)
    return tag


def create_tag(command: CreateTag, context: Context) -> Iterator[Event]:
    faults = Faults(command.invalid)
    _check_name(faults, command.name, context)
    faults.refuse()
    created = TagCreated(context.new_id("tag"), command.name, command.color, command.description)
    yield created
    yield Claimed(context.claim_of("tag", command.name), created.stream)


def change_tag(command: ChangeTag, context: Context) -> Iterator[Event]:
    tag = _own_to_admins(command.tag_id, context)
    changes = changed(tag, command, ("name", "color", "description"))
    faults = Faults(command.invalid)
    if "name" in changes:
        _check_name(faults, changes["name"], context, f"tag-{tag.id}")
    faults.refuse()
    if changes:
        yield TagChanged(tag.id, changes)
    if "name" in changes:
        yield from moved_claim("tag", tag.name, changes["name"], f"tag-{tag.id}", context)


def delete_tag(command: DeleteTag, context: Context) -> Iterator[Event]:
    tag = _own_to_admins(command.tag_id, context)
    deleted = TagDeleted(tag.id)
    yield deleted
    yield Released(context.claim_of("tag", tag.name), deleted.stream)


def checked_tags(faults: Faults, tag_ids: Iterable[int], context: Context) -> tuple[int, ...]:
    """Those of the tags that exist; adds a fault on `tags` when they are too many for a task.

    When too many are named it looks none of them up.
    """
    wanted = set(tag_ids)
    if len(wanted) > NAMED_MAX:
        faults.add("tags", f"At most {NAMED_MAX} tags can be named at once")
        return ()
    found = present_tags(wanted, context)
    if len(found) > TAGS_MAX:
        faults.add("tags", f"At most {TAGS_MAX} tags can be put on a task")
    return found


def present_tags(tag_ids: Iterable[int], context: Context) -> tuple[int, ...]:
    """Those of the tags that exist, each once, in ascending order.

    Tags that go meanwhile do no harm: a task shows those of its tags that are there when it is read.
    """
    wanted = sorted(set(tag_ids))
    return tuple(tag.id for tag in context.glance_all(Tag, wanted) if tag.exists)


def _own_to_admins(tag_id: int, context: Context) -> Tag:
    """A tag that everybody may use and only admins may change."""
    if not context.actor.is_admin:
        raise Forbidden("admin")
    return context.existing(Tag, tag_id)


def _check_name(faults: Faults, name: str, context: Context, holder: str = "") -> None:
    if "name" not in faults and is_taken("tag", name, holder, context):
        faults.add_taken("name", "Tag name is already taken")
