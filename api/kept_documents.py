"""Kept documents: what was fetched from one generation and is what would be fetched now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson

from api.keep import Keep
from readmodels.documents import Document, Ref
from readmodels.freshness import Freshness
from readmodels.model import Model
from readmodels.noted import Noting, present

AT_ONCE_MAX: Final = 200
"""Who fetches more goes through many documents, once: they would push out what is asked for often."""


class KeptDocuments:
    """At most `bytes_max` of documents as JSON; in memory they take some times as much.

    None stands for a document that does not exist.
    """

    def __init__(self, bytes_max: int = 0) -> None:
        self.keep: Final[Keep[str, Document | None]] = Keep(bytes_max)

    def known(self, tags: Mapping[Ref, str], freshness: Freshness) -> Mapping[Ref, Document] | None:
        """The documents, by their tags; None unless all are kept and fresh, and so of one moment."""
        found: dict[Ref, Document] = {}
        for ref, tag in tags.items():
            entry = self.keep.fresh(tag, freshness)
            if entry is None:
                self.keep.misses += 1
                return None
            if entry.value is not None:
                found[ref] = entry.value
        self.keep.hits += 1
        return found

    async def fetched(
        self, model: Model, tags: Mapping[Ref, str], freshness: Freshness
    ) -> Mapping[Ref, Document]:
        """The documents from `model`, which are kept unless some of them stand still. Raises NotReady."""
        since, asking = freshness.turn, present()
        with Noting() as noted:
            found = await model.fetch(tags)
        if asking is not None:
            asking.add(noted)
        if noted.is_nothing and len(tags) <= AT_ONCE_MAX:
            for ref, tag in tags.items():
                document = found.get(ref)
                size_bytes = 0 if document is None else len(orjson.dumps(document))
                self.keep.put(tag, document, size_bytes, (tag,), freshness, since)
        return found
