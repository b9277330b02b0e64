"""By what a user is signed in: sessions of TaskFlow Pro and refresh tokens of TaskForge, numbered as one."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from api.core import Core
from commands.errors import NotFound


class WayIn(NamedTuple):
    """`application` is taskflow or taskforge; address and user agent are those of the sign-in."""

    id: int
    application: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str | None
    user_agent: str | None


async def ways_in(
    core: Core, user_id: int, *, newest_first: bool, offset: int, limit: int
) -> tuple[list[WayIn], int]:
    """A page of a user's live ways in, in the order of their sign-ins, and how many there are."""
    rows = await core.database.rows(
        "list_ways_in",
        user_id=user_id,
        idle_s=core.settings.session_idle_s,
        direction=-1 if newest_first else 1,
        offset=offset,
        limit=limit,
    )
    return [WayIn(*each) for _, *each in rows if each[0] is not None], rows[0][0]


async def must_be_way_in(core: Core, user_id: int, number: int) -> None:
    """Raises NotFound for a number that is no live way in of the user's."""
    row = await core.database.row(
        "has_way_in", id=number, user_id=user_id, idle_s=core.settings.session_idle_s
    )
    if row is None or not row[0]:
        raise NotFound("session")
