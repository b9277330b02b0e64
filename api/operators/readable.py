"""Documents as people read them: money and hours in decimals; the one place that says how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from api.decimals import digits
from readmodels.documents import Document

MONEY: Final = "_cents"
HOURS: Final = "_centihours"

BOOKKEEPING: Final = frozenset({"version", "created", "updated", "updated_at"})
"""What says of a document only that it changed, and when: no change of the object itself."""


def readable(document: Document) -> dict[str, Any]:
    """All fields of a document, `budget_cents: 5000` as `budget: "50.00"`, so that no digit is lost.

    Hours that are kept in hundredths are told as hours, also those by person and day. Everything else
    is as it is: moments to the microsecond, people and other objects by their ids.
    """
    return dict(_field(name, value) for name, value in document.items())


def _field(name: str, value: Any) -> tuple[str, Any]:
    if name.endswith(HOURS):
        return f"{name.removesuffix(HOURS)}_hours", decimal(value)
    if name.endswith(MONEY):
        return name.removesuffix(MONEY), decimal(value)
    special = _SPECIAL.get(name)
    return name, special(value) if special else value


def decimal(hundredths: int | None) -> str | None:
    """`-1234.50` for -123450; None for None."""
    return None if hundredths is None else digits(hundredths, 2)


def _by_user_and_day(hours: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, str | None]]:
    return {user: {day: decimal(booked) for day, booked in days.items()} for user, days in hours.items()}


_SPECIAL: Final[Mapping[str, Callable[[Any], Any]]] = {"credits": _by_user_and_day}
"""Fields that hold amounts further inside."""
