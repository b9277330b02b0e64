"""Instants: moments in UTC as text of one fixed width, so that text order is time order.

`2025-07-01T00:00:00.000000Z` is how events and documents hold a moment.
"""

from __future__ import annotations

from datetime import UTC, datetime

Instant = str

DAY_CHARACTERS = len("2025-07-01")
SECONDS_CHARACTERS = len("2025-07-01T00:00:00")


def instant(moment: datetime) -> Instant:
    """The instant of an aware `datetime`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def moment(at: Instant) -> datetime:
    """The aware UTC `datetime` of an instant."""
    return datetime.fromisoformat(at)


def now() -> Instant:
    """The present, by this machine's clock: for context, never for order."""
    return instant(datetime.now(UTC))


def first_of_day(at: Instant) -> Instant:
    """The first instant of the day (UTC) that an instant is in."""
    return f"{at[:DAY_CHARACTERS]}T00:00:00.000000Z"


def whole_seconds(at: Instant) -> str:
    """An instant as answers show it: `2025-01-01T00:00:00Z`."""
    return f"{at[:SECONDS_CHARACTERS]}Z"
