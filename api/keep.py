"""Keeping what was read, in bounds, and giving it again only while it is fresh."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from readmodels.freshness import Freshness

ENTRY_BYTES: Final = 600
TAG_BYTES: Final = 100
"""What an entry, and each tag of it, take besides what is kept, about."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(slots=True)
class Entry(Generic[Value]):
    """A value that was read in turn `since` of `freshness`, and rests on `tags`."""

    value: Value
    size_bytes: int
    tags: Collection[str]
    freshness: Freshness
    since: int


class Keep(Generic[Key, Value]):
    """Holds at most `bytes_max`; what was asked for longest ago goes first."""

    def __init__(self, bytes_max: int) -> None:
        self.hits = 0
        self.misses = 0
        self.size_bytes = 0
        self._bytes_max = bytes_max
        self._entries: OrderedDict[Key, Entry[Value]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def fresh(self, key: Key, freshness: Freshness) -> Entry[Value] | None:
        """What is kept, if it is what would be read now; None where it has to be read."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.freshness is not freshness or not freshness.is_fresh(entry.tags, entry.since):
            self._drop(key)
            return None
        # Nothing has changed until now: so next time there is less to look at.
        entry.since = freshness.turn
        self._entries.move_to_end(key)
        return entry

    def put(
        self, key: Key, value: Value, size_bytes: int, tags: Collection[str], freshness: Freshness, since: int
    ) -> None:
        """Keep a value of `size_bytes` that was read in turn `since`, or later."""
        size_bytes += ENTRY_BYTES + TAG_BYTES * len(tags)
        if key in self._entries:
            self._drop(key)
        self._entries[key] = Entry(value, size_bytes, tags, freshness, since)
        self.size_bytes += size_bytes
        while self.size_bytes > self._bytes_max:
            self._drop(next(iter(self._entries)))

    def clear(self) -> None:
        self._entries.clear()
        self.size_bytes = 0

    def _drop(self, key: Key) -> None:
        self.size_bytes -= self._entries.pop(key).size_bytes
