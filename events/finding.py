"""Finding events: pages of what meets some criteria, newest or oldest first, however long the log is.

A stream is read from the log itself. Everything else is looked up in the index as far as that goes, and
read from the log beyond.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from events.connections import Connections, Prepared
from events.criteria import Criteria
from events.index_search import IndexSearch, Term
from events.instants import instant
from events.log import Log, Stored
from events.spans import Span

SQL: Final = Path(__file__).parent / "sql"
STREAM_AT, READ_VERSIONS = ((SQL / f"{name}.sql").read_bytes() for name in ("stream_at", "read_versions"))


@dataclass(frozen=True, slots=True)
class FindingBounds:
    """How much a page may cost: what it does not reach within that, the next page goes on with.

    `rows_max` events are read, `chunk_rows` at a time. Each of the index's rounds, of `blocks_max` blocks,
    counts as `round_rows` events, and so do `offsets_per_row` offsets that it looks at as one: conditions
    that are common and never meet would otherwise be followed through the whole log.
    """

    rows_max: int = 20_000
    chunk_rows: int = 1_000
    round_rows: int = 200
    blocks_max: int = 128
    offsets_per_row: int = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Up to `limit` events that meet `criteria`, at positions above `after` and below `before`."""

    criteria: Criteria
    limit: int
    after: int = 0
    before: int | None = None
    newest_first: bool = True


class Found(NamedTuple):
    """A page of events, in the order asked for.

    `next` is where another page goes on: with what is `before` it (newest first) or `after` it (oldest
    first); None when everything was looked at. A page may be short, or empty, and yet have a `next`.
    `indexed_to` is how far the index went, beyond which the log itself was read; `head` where that ended.
    """

    events: list[Stored]
    next: int | None
    indexed_to: int
    head: int

    @property
    def complete_to(self) -> int:
        """Up to which position nothing is missing among this page and those after it."""
        return self.head


class Step(NamedTuple):
    """Events that were found, the position up to which all was looked at, and what it cost in rows."""

    events: Sequence[Stored]
    edge: int
    rows: int


class Finder:
    """Looks for events in a log, and in the index beside it, which `connections` reach."""

    def __init__(self, log: Log, connections: Connections, bounds: FindingBounds | None = None) -> None:
        self._log = log
        self._connections = connections
        self._bounds = bounds or FindingBounds()
        self.index = IndexSearch(connections, self._bounds.blocks_max)

    async def find(self, wanted: Wanted) -> Found:
        """A page. Raises Unavailable."""
        head, indexed_to = await self._log.head(), await self.index.complete_to()
        last = head if wanted.before is None else min(wanted.before - 1, head)
        span = Span(max(wanted.after, 0) + 1, last, wanted.newest_first)
        events: list[Stored] = []
        rows = 0
        async for step in self._steps(wanted, span, indexed_to):
            events.extend(step.events)
            rows += step.rows
            if len(events) >= wanted.limit:
                return Found(events[: wanted.limit], events[wanted.limit - 1].position, indexed_to, head)
            if rows >= self._bounds.rows_max and not span.beyond(step.edge).is_empty:
                return Found(events, step.edge, indexed_to, head)
        return Found(events, None, indexed_to, head)

    async def _steps(self, wanted: Wanted, span: Span, indexed_to: int) -> AsyncIterator[Step]:
        criteria = wanted.criteria
        if criteria.stream is not None:
            async for step in self._stream(criteria, criteria.stream, span):
                yield step
            return
        groups = await self.index.groups(criteria)
        indexed_to = indexed_to if groups else 0
        for part in span.ordered([span.part(1, indexed_to), span.part(indexed_to + 1, span.last)]):
            is_indexed = part.last <= indexed_to
            looked = self._look_up(wanted, part, groups) if is_indexed else self._scan(criteria, part)
            async for step in looked:
                yield step

    async def _scan(self, criteria: Criteria, span: Span) -> AsyncIterator[Step]:
        """Read the log itself, in which no position is missing."""
        while not span.is_empty:
            chunk = span.start(self._bounds.chunk_rows)
            stored = await self._log.read(chunk.first - 1, chunk.last - chunk.first + 1)
            yield _step(criteria, span, stored, chunk.end)
            span = span.beyond(chunk.end)

    async def _stream(self, criteria: Criteria, stream: str, span: Span) -> AsyncIterator[Step]:
        """Read one stream, whose versions are in the order of positions."""
        if span.is_empty:
            return
        after, last = (
            await self._version_at(stream, span.first - 1),
            await self._version_at(stream, span.last),
        )
        versions = Span(after + 1, last, span.newest_first)
        while not versions.is_empty:
            chunk = versions.start(self._bounds.chunk_rows)
            stored = await self._versions(stream, chunk)
            yield _step(criteria, span, stored, span.ordered(stored)[-1].position)
            versions = versions.beyond(chunk.end)

    async def _look_up(
        self, wanted: Wanted, span: Span, groups: Sequence[Sequence[Term]]
    ) -> AsyncIterator[Step]:
        """Read what the index names, which must be looked at: two terms may have the same number."""
        size = min(wanted.limit, self._bounds.chunk_rows)
        async for positions, edge, offsets in self.index.rounds(span, groups):
            for start in range(0, len(positions), size):
                chunk = positions[start : start + size]
                yield _step(wanted.criteria, span, await self._log.read_at(chunk), chunk[-1])
            yield Step((), edge, self._bounds.round_rows + offsets // self._bounds.offsets_per_row)

    async def _version_at(self, stream: str, position: int) -> int:
        rows = await self._connections.read(Prepared(STREAM_AT, {"stream": stream, "position": position}))
        return int(rows[0][0])

    async def _versions(self, stream: str, span: Span) -> list[Stored]:
        arguments: dict[str, Any] = {"stream": stream, "after": span.first - 1, "upto": span.last}
        rows = await self._connections.read(Prepared(READ_VERSIONS, arguments))
        return [Stored._make(row)._replace(recorded_at=instant(row[6])) for row in rows]


def _step(criteria: Criteria, span: Span, stored: Sequence[Stored], edge: int) -> Step:
    return Step(span.ordered([one for one in stored if criteria.is_met_by(one)]), edge, len(stored))
