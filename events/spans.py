"""Spans of positions, gone through in one direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Span:
    """Positions from `first` to `last`, both included; none when `last` is the smaller one."""

    first: int
    last: int
    newest_first: bool

    @property
    def is_empty(self) -> bool:
        return self.first > self.last

    @property
    def end(self) -> int:
        """The position at which one arrives last."""
        return self.first if self.newest_first else self.last

    def part(self, first: int, last: int) -> Span:
        """What of it lies between two positions, both included."""
        return replace(self, first=max(first, self.first), last=min(last, self.last))

    def start(self, count: int) -> Span:
        """The part of it that comes first, with `count` positions at most."""
        if self.newest_first:
            return self.part(self.last - count + 1, self.last)
        return self.part(self.first, self.first + count - 1)

    def beyond(self, edge: int) -> Span:
        """What is left once everything up to `edge` was looked at."""
        return replace(self, last=edge - 1) if self.newest_first else replace(self, first=edge + 1)

    def ordered(self, ascending: Sequence[T]) -> list[T]:
        """Things that come in the order of the log, in the order of this span."""
        return list(reversed(ascending)) if self.newest_first else list(ascending)
