"""Documents: what a read model holds, each the plain JSON of one thing, in no dialect's words.

A `Ref` names a document: its kind and its id. Every kind has a file of its own with its shape,
the indexes that it stands in and what it adds to summaries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Document = Mapping[str, Any]


class Ref(NamedTuple):
    """`Ref("task", "12")`: `kind` and id, the id always as text."""

    kind: str
    id: str


class Entry(NamedTuple):
    """A document's place in an index: a number to sort by, or a text in `text` (then score is 0)."""

    index: str
    score: float
    text: str = ""


class Contribution(NamedTuple):
    """What a document adds to a summary: amounts by field, summed over all contributors."""

    summary: Ref
    amounts: Mapping[str, int]


def no_entries(_: Document) -> Iterable[Entry]:
    return ()


def no_contributions(_: Document) -> Iterable[Contribution]:
    return ()


@dataclass(frozen=True, slots=True)
class Kind:
    """How documents of one kind are indexed and what they contribute.

    `entries` and `contributions` are pure functions of the document; the runner derives every
    index and summary change from the document before and after, so that they cannot drift.
    A summary kind (`is_summary`) has documents that are sums: mappings of field to int.
    """

    name: str
    entries: Callable[[Document], Iterable[Entry]] = no_entries
    contributions: Callable[[Document], Iterable[Contribution]] = no_contributions
    is_summary: bool = False
    text: Callable[[Document], str] | None = field(default=None)
