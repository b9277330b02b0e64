"""Which pages are known to keep Redis busy before they are asked for."""

from __future__ import annotations

from typing import Final

from readmodels.kinds import KINDS
from readmodels.model import Query

OFFSET_LARGE: Final = 5_000
"""Documents that a page passes by."""


def is_large(query: Query) -> bool:
    """Whether the page lies deep in its list, or all texts of a kind with shelves are searched."""
    return query.offset >= OFFSET_LARGE or (bool(query.text) and searches_all(query))


def searches_all(query: Query) -> bool:
    shelves = KINDS[query.kind].shelves
    return bool(shelves) and not any(
        len(group) == 1 and group[0].startswith(shelves) for group in query.where
    )
