"""Shapes that people's values have in every dialect."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from events.instants import Instant, instant

EMAIL_MAX: Final = 120
HOURS_MAX_HUNDREDTHS: Final = 99_999_999
HUNDREDTH: Final = Decimal("0.01")

USERNAME: Final = re.compile(r"[A-Za-z0-9_-]+")

EMAIL: Final = re.compile(
    r"(?!.*\.\.)"
    r"[A-Za-z0-9][A-Za-z0-9._%+-]*[A-Za-z0-9]"
    r"@[A-Za-z0-9][A-Za-z0-9.-]*\.[A-Za-z]{2,}"
)
# Languages write up to nine digits of a second, and offsets with or without the colon.
MOMENT: Final = re.compile(
    r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?"
    r"(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)?)?"
)
"""Whether a month has the day is left to the calendar."""


def is_email(text: str) -> bool:
    """Whether `text` has the shape of an address: `name@host.example`, at most 120 characters."""
    return len(text) <= EMAIL_MAX and EMAIL.fullmatch(text) is not None


def instant_of(text: str) -> Instant:
    """A date (its first moment) or ISO 8601 date-time, UTC unless it says otherwise.

    What is finer than a microsecond is cut off. Raises ValueError.
    """
    if not MOMENT.fullmatch(text):
        raise ValueError(text)
    moment = datetime.fromisoformat(text)
    try:
        return instant(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except OverflowError:
        raise ValueError(text) from None


def has_hundredths_only(number: int | Decimal) -> bool:
    """Whether a number below 10^20 has two decimals at most; exact however long it is written."""
    exact = Decimal(number)
    return exact == exact.quantize(HUNDREDTH)
