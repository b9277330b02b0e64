"""Shelves: which texts of a document a search finds where, and how they are marked."""

from __future__ import annotations

from collections import defaultdict
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


def shelved(kind: Kind, document: Document | None, stands_in: Places) -> dict[str, Searched]:
    """A document's text by the shelves that it lies on: folded, and on none when there is nothing in it."""
    text = "" if document is None else searched_text(kind, document)
    if not text:
        return {}
    marked = Searched(text, "".join(mark(group, stands_in) for group in kind.marks))
    everything = f"{kind.name}:sort:id"
    return {
        name: marked
        for name in (*shelves_of(kind, stands_in), everything)
        if name in stands_in and elsewhere(name) not in stands_in
    }


def mark(group: tuple[str, ...], stands_in: Places) -> str:
    return next((str(digit) for digit, name in enumerate(group, start=1) if name in stands_in), "0")


def elsewhere_places(kind: Kind, document: Document, stands_in: Places) -> Places:
    """The indexes by which a text that lies on the shelf of all only is found from shelves of some."""
    if may_be_shelved(kind, document, stands_in):
        return {}
    return {elsewhere(shelf): document["id"] for shelf in shelves_of(kind, stands_in)}


def shelves_of(kind: Kind, stands_in: Places) -> list[str]:
    return [name for name in stands_in if name.startswith(kind.shelves)]


def searched_text(kind: Kind, document: Document) -> str:
    return "" if kind.text is None else (kind.text(document) or "").casefold()


def may_be_shelved(kind: Kind, document: Document, stands_in: Places) -> bool:
    """Whether a text, if there is one, lies on shelves of some as well, being short and on few of them."""
    text = searched_text(kind, document) if kind.shelves else ""
    if not text:
        return True
    return len(text.encode()) <= SHELVED_TEXT_MAX_BYTES and len(shelves_of(kind, stands_in)) <= SHELVES_MAX
