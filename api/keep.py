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
ONCE_SHARE: Final = 8
"""What was never asked for again has this part of the room: it pushes out nothing that is asked often."""

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
    """Holds at most `bytes_max`; what was asked for longest ago goes first, and before it what was only once.

    That is a segmented LRU cache: Karedla, Love and Wherry, "Caching strategies to improve disk system
    performance", IEEE Computer 27 (1994).
    """

    def __init__(self, bytes_max: int) -> None:
        self.hits = 0
        self.misses = 0
        self._once: Segment[Key, Value] = Segment(bytes_max // ONCE_SHARE)
        self._again: Segment[Key, Value] = Segment(bytes_max - bytes_max // ONCE_SHARE)

    def __len__(self) -> int:
        return len(self._once.entries) + len(self._again.entries)

    @property
    def size_bytes(self) -> int:
        return self._once.size_bytes + self._again.size_bytes

    def fresh(self, key: Key, freshness: Freshness) -> Entry[Value] | None:
        """What is kept, if it is what would be read now; None where it has to be read."""
        entry = self._again.entries.get(key) or self._once.entries.get(key)
        if entry is None:
            return None
        if entry.freshness is not freshness or not freshness.is_fresh(entry.tags, entry.since):
            self._drop(key)
            return None
        # Nothing has changed until now: so next time there is less to look at.
        entry.since = freshness.turn
        self._asked_again(key, entry)
        return entry

    def put(
        self, key: Key, value: Value, size_bytes: int, tags: Collection[str], freshness: Freshness, since: int
    ) -> None:
        """Keep a value of `size_bytes` that was read in turn `since`, or later."""
        self._drop(key)
        self._once.put(
            key, Entry(value, size_bytes + ENTRY_BYTES + TAG_BYTES * len(tags), tags, freshness, since)
        )

    def clear(self) -> None:
        self._once.clear()
        self._again.clear()

    def _asked_again(self, key: Key, entry: Entry[Value]) -> None:
        if key in self._again.entries:
            self._again.entries.move_to_end(key)
        else:
            self._once.drop(key)
            self._again.put(key, entry)

    def _drop(self, key: Key) -> None:
        for segment in (self._once, self._again):
            if key in segment.entries:
                segment.drop(key)


class Segment(Generic[Key, Value]):
    """Entries of at most `bytes_max` together, those first that go first."""

    def __init__(self, bytes_max: int) -> None:
        self.size_bytes = 0
        self.entries: OrderedDict[Key, Entry[Value]] = OrderedDict()
        self._bytes_max = bytes_max

    def put(self, key: Key, entry: Entry[Value]) -> None:
        self.entries[key] = entry
        self.size_bytes += entry.size_bytes
        while self.size_bytes > self._bytes_max:
            self.drop(next(iter(self.entries)))

    def drop(self, key: Key) -> None:
        self.size_bytes -= self.entries.pop(key).size_bytes

    def clear(self) -> None:
        self.entries.clear()
        self.size_bytes = 0
