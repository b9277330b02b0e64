"""What follows from documents that are folded to their end: indexes, texts and sums, each derived once."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator

import orjson

from projections.batch import Underivable, where
from readmodels.changes import Changes, Following, Sums, follows, standing_of, summed
from readmodels.documents import Contribution, DepartmentOf, Document, Kind, Ref
from readmodels.kinds import KINDS

Bucket = dict[str, dict[str, dict[str, int]]]
"""Sums as JSON: by kind and id."""


class Derivation:
    """Gathers `changes` of a model that holds none of the documents yet, and `sums` for its summaries.

    `department_of` knows the departments that people are in at the end.
    """

    def __init__(self, department_of: DepartmentOf) -> None:
        self.changes = Changes()
        self.sums: Sums = {}
        self._department_of = department_of

    def add(self, ref: Ref, document: Document) -> None:
        """Take a document over, each once. Raises Underivable."""
        kind = KINDS[ref.kind]
        try:
            orjson.dumps(document)
            self.changes.begin(kind, ref, document, derived(kind, document, self._department_of, self.sums))
        except Exception as error:
            raise Underivable(where(error)) from error

    def take(self) -> Changes:
        """The changes so far, which are then somebody else's."""
        taken, self.changes = self.changes, Changes()
        return taken


def derived(kind: Kind, document: Document, department_of: DepartmentOf, sums: Sums) -> Following:
    """Where a document and its text stand in the end. What it contributes is added to `sums`."""
    add_all(kind.contributions(document), sums)
    found = follows(kind, document)
    if kind.by_department is not None:
        standing = standing_of(kind, document, department_of)
        add_all(standing.contributions, sums)
        found.places.update(standing.places)
    return found


def add_all(contributions: Iterable[Contribution], sums: Sums) -> None:
    """The same as `readmodels.changes.add`, quick for what begins from nothing."""
    for summary, amounts in contributions:
        into = sums.get(summary)
        if into is None:
            into = sums[summary] = defaultdict(int)
        for name, amount in amounts.items():
            # Many are 0. What is no whole number is judged where sums become documents.
            if amount or type(amount) is not int:
                into[name] += amount


def summaries(sums: Sums) -> Changes:
    """The documents that sums are, and their places. Raises Underivable."""
    changes = Changes()
    for kind, ref, document in summed_up(sums):
        changes.begin(kind, ref, document, follows(kind, document))
    return changes


def summed_up(sums: Sums) -> Iterator[tuple[Kind, Ref, Document]]:
    """The documents that sums are. Raises Underivable."""
    for ref, figures in sums.items():
        try:
            document = summed(ref, None, figures) if any(figures.values()) else None
        except (OverflowError, TypeError) as error:
            raise Underivable(where(error)) from error
        if document is not None:
            yield KINDS[ref.kind], ref, document


def add_sums(into: Sums, more: Iterable[tuple[Ref, dict[str, int]]]) -> None:
    """Raises Underivable for what is no number. What is new is taken over as it is."""
    for ref, figures in more:
        found = into.setdefault(ref, figures)
        if found is figures:
            continue
        try:
            for name, amount in figures.items():
                found[name] = found.get(name, 0) + amount
        except TypeError as error:
            raise Underivable(where(error)) from error


def in_buckets(sums: Sums, count: int) -> list[Bucket]:
    """Sums in `count` parts: a summary is in the same part of all sums."""
    buckets: list[Bucket] = [{} for _ in range(count)]
    for ref, figures in sums.items():
        bucket = buckets[zlib.crc32(ref.id.encode()) % count]
        bucket.setdefault(ref.kind, {})[ref.id] = figures
    return buckets


def bucket_json(bucket: Bucket) -> bytes:
    """Raises Underivable for what JSON with 64 bits does not hold."""
    try:
        return orjson.dumps(bucket)
    except TypeError as error:
        raise Underivable(where(error)) from error


def sums_in(bucket: Bucket) -> Iterable[tuple[Ref, dict[str, int]]]:
    return ((Ref(kind, key), figures) for kind, some in bucket.items() for key, figures in some.items())
