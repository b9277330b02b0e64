"""The settings that say how many requests are allowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from limits import RateLimitItem, parse_many

OFF: Final = "off"
WINDOW_MAX_S: Final = 366 * 24 * 3600
MEANING: Final = (
    "the limits of a user, of an address without a session, and of the burst of either, "
    "as in 1000/hour;100/hour;20/minute, or off"
)


WINDOWS_MEANING: Final = "limits that hold together, as in 200/day;50/hour"
SIGN_IN_LIMITS: Final = 4
SIGN_IN_MEANING: Final = (
    "free wrong passwords and the longest wait after them: of an account from an address, of an account from "
    "unknown places, of an address, of all unknown places, as in 20/15minute;30/5minute;60/minute;300/second"
)


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Quotas of TaskFlow Pro: of a user, of an address without a session, and the burst of either."""

    user: RateLimitItem
    address: RateLimitItem
    burst: RateLimitItem

    def __str__(self) -> str:
        return ";".join(_text(item) for item in (self.user, self.address, self.burst))


def rate_limits(text: str) -> RateLimits | None:
    """The limits that a text of three parts gives; None for `off`. Raises ValueError."""
    if text.strip().lower() == OFF:
        return None
    items = [_item(part, MEANING) for part in text.split(";")]
    if len(items) != 3:
        raise ValueError(MEANING)
    return RateLimits(*items)


@dataclass(frozen=True, slots=True)
class Windows:
    """Limits that hold together for one address at one endpoint of TaskForge."""

    items: tuple[RateLimitItem, ...]

    def __str__(self) -> str:
        return ";".join(map(_text, self.items))


def windows(text: str) -> Windows:
    """The limits that a text gives. Raises ValueError."""
    return Windows(tuple(_item(part, WINDOWS_MEANING) for part in text.split(";")))


@dataclass(frozen=True, slots=True)
class SignInLimits:
    """Free wrong passwords, and the longest wait after them.

    Of an account from one address, of an account from unknown places, of an address, of all unknown places.
    """

    items: tuple[RateLimitItem, ...]

    def __str__(self) -> str:
        return ";".join(map(_text, self.items))


def sign_in_limits(text: str) -> SignInLimits:
    """The four limits that a text gives. Raises ValueError."""
    items = tuple(_item(part, SIGN_IN_MEANING) for part in text.split(";"))
    if len(items) != SIGN_IN_LIMITS:
        raise ValueError(SIGN_IN_MEANING)
    return SignInLimits(items)


def _item(text: str, meaning: str) -> RateLimitItem:
    try:
        items = parse_many(text)
    except ValueError:
        raise ValueError(meaning) from None
    item = items[0]
    if len(items) > 1 or item.amount < 1 or item.get_expiry() > WINDOW_MAX_S:
        raise ValueError(meaning)
    return item


DEFAULT_LIMITS: Final = rate_limits("1000/hour;100/hour;20/minute")
DEFAULT_WINDOWS: Final = windows("200/day;50/hour")
DEFAULT_SIGN_IN: Final = sign_in_limits("20/15minute;30/5minute;60/minute;300/second")


def _text(item: RateLimitItem) -> str:
    multiples = item.multiples if item.multiples > 1 else ""
    return f"{item.amount}/{multiples}{item.GRANULARITY.name}"
