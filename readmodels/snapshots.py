"""Snapshots: everything that a report speaks of, as it was at one position."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from readmodels.documents import Document, Ref

SNAPSHOT_DOCUMENTS_MAX: Final = 100_000
CHUNK_DOCUMENTS: Final = 1_000


class TooLarge(Exception):
    """A snapshot would hold more than SNAPSHOT_DOCUMENTS_MAX documents."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The documents of `kind` whose ids stand in `index`, in its order.

    `minimum` and `maximum` narrow it to scores between them, both included; None leaves that side open.
    """

    kind: str
    index: str
    minimum: float | None = None
    maximum: float | None = None

    @property
    def is_listed(self) -> bool:
        """Whether the index is the kind's own, so that a missing document is damage; sums may be absent."""
        return self.index.startswith(f"{self.kind}:")


@dataclass(frozen=True, slots=True)
class Tally:
    """For each id in `index`: how many stand in `{prefix}{id}` at the snapshot's moment or before it."""

    name: str
    index: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What a snapshot holds: each kind and each tally once."""

    selections: tuple[Selection, ...]
    tallies: tuple[Tally, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Documents and counts of one `position`, at `moment`.

    They stay JSON until somebody reads them, so that taking a snapshot and handing it to another
    process costs little more than copying: `chunks` are lists of documents by kind, `counts` are
    objects by tally, without the ids that have nothing.
    """

    position: int
    moment: str
    chunks: Mapping[str, Sequence[bytes]]
    counts: Mapping[str, bytes]

    @property
    def size_bytes(self) -> int:
        return sum(len(chunk) for chunks in self.chunks.values() for chunk in chunks)

    def documents(self, kind: str) -> Iterator[Document]:
        """The documents of a kind in the order of their index; a chunk is decoded when it is reached."""
        for chunk in self.chunks[kind]:
            yield from orjson.loads(chunk)

    def by_id(self, kind: str) -> Mapping[str, Document]:
        return {str(document["id"]): document for document in self.documents(kind)}

    def tally(self, name: str) -> Mapping[str, int]:
        """Counts by id; who is not in it has none."""
        counts: Mapping[str, int] = orjson.loads(self.counts[name])
        return counts


def chunked(refs: Sequence[Ref], documents: Mapping[Ref, Document]) -> Iterator[bytes]:
    """Those documents that exist as the chunks of a snapshot: at most CHUNK_DOCUMENTS refs to each."""
    for start in range(0, len(refs), CHUNK_DOCUMENTS):
        chunk = [documents[ref] for ref in refs[start : start + CHUNK_DOCUMENTS] if ref in documents]
        if chunk:
            yield orjson.dumps(chunk)
