"""All documents that a query finds, page by page in the order of their ids, however many there are."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Final

from api.behind import Readable
from readmodels.documents import Document
from readmodels.model import Query, Range

SCAN_DOCUMENTS_MAX: Final = 250
"""In a page: so many are made into an answer in a few milliseconds, also when their texts are long."""

SCAN_IDS_MAX: Final = 20_000
"""That one question looks at: the read model does nothing else meanwhile."""


async def scanned(model: Readable, query: Query) -> AsyncGenerator[list[Document], None]:
    """Pages, none of them empty, each as of its own moment. Raises NotReady.

    Each page begins behind the last id of the one before, so what is deleted or made meanwhile
    neither repeats nor hides anything else; what is made after the first page may be left out. The
    place of `query` and its order do not count.
    """
    query = replace(query, sort="id", descending=False, ties="same", offset=0, limit=SCAN_DOCUMENTS_MAX)
    page = await model.page(query)
    if page.documents:
        yield page.documents
    if page.total > len(page.documents):
        async for following in _following(model, query, page.documents):
            yield following


async def _following(
    model: Readable, query: Query, documents: list[Document]
) -> AsyncGenerator[list[Document], None]:
    """The pages behind `documents`, by windows of ids that are about as wide as a page was just now."""
    last = await _last_id(model, query.kind)
    after, width = documents[-1]["id"], documents[-1]["id"] - documents[0]["id"]
    while after < last:
        width = min(max(width, SCAN_DOCUMENTS_MAX), SCAN_IDS_MAX)
        window = Range(f"{query.kind}:sort:id", after + 1, after + width)
        page = await model.page(replace(query, ranges=(*query.ranges, window)))
        if page.documents:
            yield page.documents
        is_whole = page.total == len(page.documents)
        after = after + width if is_whole else page.documents[-1]["id"]
        width = width * SCAN_DOCUMENTS_MAX // max(page.total, 1)


async def _last_id(model: Readable, kind: str) -> int:
    page = await model.page(Query(kind, sort="id", limit=1))
    return max((document["id"] for document in page.documents), default=0)
