"""How the index of events cuts the log into blocks, and which positions of a block were found."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable
from typing import Final

from events.spans import Span

BLOCK: Final = 1024
"""Positions in a block; the queries count with the same number, and with segments of 256 blocks."""

OFFSET_BYTES: Final = 2


def block_of(position: int) -> int:
    return (position - 1) // BLOCK


def offsets_in(raw: bytes) -> array[int]:
    """The offsets at which the index has a term in a block: two bytes for each."""
    offsets = array("H", raw)
    if sys.byteorder == "little":
        offsets.byteswap()
    return offsets


def end_of(block: int, span: Span) -> int:
    """The position of a block at which one arrives last, within the span."""
    return span.part(block * BLOCK + 1, (block + 1) * BLOCK).end


def positions_in(block: int, offsets: Iterable[int], span: Span) -> list[int]:
    """The positions at some offsets of a block that lie within the span, in its order."""
    start = block * BLOCK + 1
    return span.ordered([start + each for each in sorted(offsets) if span.first <= start + each <= span.last])


def shared(rows: Iterable[tuple[int, int, bytes]], groups: int) -> dict[int, set[int]]:
    """By block the offsets at which every one of `groups` has a term; a row is block, group, offsets."""
    found: dict[int, list[bytes]] = {}
    for block, group, raw in rows:
        found.setdefault(block, [b""] * groups)[group] += raw
    return {block: _in_all(each) for block, each in found.items()}


def _in_all(groups: Iterable[bytes]) -> set[int]:
    """What is rarest is held against the others, which are longer and need no set of their own."""
    rarest, *others = sorted(groups, key=len)
    kept = set(offsets_in(rarest))
    for raw in others:
        if not kept:
            break
        kept.intersection_update(offsets_in(raw))
    return kept
