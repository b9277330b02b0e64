"""The portfolio: what all projects together were given and have spent."""

from __future__ import annotations

from typing import Final, TypedDict

from readmodels.documents import Document, Kind, Places, Ref

PORTFOLIO_REF: Final = Ref("portfolio", "all")
SPENT: Final = "spent."


class Portfolio(TypedDict, total=False):
    """A summary over all projects; money is cents.

    `spent.2025-07` counts the bookings and expenses of a month.
    """

    id: str
    projects: int
    allocated_cents: int
    labour_cents: int
    expenses_cents: int


def places(_: Document) -> Places:
    return {"portfolio:all": 0}


def first_month(portfolio: Document) -> str | None:
    """The month of the first booking or expense, as `2025-07`; None where nothing was spent yet."""
    return min((name.removeprefix(SPENT) for name in portfolio if name.startswith(SPENT)), default=None)


PORTFOLIO = Kind("portfolio", places, is_summary=True)
