"""Changes: what a batch of events makes of documents, and what follows for indexes and texts.

Both read models apply the same `Changes`; nothing else ever writes to an index.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from readmodels.documents import Contribution, DepartmentOf, Document, Kind, Place, Places, Ref, Standing
from readmodels.shelves import Marks, Searched, Shelves, no_marks, searched_text, shelved, shelves

Sums = dict[Ref, dict[str, int]]

AMOUNT_MAX: Final = 2**63 - 1
PLACE_TYPES: Final = frozenset({int, float, str})


class DeadLetter(NamedTuple):
    """An event that was not folded into `documents`: it failed there, or came after one that did."""

    position: int
    stream: str
    version: int
    topic: str
    error: str
    documents: tuple[Ref, ...]
    held_back: bool


Index = defaultdict[str, dict[str, Place]]


def index() -> Index:
    """Places by index and member."""
    return defaultdict(dict)


@dataclass(slots=True)
class Changes:
    """`documents` as they are from now on, None where removed.

    `added` and `removed` hold places by index and member; a member that moves to another text is
    in both, so removals go first. `texts` is what a search looks into; `marks` are those of texts
    that stay what they are.
    `parked` are documents that take no further event, `freed` those that take events again.
    """

    documents: dict[Ref, Document | None] = field(default_factory=dict)
    added: Index = field(default_factory=index)
    removed: Index = field(default_factory=index)
    texts: Shelves = field(default_factory=shelves)
    marks: Marks = field(default_factory=no_marks)
    parked: set[Ref] = field(default_factory=set)
    freed: set[Ref] = field(default_factory=set)
    dead_letters: list[DeadLetter] = field(default_factory=list)

    def replace(self, kind: Kind, ref: Ref, before: Document | None, after: Document | None) -> None:
        """Take over a document with all that follows from it, each document once."""
        self.documents[ref] = after
        old, new = follows(kind, before), follows(kind, after)
        self._move(member_of(kind, ref, after or before), old.places, new.places)
        self._shelve(ref, old.texts, new.texts)

    def begin(self, kind: Kind, ref: Ref, document: Document, follow: Following) -> None:
        """Take over a document that nothing was known of, and all that follows from it."""
        self.documents[ref] = document
        self._move(member_of(kind, ref, document), {}, follow.places)
        self._shelve(ref, {}, follow.texts)

    def move_by_department(
        self,
        kind: Kind,
        ref: Ref,
        before: tuple[Document | None, Places],
        after: tuple[Document | None, Places],
    ) -> None:
        """Take over the places that follow from a document and the departments of its people."""
        self._move(member_of(kind, ref, after[0] or before[0]), before[1], after[1])

    def _shelve(self, ref: Ref, before: Mapping[str, Searched], after: Mapping[str, Searched]) -> None:
        for name, searched in after.items():
            old = before.get(name)
            if old is None or old.text != searched.text:
                self.texts[name][ref.id] = searched
            elif old.marks != searched.marks:
                self.marks[name][ref.id] = searched.marks
        for name in before:
            if name not in after:
                self.texts[name][ref.id] = None

    def _move(self, member: str, before: Places, after: Places) -> None:
        for name, place in after.items():
            if name not in before or before[name] != place:
                self.added[name][member] = standing(place)
        for name, place in before.items():
            # A new number overwrites the old one; an old text has to be taken out.
            if name not in after or (after[name] != place and isinstance(place, str)):
                self.removed[name][member] = place


def standing(place: Place) -> Place:
    """The place, if an index can hold it: what Redis refuses would hold up all documents."""
    if type(place) not in PLACE_TYPES or place != place:  # noqa: PLR0124 - NaN is nowhere
        raise TypeError("a place is a number or a text")
    return place


class Following(NamedTuple):
    """What follows from a document alone: its places, and where its text lies."""

    places: Places
    texts: Mapping[str, Searched]


def follows(kind: Kind, document: Document | None) -> Following:
    """Every place of a document but those that need to know departments, and its text by shelf."""
    if document is None:
        return Following({}, {})
    found = kind.places(document)
    groups = kind.groups(document)
    for group in groups:
        found[group] = document["id"]
    if kind.by_department is not None:
        for user_id in kind.by_department.people(document):
            found[people_index(kind, user_id)] = document["id"]
    text = searched_text(kind, document)
    if not text:
        return Following(found, {})
    texts, elsewhere = shelved(kind, text, groups, found)
    for index in elsewhere:
        found[index] = document["id"]
    return Following(found, texts)


def places(kind: Kind, document: Document | None) -> Places:
    """Every place of a document, but those that need to know departments."""
    return follows(kind, document).places


def people_index(kind: Kind, user_id: int | str) -> str:
    """Where the documents are that look at a user's department."""
    return f"{kind.name}:people:{user_id}"


def standing_of(kind: Kind, document: Document | None, department_of: DepartmentOf) -> Standing:
    if document is None or kind.by_department is None:
        return Standing({}, ())
    return kind.by_department.standing(document, department_of)


def member_of(kind: Kind, ref: Ref, document: Document | None) -> str:
    return ref.id if kind.member is None or document is None else kind.member(document)


def add_contributions(kind: Kind, before: Document | None, after: Document | None, sums: Sums) -> None:
    """Add to `sums` what a document contributes now, and take away what it did before."""
    old = [] if before is None else list(kind.contributions(before))
    new = [] if after is None else list(kind.contributions(after))
    add_difference(old, new, sums)


def add_difference(old: list[Contribution], new: list[Contribution], sums: Sums) -> None:
    if old != new:
        add(old, -1, sums)
        add(new, 1, sums)


def add(contributions: Iterable[Contribution], sign: int, sums: Sums) -> None:
    for summary, amounts in contributions:
        into = sums.setdefault(summary, {})
        for name, amount in amounts.items():
            into[name] = into.get(name, 0) + sign * amount


def summed(ref: Ref, before: Document | None, delta: Mapping[str, int]) -> Document | None:
    """A summary after `delta`; None when nothing is left of it.

    Raises OverflowError for a sum that JSON with 64 bits does not hold, TypeError for what is no sum.
    """
    figures: dict[str, int] = {name: amount for name, amount in (before or {}).items() if name != "id"}
    for name, amount in delta.items():
        figures[name] = figures.get(name, 0) + amount
        if not isinstance(figures[name], int):
            raise TypeError(f"{name} of {ref.kind} is no whole number")
        if abs(figures[name]) > AMOUNT_MAX:
            raise OverflowError(f"{name} of {ref.kind} {ref.id}")
    # In order of names, so that equal sums are equal bytes, however they came about.
    kept = {name: figures[name] for name in sorted(figures) if figures[name]}
    return {"id": ref.id, **kept} if kept else None
