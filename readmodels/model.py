"""A read model as queries see it; `RedisModel` and `MemoryModel` pass one suite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from readmodels.documents import Document, Ref


class NotReady(Exception):
    """The read model is away, being rebuilt or damaged: answer 503, never an empty list."""


@dataclass(frozen=True, slots=True)
class Query:
    """A page of the documents of `kind` that stand in every group of `where`.

    A group is satisfied by membership in any one of its indexes (`("project:status:active",)`).
    `through` narrows to documents that stand in `{prefix}{id}` for some id in index `index`, as
    tasks of the projects that a user may see: `Through("project:visible:7", "task:project:",
    ("task:personal:7",))`, where membership in any of `also` is enough too.
    `text` (casefolded here) must occur in the kind's text. `sort` names a sort index of the kind;
    ties go by descending id. `limit` is at most 1000.
    """

    kind: str
    where: tuple[tuple[str, ...], ...] = ()
    through: Through | None = None
    text: str | None = None
    sort: str = "created"
    descending: bool = True
    offset: int = 0
    limit: int = 10


class Through(NamedTuple):
    index: str
    prefix: str
    also: tuple[str, ...] = ()


class Page(NamedTuple):
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
        """The ids in an index in ascending order of score, all of them: for composed details."""
        ...

    async def position(self) -> int:
        """The position up to which the log is folded into this model. Raises NotReady."""
        ...
