"""Documents: what a read model holds, each the plain JSON of one thing, in no dialect's words.

A `Ref` names a document: its kind and its id. Every kind has a file of its own with its shape,
the indexes that it stands in and what it adds to summaries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

SCORES_CACHED_MAX: Final = 10_000
REFS_CACHED_MAX: Final = 50_000
MARKS_MAX: Final = 9

FIELD_END: Final = "\0"
"""Between the fields of a searched text: no field holds it, so nothing is found across."""

Document = Mapping[str, Any]

# Where a document stands in an index: at a number, or, in an index of texts, at a text.
Place = float | str
Places = dict[str, Place]


class Ref(NamedTuple):
    """`Ref("task", "12")`: `kind` and id, the id always as text."""

    kind: str
    id: str


@lru_cache(maxsize=REFS_CACHED_MAX, typed=True)
def ref_to(kind: str, number: int) -> Ref:
    """The same document, the same object: most refs are asked for again and again."""
    return Ref(kind, str(number))


Contribution = tuple[Ref, Mapping[str, int]]
"""What a document adds to a summary: amounts by field, summed over all contributors."""


DepartmentOf = Callable[[int], int | None]
"""The department that a user is in; None for none, and for nobody's id."""


class Standing(NamedTuple):
    """Where a document stands, and what it adds up to."""

    places: Places
    contributions: Iterable[Contribution]


@dataclass(frozen=True, slots=True)
class ByDepartment:
    """What follows from a document together with the departments that its people are in.

    It is derived again when one of the `fields` changes, and when one of the `people` moves to
    another department: so a department's figures are always those of its present members.
    """

    fields: tuple[str, ...]
    people: Callable[[Document], Iterable[int]]
    standing: Callable[[Document, DepartmentOf], Standing]


def no_places(_: Document) -> Places:
    return {}


def no_groups(_: Document) -> Sequence[str]:
    return ()


def no_contributions(_: Document) -> Iterable[Contribution]:
    return ()


@dataclass(frozen=True, slots=True)
class Kind:
    """How documents of one kind are indexed and what they contribute.

    `places` (by index) and `contributions` are pure functions of the document; every index and
    summary change is derived from the document before and after, so that they cannot drift. `places` gives
    a dict of its own each time. A kind that is listed has a place for each listed document in
    `{kind}:sort:id`, at its id. A document without a value to be sorted by stands in
    `{kind}:unsorted:{sort}` instead of `{kind}:sort:{sort}`, at its id.
    `groups` names the indexes by which other streams' events find the document, listed or not; it looks
    at `group_fields` only.
    `member` is who stands at the places, the document itself unless given.
    `text` is what a text search looks into. The texts of all listed documents lie together on one
    shelf; so do short ones in each group whose name begins with one of `shelves`, where searching is
    as fast as that index is small; long ones, and those of many such indexes, are `elsewhere`. A text
    is marked with which index of each group of `marks` its document stands in, so that these
    conditions are known while texts are searched. Such kinds have decimal ids, and a group has
    MARKS_MAX indexes at most.
    A kind with `by_department` stands in the indexes `{kind}:people:{user}` as well, listed or not.
    A summary (`is_summary`) is a sum: its id and the fields that are not zero, absent when all are.
    """

    name: str
    places: Callable[[Document], Places] = no_places
    contributions: Callable[[Document], Iterable[Contribution]] = no_contributions
    is_summary: bool = False
    groups: Callable[[Document], Sequence[str]] = no_groups
    group_fields: tuple[str, ...] = ()
    member: Callable[[Document], str] | None = None
    text: Callable[[Document], str | None] | None = None
    shelves: tuple[str, ...] = ()
    marks: tuple[tuple[str, ...], ...] = ()
    by_department: ByDepartment | None = None


@lru_cache(maxsize=SCORES_CACHED_MAX)
def score(instant: str) -> float:
    """An instant as a number for an index: seconds since 1970."""
    return datetime.fromisoformat(instant).timestamp()


def day_of(instant: str) -> str:
    """`2025-07-03`, in UTC."""
    return instant[:10]


def month_of(instant: str) -> str:
    """`2025-07`, in UTC."""
    return instant[:7]
