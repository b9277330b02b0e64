"""Freshness: whether anything that an answer rests on has changed since it was read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from readmodels.touched import EVERYTHING

TAGS_MAX: Final = 20_000


class Freshness:
    """Counts what is heard in turns, and knows for each tag the last turn in which it changed.

    What was read after `turn` was looked at holds everything that was heard until then. Of more than
    `tags_max` tags, those that changed longest ago are forgotten: what is older than they are is fresh
    no more.
    """

    __slots__ = ("_changed", "_floor", "_tags_max", "turn")

    def __init__(self, tags_max: int = TAGS_MAX) -> None:
        self.turn = 0
        self._floor = 0
        self._tags_max = tags_max
        self._changed: OrderedDict[str, int] = OrderedDict()

    def note(self, tags: Iterable[str]) -> None:
        """Something changed, namely what `tags` say (see `readmodels.touched`)."""
        self.turn += 1
        for tag in (*tags, EVERYTHING):
            self._changed[tag] = self.turn
            self._changed.move_to_end(tag)
        while len(self._changed) > self._tags_max:
            self._floor = self._changed.popitem(last=False)[1]

    def forget(self) -> None:
        """Anything may have changed: nothing that was read until now is fresh any more."""
        self.turn += 1
        self._floor = self.turn
        self._changed.clear()

    def is_fresh(self, tags: Iterable[str], since: int) -> bool:
        """Whether what was read in turn `since`, and rests on `tags`, is as it would be read now."""
        if since == self.turn:
            return True
        if since < self._floor:
            return False
        last_of = self._changed.get
        for tag in tags:  # noqa: SIM110 - all() takes twice as long, for every answer
            if last_of(tag, 0) > since:
                return False
        return True
