"""What people ask of the log, as they write it: read once here for the command line and for HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import orjson

from api.operators.asked import Unaskable
from events.connections import Connections
from events.criteria import DATA, Criteria, Scalar
from events.finding import Finder, Found, Wanted
from events.instants import Instant, instant, moment, now
from events.log import Log
from events.positions import Future, position_at

TEXT_MAX: Final = 1_000
TERMS_MAX: Final = 20
"""Types, and fields of the payload, in one question."""

LIMIT_MAX: Final = 1_000
MICROSECOND: Final = timedelta(microseconds=1)


class NoSuchQuery(Unaskable):
    """Something that cannot be asked; the message says what can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Events that meet `criteria`, recorded from `since` to `until`, both included, a page of them."""

    criteria: Criteria
    since: Instant | None = None
    until: Instant | None = None
    after: int = 0
    before: int | None = None
    limit: int = 50
    newest_first: bool = True


def criteria_of(
    *,
    types: Sequence[str] = (),
    stream: str | None = None,
    actor_id: int | None = None,
    request_id: str | None = None,
    where: Sequence[str] = (),
) -> Criteria:
    """Criteria from texts; `where` are conditions as `data.status=completed`. Raises NoSuchQuery."""
    if len(types) > TERMS_MAX or len(where) > TERMS_MAX:
        raise NoSuchQuery(f"Up to {TERMS_MAX} types and as many conditions can be asked for at once")
    for text in (*types, *where, stream, request_id):
        _must_be_text(text)
    return Criteria(
        types=tuple(types),
        stream=stream,
        actor_id=actor_id,
        request_id=request_id,
        fields=tuple(condition(text) for text in where),
    )


def condition(text: str) -> tuple[str, Scalar]:
    """The path and the value of `data.status=completed`. Raises NoSuchQuery.

    A value that reads as a number, true, false or null is one; in quotation marks it is text.
    """
    path, equals, value = text.partition("=")
    path = path.removeprefix(f"{DATA}.")
    if not equals or not path:
        raise NoSuchQuery(f"{text!r} is no condition: give a field and its value, as data.status=completed")
    return path, _value(value)


async def find(log: Log, connections: Connections, query: Query) -> Found:
    """The page that a query asks for. Raises Unavailable."""
    wanted = Wanted(
        criteria=query.criteria,
        limit=query.limit,
        after=max(query.after, await _before(connections, query.since)),
        before=await _until(connections, query),
        newest_first=query.newest_first,
    )
    return await Finder(log, connections).find(wanted)


def texts(several: Iterable[str]) -> tuple[str, ...]:
    """`task.*,risk.raised` and several of them, one by one. Raises NoSuchQuery for what names nothing."""
    found = [part.strip() for text in several for part in text.split(",")]
    if not all(found):
        raise NoSuchQuery("A type is missing: give task.created or task.*, several with commas between them")
    return tuple(found)


async def _before(connections: Connections, since: Instant | None) -> int:
    """The last position before a moment."""
    if since is None:
        return 0
    return await _position_at(connections, instant(moment(since) - MICROSECOND))


async def _until(connections: Connections, query: Query) -> int | None:
    if query.until is None:
        return query.before
    last = await _position_at(connections, query.until)
    return last + 1 if query.before is None else min(query.before, last + 1)


async def _position_at(connections: Connections, at: Instant) -> int:
    try:
        return await position_at(connections, at)
    except Future:
        # All there is was recorded before that; what comes later is not asked for.
        return await position_at(connections, now())


def _value(text: str) -> Scalar:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return text if isinstance(value, dict | list) else value


def _must_be_text(text: str | None) -> None:
    """Bytes that are no text reach programs as halves of characters, which no database takes."""
    if text is not None and (len(text) > TEXT_MAX or "\0" in text or "\\u0000" in text or not _is_text(text)):
        raise NoSuchQuery(f"What is looked for are texts of up to {TEXT_MAX} characters")


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
