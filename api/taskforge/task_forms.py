"""The forms of tasks: as requests send them, and as answers show them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final, Literal

from typing_extensions import TypedDict

from api.behind import Readable
from api.callers import Caller
from api.cards import cards
from api.recording import holds_until
from api.taskforge.envelope import Answer, Failure
from api.taskforge.moments import ShownMoment, read_moment, shown
from api.taskforge.reading import Field, Wrong, at_most, sized, text
from api.taskforge.tag_forms import ShownTag, tags_of
from api.visibility import sees
from commands.errors import NotFound
from events.instants import Instant, now
from readmodels.documents import Document, score
from readmodels.own_tasks import is_late
from readmodels.tasks import PRIORITIES, STATUSES

Status = Literal["pending", "in_progress", "completed", "cancelled"]
Priority = Literal["low", "medium", "high", "urgent"]

TITLE_MAX: Final = 200
DESCRIPTION_MAX: Final = 5000
TAG_ID_MAX: Final = 10**18 - 1
NO_DATE: Final = "Invalid date format. Use ISO format (e.g., 2024-01-15T10:30:00)"
NO_TAGS: Final = "Tags must be a list of integers"
NO_VIEW: Final = "You do not have permission to view this task"


class TaskChange(TypedDict, total=False):
    """Null or an empty text takes a description or a due date away; `tags` replaces the whole set."""

    title: str
    description: str | None
    status: Status
    priority: Priority
    due_date: str | None
    tags: list[int] | None


class NewTask(TaskChange):
    """A task is pending and of medium priority unless told otherwise."""

    title: str  # type: ignore[misc]


class ShownTask(TypedDict):
    """A task; `user_id` is who created it."""

    id: int
    title: str
    description: str | None
    status: Status
    priority: Priority
    due_date: ShownMoment | None
    completed_at: ShownMoment | None
    is_overdue: bool
    is_completed: bool
    created_at: ShownMoment
    updated_at: ShownMoment
    user_id: int
    tags: list[ShownTag]


def description(value: Any) -> str:
    """Raises Wrong."""
    return "" if value is None else at_most("Description", text("Description", value), DESCRIPTION_MAX)


def word(label: str, words: Collection[str], value: Any) -> str:
    """One of the words, exactly. Raises Wrong."""
    if not value:
        raise Wrong(f"{label} is required")
    if not isinstance(value, str) or value not in words:
        raise Wrong(f"{label} must be one of: {', '.join(words)}")
    return value


def due_date(value: Any) -> Instant | None:
    """Raises Wrong."""
    if value is None or value == "":
        return None
    try:
        return read_moment(value)
    except (TypeError, ValueError):
        raise Wrong(NO_DATE) from None


def tags(value: Any) -> tuple[int, ...]:
    """The numbers that tags can have; whether they exist is for the rules. Raises Wrong."""
    if value is None:
        return ()
    if not isinstance(value, list) or not all(map(_is_whole, value)):
        raise Wrong(NO_TAGS)
    return tuple(int(each) for each in value if 0 < each <= TAG_ID_MAX)


def _is_whole(value: Any) -> bool:
    """Numbers beyond 64 bits are read as decimals, and are whole if they have neither point nor exponent."""
    if isinstance(value, Decimal):
        return abs(value) > TAG_ID_MAX and value.as_tuple().exponent == 0
    return type(value) is int


FIELDS: Final = (
    Field("title", "title", partial(sized, "Title", least=1, most=TITLE_MAX)),
    Field("description", "description", description),
    Field("status", "status", partial(word, "Status", STATUSES)),
    Field("priority", "priority", partial(word, "Priority", tuple(PRIORITIES))),
    Field("due_date", "due_date", due_date),
    Field("tags", "tag_ids", tags),
)
"""In the order in which they are checked."""


def shown_task(task: Document, known_tags: Mapping[int, ShownTag], at: Instant) -> ShownTask:
    """The task as it stands at the instant `at`; tags that are not known are gone."""
    return {
        "id": task["id"],
        "title": task["title"],
        "description": task["description"] or None,
        "status": task["status"],
        "priority": task["priority"],
        "due_date": _moment(task["due_date"]),
        "completed_at": _moment(task["completed_at"]),
        "is_overdue": is_late(task, at),
        "is_completed": task["status"] == "completed",
        "created_at": shown(task["created_at"]),
        "updated_at": shown(task["updated_at"]),
        "user_id": task["creator_id"],
        "tags": [known_tags[tag_id] for tag_id in task["tag_ids"] if tag_id in known_tags],
    }


async def shown_tasks(model: Readable, tasks: Sequence[Document]) -> list[ShownTask]:
    """The tasks with their tags, which are fetched together."""
    known_tags = await tags_of(model, (tag_id for task in tasks for tag_id in task["tag_ids"]))
    at = now()
    for due_date in (task["due_date"] for task in tasks):
        if due_date is not None and due_date >= at:
            # From then on the task is late.
            holds_until(score(due_date))
    return [shown_task(task, known_tags, at) for task in tasks]


async def task_answer(model: Readable, task_id: int, message: str | None = None, status: int = 200) -> Answer:
    """Raises NotFound."""
    (answer,) = await shown_tasks(model, [await _task(model, task_id)])
    return Answer(answer, message, status)


async def viewed_task(model: Readable, caller: Caller, task_id: int) -> Answer:
    """Raises NotFound, and Failure where the caller may not view the task."""
    task = await _task(model, task_id)
    if not await _may_view(model, caller, task):
        raise Failure(403, NO_VIEW)
    (answer,) = await shown_tasks(model, [task])
    return Answer(answer)


async def _task(model: Readable, task_id: int) -> Document:
    found = await cards(model, "task", [task_id])
    if task_id not in found or found[task_id]["deleted"]:
        raise NotFound("task")
    return found[task_id]


async def _may_view(model: Readable, caller: Caller, task: Document) -> bool:
    """Own tasks, and those of projects that the caller sees; other people's personal ones as an admin."""
    if caller.is_admin or caller.id in (task["creator_id"], *task["assignee_ids"]):
        return True
    return task["project_id"] is not None and await sees(model, caller, task["project_id"])


def _moment(at: Instant | None) -> str | None:
    return None if at is None else shown(at)
