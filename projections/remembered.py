"""Remembered documents: what the only writer of a generation wrote or read last, not to ask for it again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final

from readmodels.documents import Document, Ref

REMEMBERED_MAX: Final = 5_000


class Remembered:
    """The `documents_max` documents that were used last; None stands for those that do not exist.

    `granted` are the existing ones that were handed out since the last batch: the next one rests on them.
    """

    def __init__(self, documents_max: int) -> None:
        self.granted: set[Ref] = set()
        self._documents_max = documents_max
        self._documents: OrderedDict[Ref, Document | None] = OrderedDict()

    def known(self, refs: Iterable[Ref]) -> tuple[dict[Ref, Document], list[Ref]]:
        """Of these documents the kept ones that exist, and those of which nothing is known."""
        found: dict[Ref, Document] = {}
        unknown: list[Ref] = []
        for ref in refs:
            if ref not in self._documents:
                unknown.append(ref)
                continue
            self._documents.move_to_end(ref)
            document = self._documents[ref]
            if document is not None:
                found[ref] = document
        self.granted.update(found)
        return found, unknown

    def written(self, documents: Mapping[Ref, Document | None]) -> None:
        """What the batch made of documents, now that Redis has it."""
        self.granted.clear()
        self.note(documents)

    def note(self, documents: Mapping[Ref, Document | None]) -> None:
        """What Redis holds."""
        for ref, document in documents.items():
            self._documents[ref] = document
            self._documents.move_to_end(ref)
        while len(self._documents) > self._documents_max:
            self._documents.popitem(last=False)

    def clear(self) -> None:
        self.granted.clear()
        self._documents.clear()
