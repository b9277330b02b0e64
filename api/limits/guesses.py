"""Guessing at passwords: whoever is wrong waits longer and longer, without keeping the owner out.

A guess counts for the account from one address. Where the account has signed in from before, it counts for
the account from that network as well; elsewhere for the account from all unknown places, for the address
with all accounts, and for all guesses from unknown places. So an attacker elsewhere uses up what is not
the owner's, and each network has a few tries of its own that no other can use up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from limits import RateLimitItem, RateLimitItemPerMinute

from api.errors import RateLimited
from api.limits import principals
from api.limits.allowances import SignInLimits
from api.limits.breaker import Breaker
from api.limits.decisions import Decisions
from api.limits.tallies import Budget, Held, Tallies
from readmodels.keys import LIMITS
from readmodels.pipe import Pipe
from readmodels.scripts import script

FOLDER: Final = Path(__file__).parent / "lua"
GUESS: Final = script(FOLDER, "guess")
GUESS_BACK: Final = script(FOLDER, "guess_back")
FIRST_WAIT_MS: Final = 1000
NAME: Final = 2
"""The place, from 1, of an account's count from all unknown places among the keys of a guess."""

SHARE: Final = RateLimitItemPerMinute(3, 20)
"""What a network has for an account when that count is used up: free tries, and then one each so often."""

PREFIX: Final = f"{LIMITS}:{{sign-in}}"
"""The braces put all tallies into one slot of a cluster."""


@dataclass(frozen=True, slots=True)
class Guess:
    """`name` stands for the account that is tried; `is_known` tells that its user has signed in near there.

    `is_share` is one that counts for its network instead of for all unknown places together.
    """

    name: str
    address: str | None
    is_known: bool
    is_share: bool = False

    @property
    def keys(self) -> list[str]:
        """The tallies that it counts in, in the order of the limits."""
        address = principals.address(self.address).id
        own = [f"{PREFIX}:place:{self.name}:{address}", self._wider]
        return own if self.is_known else [*own, f"{PREFIX}:address:{address}", f"{PREFIX}:all"]

    @property
    def _wider(self) -> str:
        network = principals.neighbourhood(self.address)
        if self.is_known:
            return f"{PREFIX}:near:{self.name}:{network}"
        return f"{PREFIX}:share:{self.name}:{network}" if self.is_share else f"{PREFIX}:name:{self.name}"


class Guesses:
    """Exact and shared by all processes; while Redis is away, each process counts for itself."""

    def __init__(self, pipe: Pipe, breaker: Breaker, decisions: Decisions, limits: SignInLimits) -> None:
        self._pipe = pipe
        self._breaker = breaker
        self._decisions = decisions
        self._limits = limits.items
        self._here = Tallies()

    async def count(self, guess: Guess) -> Guess:
        """Count a guess before anybody looks at it, so that many at once are no way around.

        Returns it as it was counted, for `was_right` and `was_not_looked_at`. Raises RateLimited for one
        that has to wait; it is not counted.
        """
        limit, held = await self._held(guess)
        if held.blocking == NAME and not guess.is_known:
            guess = replace(guess, is_share=True)
            limit, held = min((limit, held), await self._held(guess), key=lambda each: each[1].wait_ms)
        self._decisions.note("sign_in", "limited" if held.blocking else "allowed")
        if held.blocking:
            raise RateLimited(str(limit), "signing in", math.ceil(held.wait_ms / 1000))
        return guess

    async def was_right(self, guess: Guess) -> None:
        """Whoever knows the password has not guessed: their place begins anew, the rest is as before."""
        await self._give_back(guess.keys, forgotten=1)

    async def was_not_looked_at(self, guess: Guess) -> None:
        await self._give_back(guess.keys, forgotten=0)

    async def _held(self, guess: Guess) -> tuple[RateLimitItem, Held]:
        """Count it, unless it is held; by which limit is said, too."""
        keys, limits = guess.keys, self._limits_of(guess)
        budgets = [_budget(limit) for limit in limits]
        held = await self._breaker.ask(lambda: self._count(keys, budgets))
        if held is None:
            held = self._here.count(keys, budgets, round(time.time() * 1000))
        return limits[held.blocking - 1], held

    def _limits_of(self, guess: Guess) -> Sequence[RateLimitItem]:
        place, name, *others = self._limits
        if guess.is_known:
            return place, name
        return place, SHARE if guess.is_share else name, *others

    async def _count(self, keys: Sequence[str], budgets: Sequence[Budget]) -> Held:
        words = [word for budget in budgets for word in budget]
        return Held(*await self._pipe.change(GUESS, list(keys), *words))

    async def _give_back(self, keys: list[str], *, forgotten: int) -> None:
        # It may have been counted here while Redis was away.
        self._here.give_back(keys, forgotten)
        await self._breaker.ask(lambda: self._pipe.change(GUESS_BACK, keys, forgotten))


def _budget(limit: RateLimitItem) -> Budget:
    longest_ms = 1000 * limit.get_expiry()
    # A share is small: once it is used up, it is so for long.
    return Budget(limit.amount, longest_ms, longest_ms if limit is SHARE else FIRST_WAIT_MS)
