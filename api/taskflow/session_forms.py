"""The form in which a way in is shown to its owner."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from api.sessions import Session
from api.taskflow.formats import ShownMoment, moment
from api.ways_in import WayIn
from events.instants import instant


class ShownSession(TypedDict):
    """A sign-in that still counts: where it was made, and when it was used last.

    One of TaskForge is known by its refresh token. `is_current` is the one that asks.
    """

    id: int
    application: Literal["taskflow", "taskforge"]
    is_current: bool
    created_at: ShownMoment
    last_seen_at: ShownMoment
    expires_at: ShownMoment
    address: str | None
    user_agent: str | None


def shown_session(way_in: WayIn, current: Session) -> ShownSession:
    return {
        "id": way_in.id,
        "application": "taskflow" if way_in.application == "taskflow" else "taskforge",
        "is_current": way_in.id == current.id,
        "created_at": moment(instant(way_in.created_at)),
        "last_seen_at": moment(instant(way_in.last_seen_at)),
        "expires_at": moment(instant(way_in.expires_at)),
        "address": way_in.address,
        "user_agent": way_in.user_agent,
    }
