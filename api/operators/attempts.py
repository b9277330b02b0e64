"""Attempts to change something that were refused or failed: rows beside the log, kept for a while.

Requests too many (429) are not among them: see `api.dialects.note_attempt`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from api.core import Core
from api.operators.asked import Unaskable, beginning_of, moment_of
from api.operators.history import names_of
from api.operators.instruments import Instruments
from events.instants import Instant

ATTEMPTS_MAX: Final = 1_000
ATTEMPTS_SHOWN: Final = 100
LAST_CHARACTER: Final = "\U0010ffff"

_STATUS: Final = re.compile(r"[45]([0-9]{2}|xx)", re.ASCII)
_ANY: Final = "*"
_CURSOR_SEPARATOR: Final = ","


class NoSuchFilter(Unaskable):
    """A filter that finds nothing by its very shape; the message says what would do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which attempts: all that is given must hold.

    `status` is one, as `403`, or a hundred of them, as `4xx`; `path` is whole, or ends with `*` for all
    that begin like it; `since` and `until` are dates or date-times, both included, and
    `since` also how long ago, as `7d`; `before` is the
    cursor of an earlier page.
    """

    status: str | None = None
    actor_id: int | None = None
    address: str | None = None
    path: str | None = None
    since: str | None = None
    until: str | None = None
    before: str | None = None
    limit: int = ATTEMPTS_SHOWN


class Attempts(NamedTuple):
    """Newest first; `next` is the cursor behind the last one, None where there are no more."""

    attempts: Sequence[dict[str, Any]]
    next: str | None


async def attempts(place: Core | Instruments, wanted: Wanted) -> Attempts:
    """Raises NoSuchFilter, NoSuchMoment, Unavailable."""
    rows = await place.database.rows("find_attempts", **values(wanted))
    shown = rows[: wanted.limit]
    names = await names_of(place.store, {row[2] for row in shown if row[2] is not None})
    more = len(rows) > len(shown)
    return Attempts(
        [_attempt(row, names.get(row[2])) for row in shown],
        f"{shown[-1][1]}{_CURSOR_SEPARATOR}{shown[-1][0]}" if more else None,
    )


def _attempt(row: Sequence[Any], name: str | None) -> dict[str, Any]:
    request_id, at, actor_id, address, user_agent, dialect, method, path, status = row
    return {
        "at": at,
        "status": status,
        "method": method,
        "path": path,
        "actor": None if actor_id is None else {"id": actor_id, "name": name},
        "address": address,
        "user_agent": user_agent,
        "dialect": dialect,
        "request_id": request_id,
    }


def values(wanted: Wanted) -> dict[str, Any]:
    """The statement's parameters. Raises NoSuchFilter, NoSuchMoment."""
    if not 1 <= wanted.limit <= ATTEMPTS_MAX:
        raise NoSuchFilter(f"A page has 1 to {ATTEMPTS_MAX} attempts")
    for text in (wanted.address, wanted.path, wanted.before):
        _must_be_text(text)
    first_status, last_status = _statuses(wanted.status)
    first_path, last_path = _paths(wanted.path)
    before_at, before_id = _cursor(wanted.before)
    return {
        "status_first": first_status,
        "status_last": last_status,
        "actor_id": wanted.actor_id,
        "address": wanted.address,
        "path_first": first_path,
        "path_last": last_path,
        "since": wanted.since and beginning_of(wanted.since),
        "until": wanted.until and moment_of(wanted.until),
        "before_at": before_at,
        "before_id": before_id,
        # One more tells whether there are more.
        "limit": wanted.limit + 1,
    }


def _must_be_text(text: str | None) -> None:
    """Bytes that are no text reach programs as halves of characters, which no database takes."""
    if text is not None and ("\0" in text or not text.isprintable()):
        raise NoSuchFilter("Filters are texts without control characters")


def _statuses(text: str | None) -> tuple[int, int] | tuple[None, None]:
    if text is None:
        return None, None
    if not _STATUS.fullmatch(text):
        raise NoSuchFilter(f"{text!r} is no status of a refusal: give one as in 403, or all as in 4xx")
    return int(text.replace("xx", "00")), int(text.replace("xx", "99"))


def _paths(text: str | None) -> tuple[str, str] | tuple[None, None]:
    if text is None:
        return None, None
    start = text.removesuffix(_ANY)
    return start, text if start == text else start + LAST_CHARACTER


def _cursor(text: str | None) -> tuple[Instant, str] | tuple[None, None]:
    if text is None:
        return None, None
    at, separator, request_id = text.partition(_CURSOR_SEPARATOR)
    if not separator:
        raise NoSuchFilter("A page begins behind the cursor that the page before it gave")
    return moment_of(at), request_id
