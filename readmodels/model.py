"""A read model as queries see it; `RedisModel` and `MemoryModel` pass one suite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

from readmodels.documents import Document, Ref
from readmodels.snapshots import Scope, Snapshot

PAGE_MAX: Final = 1000
FOREIGN: Final = ("project:visible:", "project:department:")
"""Indexes that other documents write than those that stand in them, which may not be listed."""


class NotReady(Exception):
    """The read model is away, being rebuilt or damaged: answer 503, never an empty list."""


class TooBusy(NotReady):
    """Too many large questions are waiting: answer 503 as well."""


class TooLong(NotReady):
    """A question was given up that keeps others from being answered for too long: answer 503 as well."""


@dataclass(frozen=True, slots=True)
class Through:
    """Membership in `{prefix}{id}` for some id in index `index`, or in any of `also`."""

    index: str
    prefix: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Range:
    """A score in `index` from `minimum` to `maximum`, both included; None leaves that side open.

    A document without a place in the index is in no range of it. Scores of moments are made by
    `readmodels.documents.score`.
    """

    index: str
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A page of the listed documents of `kind` that satisfy all that is given.

    where    groups of indexes; membership in any one index of a group satisfies the group:
             `(("project:status:active",), ("task:assignee:7", "task:assignee:8"))`
    through  documents by way of another index, as tasks of the projects that a user may see:
             `Through("project:visible:7", "task:project:", ("task:personal:7",))`
    ranges   each must hold;  without: none may hold, as in "not overdue"
    text     must occur in the kind's text, without regard to case

    `sort` names a sort index of the kind (`created` is index `{kind}:sort:created`). Documents
    that are absent from it (`{kind}:unsorted:{sort}` has them) come last in both directions.
    Equal ones go by descending id (`ties` is "newest") or by id in the direction of the sort ("same").
    `limit` is at most PAGE_MAX.

    Every index that is named holds listed documents of `kind` only, those of FOREIGN excepted.
    """

    kind: str
    where: tuple[tuple[str, ...], ...] = ()
    through: Through | None = None
    ranges: tuple[Range, ...] = ()
    without: tuple[Range, ...] = ()
    text: str | None = None
    sort: str = "created"
    descending: bool = True
    ties: Literal["newest", "same"] = "newest"
    offset: int = 0
    limit: int = 10

    def __post_init__(self) -> None:
        if self.offset < 0 or not 0 <= self.limit <= PAGE_MAX:
            raise ValueError(f"a page starts at 0 or later and has at most {PAGE_MAX} documents")

    @property
    def finds_listed_only(self) -> bool:
        """Whether a condition that must hold lets only listed documents through."""
        groups = [*self.where, *((each.index,) for each in self.ranges)]
        return self.through is not None or any(
            not any(name.startswith(FOREIGN) for name in group) for group in groups
        )


class Page(NamedTuple):
    """`documents` in order, the exact `total` of the query, and the position that both speak of."""

    documents: list[Document]
    total: int
    position: int


class Model(Protocol):
    async def fetch(self, refs: Iterable[Ref]) -> Mapping[Ref, Document]:
        """The documents that exist among `refs`, in one round trip. Raises NotReady."""
        ...

    async def page(self, query: Query) -> Page:
        """One page and the exact total. Raises NotReady, TooLong."""
        ...

    async def members(self, index: str) -> list[str]:
        """The ids in an index in ascending order, all of them: for composed details. Raises NotReady."""
        ...

    async def snapshot(self, scope: Scope, today: str) -> Snapshot:
        """All documents and counts of `scope`, at one position. Raises NotReady, TooLarge.

        Its moment is that of the last event, or `today` (the present day's first instant) when
        nothing has happened since.
        """
        ...

    async def position(self) -> int:
        """The position up to which the log is folded into this model. Raises NotReady."""
        ...

    async def parked(self, refs: Iterable[Ref]) -> set[Ref]:
        """Those of `refs` that stopped at an event which could not be folded. Raises NotReady."""
        ...
