"""A read model as queries see it; `RedisModel` and `MemoryModel` pass one suite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from readmodels.documents import Document, Ref
from readmodels.snapshots import Scope, Snapshot

PAGE_MAX: Final = 1000


class NotReady(Exception):
    """The read model is away, being rebuilt or damaged: answer 503, never an empty list."""


class TooBusy(NotReady):
    """Too many large questions are waiting: answer 503 as well."""


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
    that are absent from it come last in both directions; ties go by descending id.
    `limit` is at most PAGE_MAX.
    """

    kind: str
    where: tuple[tuple[str, ...], ...] = ()
    through: Through | None = None
    ranges: tuple[Range, ...] = ()
    without: tuple[Range, ...] = ()
    text: str | None = None
    sort: str = "created"
    descending: bool = True
    offset: int = 0
    limit: int = 10

    def __post_init__(self) -> None:
        if self.offset < 0 or not 0 <= self.limit <= PAGE_MAX:
            raise ValueError(f"a page starts at 0 or later and has at most {PAGE_MAX} documents")


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
        """One page and the exact total. Raises NotReady."""
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
