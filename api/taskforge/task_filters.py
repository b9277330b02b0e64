"""From query parameters to a query for tasks: every condition must hold, and none is ever a fault."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from typing import Final

from api.behind import Readable
from api.callers import Caller
from api.scans import scanned
from api.taskforge.endpoints import Parameter
from api.taskforge.listing import whole
from api.taskforge.moments import read_moment
from events.instants import Instant
from readmodels.documents import Ref, score
from readmodels.model import Query, Range
from readmodels.tasks import PRIORITIES, STATUSES

Group = tuple[str, ...]

NOTHING: Final[Group] = ()
"""A group without an index, in which nothing stands."""

_BLANK_FOR_PLUS: Final = re.compile(r" (?=[0-9]{2}(:?[0-9]{2})?\Z)", re.ASCII)

FILTERS: Final[Mapping[str, Parameter]] = {
    "status": Parameter(
        {"type": "string", "enum": list(STATUSES)}, "Tasks with this status; of another word none"
    ),
    "priority": Parameter(
        {"type": "string", "enum": list(PRIORITIES)}, "Tasks with this priority; of another word none"
    ),
    "user_id": Parameter({"type": "integer"}, "Tasks that this user created; counts for admins only"),
    "tag_id": Parameter({"type": "integer"}, "Tasks with this tag; what is no number finds none"),
    "tag_name": Parameter(
        {"type": "string"}, "Tasks with a tag whose name contains this text, whatever the case; empty for all"
    ),
    "search": Parameter(
        {"type": "string"},
        "Tasks whose title or description contains this text, whatever the case; empty for all",
    ),
    "overdue": Parameter(
        {"type": "string"}, "`true` for unfinished tasks whose due date has passed; all else asks for nothing"
    ),
    "due_date_from": Parameter(
        {"type": "string"}, "Tasks due at this moment or later; a date is its midnight"
    ),
    "due_date_to": Parameter(
        {"type": "string"}, "Tasks due at this moment or before; a date is its midnight"
    ),
}


async def tasks_query(
    model: Readable, caller: Caller, asked: Mapping[str, str], now: Callable[[], Instant]
) -> Query:
    """The tasks that the caller may list, and that satisfy all filters in `asked`; some rest on `now`."""
    return Query(
        "task",
        where=tuple([group async for group in _groups(model, caller, asked)]),
        ranges=tuple(_ranges(caller, asked, now)),
        text=asked.get("search"),
    )


async def _groups(model: Readable, caller: Caller, asked: Mapping[str, str]) -> AsyncIterator[Group]:
    # Whose tasks are late is known without it, and counted at once; a search looks where own texts are.
    if not caller.is_admin and (asked.get("search") or not _asks_for_late(asked)):
        yield (f"task:own:{caller.id}",)
    for name in ("status", "priority"):
        if name in asked:
            # Words that are none have no index, in which nothing stands either.
            yield (f"task:{name}:{asked[name]}",)
    if "user_id" in asked and caller.is_admin:
        user_id = whole(asked["user_id"])
        yield NOTHING if user_id is None else (f"task:creator:{user_id}",)
    if "tag_id" in asked:
        yield await _with_tag(model, whole(asked["tag_id"]))
    if asked.get("tag_name"):
        yield await _with_tag_named(model, asked["tag_name"])


async def _with_tag(model: Readable, tag_id: int | None) -> Group:
    """Tasks keep the numbers of tags that are gone, so the tag itself is asked for."""
    if tag_id is None:
        return NOTHING
    ref = Ref("tag", str(tag_id))
    return (f"task:tag:{tag_id}",) if ref in await model.fetch([ref]) else NOTHING


async def _with_tag_named(model: Readable, name: str) -> Group:
    """Of a tag, any of them, whose name contains the text."""
    tags = scanned(model, Query("tag", text=name))
    return tuple([f"task:tag:{tag['id']}" async for page in tags for tag in page])


def _ranges(caller: Caller, asked: Mapping[str, str], now: Callable[[], Instant]) -> Iterator[Range]:
    if _asks_for_late(asked):
        yield late(None if caller.is_admin else caller.id, now())
    earliest, latest = _score(asked.get("due_date_from", "")), _score(asked.get("due_date_to", ""))
    if earliest is not None or latest is not None:
        yield Range("task:sort:due_date", earliest, latest)


def _asks_for_late(asked: Mapping[str, str]) -> bool:
    return asked.get("overdue", "").lower() == "true"


def late(user_id: int | None, at: Instant) -> Range:
    """Unfinished tasks, a user's own or everybody's, that were due by the instant `at`."""
    return Range("task:due:unfinished" if user_id is None else f"task:due:own:{user_id}", None, score(at))


def _score(text: str) -> float | None:
    """None for what is no moment, not even with the `+` that became a blank on its way here."""
    for written in (text, _BLANK_FOR_PLUS.sub("+", text)):
        with suppress(ValueError):
            return score(read_moment(written))
    return None
