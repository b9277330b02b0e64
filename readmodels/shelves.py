"""Shelves: which texts of a document a search finds where, and how they are marked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from readmodels.documents import Document, Kind, Places
from readmodels.keys import elsewhere

# What a text may weigh, and on how many shelves of some it may lie: a change writes it to each anew.
SHELVED_TEXT_MAX_BYTES: Final = 1_000
SHELVES_MAX: Final = 8


class Searched(NamedTuple):
    """A text as a search sees it, and its marks: a digit for each group of `Kind.marks`, 0 for no index."""

    text: str
    marks: str


Shelves = defaultdict[str, dict[str, Searched | None]]
Marks = defaultdict[str, dict[str, str]]


def shelves() -> Shelves:
    """Texts by shelf and id; None where one is taken away."""
    return defaultdict(dict)


def no_marks() -> Marks:
    """Marks by shelf and id."""
    return defaultdict(dict)


def searched_text(kind: Kind, document: Document) -> str:
    """What a search looks into; empty for nothing."""
    return "" if kind.text is None else (kind.text(document) or "").casefold()


def shelved(
    kind: Kind, text: str, groups: Sequence[str], stands_in: Places
) -> tuple[dict[str, Searched], Sequence[str]]:
    """A text by the shelves that it lies on, and the indexes of those who find it on that of all only."""
    marked = Searched(text, "".join([mark(group, stands_in) for group in kind.marks]))
    some = [name for name in groups if name.startswith(kind.shelves)]
    on, apart = (some, []) if may_be_shelved(text, some) else ([], some)
    found = dict.fromkeys(on, marked)
    everything = f"{kind.name}:sort:id"
    if everything in stands_in:
        found[everything] = marked
    return found, [elsewhere(name) for name in apart]


def mark(group: tuple[str, ...], stands_in: Places) -> str:
    for digit, name in enumerate(group, start=1):
        if name in stands_in:
            return str(digit)
    return "0"


def may_be_shelved(text: str, shelves: Sequence[str]) -> bool:
    """Whether a text lies on shelves of some as well, being short and on few of them."""
    return len(shelves) <= SHELVES_MAX and len(text.encode()) <= SHELVED_TEXT_MAX_BYTES
