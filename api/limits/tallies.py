"""How wrong passwords add up to waiting, as `lua/guess.lua` does it, in the memory of this process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple

TALLIES_MAX: Final = 10_000
DOUBLINGS_MAX: Final = 40
"""Twice as long so many times is beyond every wait that can be set."""


class Budget(NamedTuple):
    """So many guesses are free; then each waits twice as long as the one before, `longest_ms` at most.

    The first one that waits does so for `first_ms`. One guess is forgotten each `longest_ms`.
    """

    free: int
    longest_ms: int
    first_ms: int


class Tally(NamedTuple):
    """`level` is the guesses counted at `at_ms`; the next may come when it `opens_ms`."""

    level: float
    at_ms: int
    opens_ms: int


EMPTY: Final = Tally(0, 0, 0)


class Held(NamedTuple):
    """Which of the tallies, from 1, has to wait longest, and for how long; 0 when none has to."""

    blocking: int
    wait_ms: int


class Tallies:
    """Those used last are kept: who guesses at very many names gets new ones rather than all the memory."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Tally] = OrderedDict()

    def count(self, keys: Sequence[str], budgets: Sequence[Budget], now_ms: int) -> Held:
        """Count a guess in every tally, or in none where one of them has to wait."""
        tallies = [self._kept.get(key, EMPTY) for key in keys]
        waits = [
            min(each.opens_ms - now_ms, budget.longest_ms)
            for each, budget in zip(tallies, budgets, strict=True)
        ]
        longest = max(waits)
        if longest > 0:
            return Held(waits.index(longest) + 1, longest)
        for key, tally, budget in zip(keys, tallies, budgets, strict=True):
            self._keep(key, counted(tally, budget, now_ms))
        return Held(0, 0)

    def give_back(self, keys: Sequence[str], forgotten: int) -> None:
        """Take back a guess; the first `forgotten` of the tallies begin anew."""
        for place, key in enumerate(keys):
            tally = self._kept.pop(key, EMPTY)
            if place >= forgotten and tally.level > 1:
                self._keep(key, tally._replace(level=tally.level - 1, opens_ms=0))

    def _keep(self, key: str, tally: Tally) -> None:
        self._kept[key] = tally
        self._kept.move_to_end(key)
        if len(self._kept) > TALLIES_MAX:
            self._kept.popitem(last=False)


def counted(tally: Tally, budget: Budget, now_ms: int) -> Tally:
    """The tally with one guess more."""
    forgotten = max(0, now_ms - tally.at_ms) / budget.longest_ms
    level = max(0.0, tally.level - forgotten) + 1
    return Tally(level, now_ms, now_ms + wait_ms(level, budget))


def wait_ms(level: float, budget: Budget) -> int:
    """How long the next guess waits after so many."""
    if level <= budget.free - 1:
        return 0
    doublings = min(max(0, level - budget.free), DOUBLINGS_MAX)
    return min(budget.longest_ms, int(budget.first_ms * 2**doublings))
