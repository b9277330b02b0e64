"""The connections of clients that a process has open: silent ones make room where there are too many."""

from __future__ import annotations

import heapq
import time
from typing import Final, Protocol

ROOM_SHARE: Final = 32
"""One part in so many is closed at least: looking at all of them for each new one would be slow."""

LOOK_INTERVAL_S: Final = 0.1
"""Where nobody was silent, nobody is looked for again so soon."""


class Closable(Protocol):
    """A connection; `silent_s` are the seconds since anything was asked for, 0 while an answer is made."""

    @property
    def silent_s(self) -> float: ...

    def force_close(self) -> None: ...


class OpenConnections:
    """Whoever connects and asks for nothing shall keep nobody out, however many they are."""

    def __init__(self) -> None:
        self._all: set[Closable] = set()
        self._look_at = 0.0

    def __len__(self) -> int:
        return len(self._all)

    def add(self, one: Closable, *, most: int, patience_s: float) -> int:
        """How many there are with this one.

        Beyond `most` of them, the longest silent ones are closed first, if they were for `patience_s`.
        """
        self._all.add(one)
        too_many = len(self._all) - most
        if too_many > 0 and time.monotonic() >= self._look_at:
            self._make_room(max(too_many, most // ROOM_SHARE), patience_s)
        return len(self._all)

    def drop(self, one: Closable) -> None:
        self._all.discard(one)

    def _make_room(self, number: int, patience_s: float) -> None:
        found = heapq.nlargest(number, ((each.silent_s, id(each), each) for each in self._all))
        silent = [each for silent_s, _, each in found if silent_s >= patience_s]
        for each in silent:
            # It is lost later, within the loop's next turn.
            self._all.discard(each)
            each.force_close()
        if not silent:
            self._look_at = time.monotonic() + LOOK_INTERVAL_S
