"""Searching the index of events: which positions may hold what is looked for, block by block."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from events.connections import Connections, Prepared
from events.criteria import DATA, Criteria
from events.index_blocks import BLOCK, OFFSET_BYTES, block_of, end_of, positions_in, shared
from events.spans import Span

SQL: Final = Path(__file__).parent / "sql"
STATE, TYPES, SEARCH = ((SQL / f"index_{name}.sql").read_bytes() for name in ("state", "types", "search"))
OLDEST_FIRST: Final = SEARCH.replace(b"order by d.block desc", b"order by d.block")
FIRST_BLOCKS: Final = 8
WIDENING: Final = 8
"""The first round asks about so many blocks, each later one about so many times more than the one before:
what is common fills a page from the first ones, and what is rare is found in few rounds all the same.
"""

Term = tuple[str, Any]
"""A path and the value to be found there."""


class Round(NamedTuple):
    """Positions that may meet all groups, how far that goes, and how many offsets were looked at for it."""

    positions: list[int]
    edge: int
    offsets: int


class IndexSearch:
    """Asks the index that `connections` reach; a round tells of `blocks_max` blocks at most.

    Every method raises Unavailable.
    """

    def __init__(self, connections: Connections, blocks_max: int) -> None:
        self._connections = connections
        self._blocks_max = blocks_max

    async def complete_to(self) -> int:
        """How far the index goes; 0 while it is not this log's."""
        rows = await self._rows(STATE)
        return int(rows[0][0]) if rows else 0

    async def groups(self, criteria: Criteria) -> list[list[Term]]:
        """What has to be looked up, each a list of alternatives; what is likely to be rare comes first.

        Empty where nothing is asked for that the index knows of; a list without alternatives is never met.
        """
        exact = (
            ("event", criteria.event_id),
            ("request", criteria.request_id),
            ("causation", criteria.causation_id),
        )
        groups: list[list[Term]] = [[term] for term in exact if term[1] is not None]
        groups += [[(f"{DATA}.{path}", value)] for path, value in criteria.fields]
        if criteria.actor_id is not None:
            groups.append([("actor", criteria.actor_id)])
        if criteria.types:
            groups.append([("type", topic) for topic in await self._types(criteria)])
        return groups

    async def rounds(self, span: Span, groups: Sequence[Sequence[Term]]) -> AsyncIterator[Round]:
        """All of a span, in its order."""
        blocks_wide = FIRST_BLOCKS
        while not span.is_empty and all(groups):
            window = _window(span, blocks_wide)
            blocks, offsets = await self._blocks(window, groups)
            # A full answer leaves open what lies behind its last block.
            is_full = len(blocks) == self._blocks_max
            edge = end_of(blocks[-1][0], span) if is_full else window.end
            yield Round([each for found in blocks for each in positions_in(*found, span)], edge, offsets)
            span = span.beyond(edge)
            # Where so many blocks have something, a wider window would be searched again and again.
            blocks_wide = self._blocks_max if is_full else blocks_wide * WIDENING

    async def _types(self, criteria: Criteria) -> Sequence[str]:
        if not criteria.has_patterns():
            return criteria.types
        return [topic for (topic,) in await self._rows(TYPES) if criteria.takes_type(topic)]

    async def _blocks(
        self, window: Span, groups: Sequence[Sequence[Term]]
    ) -> tuple[list[tuple[int, set[int]]], int]:
        """Blocks in which there is something of every group, with the offsets at which all groups are met.

        The number is that of all offsets that were looked at.
        """
        numbered = [(number, *term) for number, group in enumerate(groups) for term in group]
        arguments = {
            "groups": [number for number, _, _ in numbered],
            "paths": [path for _, path, _ in numbered],
            "values": [orjson.dumps(value).decode() for _, _, value in numbered],
            "last_group": len(groups) - 1,
            "first_block": block_of(window.first),
            "last_block": block_of(window.last),
            "blocks_max": self._blocks_max,
        }
        rows = await self._rows(SEARCH if window.newest_first else OLDEST_FIRST, arguments)
        looked_at = sum(len(raw) // OFFSET_BYTES for _, _, raw in rows)
        return sorted(shared(rows, len(groups)).items(), reverse=window.newest_first), looked_at

    async def _rows(self, query: bytes, arguments: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        return await self._connections.read(Prepared(query, arguments))


def _window(span: Span, blocks: int) -> Span:
    """The part of a span that comes first, in whole blocks as far as it goes."""
    if span.newest_first:
        return span.part((block_of(span.last) - blocks + 1) * BLOCK + 1, span.last)
    return span.part(span.first, (block_of(span.first) + blocks) * BLOCK)
