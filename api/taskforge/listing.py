"""Lists: lenient paging and sorting, and where a page stands in its list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from typing_extensions import TypedDict

from api.taskforge.endpoints import Parameter
from readmodels.model import Page, Query

PER_PAGE: Final = 10
PER_PAGE_MAX: Final = 100

PAGING: Final = {
    "page": Parameter(
        {"type": "integer", "minimum": 1, "default": 1},
        "Counts from 1. What is less, or no number, counts as 1.",
    ),
    "per_page": Parameter(
        {"type": "integer", "minimum": 1, "maximum": PER_PAGE_MAX, "default": PER_PAGE},
        f"What is more counts as {PER_PAGE_MAX}; what is less than 1, or no number, as {PER_PAGE}.",
    ),
}

DIGITS_MAX: Final = 15
FAR: Final = 10**DIGITS_MAX
"""Stands for all that is longer: beyond every list, and times a page's length still exact in Redis."""

_WHOLE = re.compile(r"\s*([+-]?)([0-9]+)\s*", re.ASCII)


class Pagination(TypedDict):
    page: int
    per_page: int
    total: int
    total_pages: int
    has_next: bool
    has_prev: bool


class Place(NamedTuple):
    """The page that is asked for, from 1, and how long it may be."""

    page: int
    per_page: int

    def of(self, page: Page) -> Pagination:
        pages = -(-page.total // self.per_page)
        return {
            "page": self.page,
            "per_page": self.per_page,
            "total": page.total,
            "total_pages": pages,
            "has_next": self.page < pages,
            "has_prev": self.page > 1,
        }


@dataclass(frozen=True, slots=True)
class Sorting:
    """The sort indexes by the names that clients use, and what holds where they name no other."""

    indexes: Mapping[str, str]
    default: str = "created_at"
    descending: bool = True

    def parameters(self) -> Mapping[str, Parameter]:
        """How a list is paged and sorted, for the document."""
        order = "desc" if self.descending else "asc"
        return PAGING | {
            "sort_by": Parameter(
                {"type": "string", "enum": list(self.indexes), "default": self.default},
                "What the list is sorted by. Other values count as the default.",
            ),
            "sort_order": Parameter(
                {"type": "string", "enum": ["asc", "desc"], "default": order},
                "In either case. Other values count as the default.",
            ),
        }


def place(asked: Mapping[str, str]) -> Place:
    """Never a fault: what is no number, or no page, is the default."""
    page = _within(asked.get("page", ""))
    per_page = _within(asked.get("per_page", ""))
    return Place(
        1 if page is None else max(page, 1),
        PER_PAGE if per_page is None or per_page < 1 else min(per_page, PER_PAGE_MAX),
    )


def whole(text: str) -> int | None:
    """The whole number that a parameter gives; None for anything else, and for one that is too long."""
    number = _within(text)
    return None if number is None or abs(number) == FAR else number


def _within(text: str) -> int | None:
    """A whole number of any length, at most FAR from 0."""
    found = _WHOLE.fullmatch(text)
    if found is None:
        return None
    sign, digits = found[1], found[2].lstrip("0")
    size = int(digits or "0") if len(digits) <= DIGITS_MAX else FAR
    return -size if sign == "-" else size


def paged(query: Query, asked: Mapping[str, str], sorting: Sorting) -> Query:
    """The query in the order and at the place that are asked for; equal ones go by id the same way."""
    field = asked.get("sort_by", "")
    order = asked.get("sort_order", "").lower()
    number, per_page = place(asked)
    return replace(
        query,
        sort=sorting.indexes[field if field in sorting.indexes else sorting.default],
        descending=order == "desc" if order in ("asc", "desc") else sorting.descending,
        ties="same",
        offset=(number - 1) * per_page,
        limit=per_page,
    )
