"""Passwords as argon2id, worked on in one thread so that neither the event loop nor the machine chokes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from api.errors import TryLater

MEMORY_KIB: Final = 19 * 1024
PASSWORD_CHARACTERS_MAX: Final = 1024
"""More than any password has: a longer one is not worth the work of looking at it."""

T = TypeVar("T")

_hasher = PasswordHasher(time_cost=2, memory_cost=MEMORY_KIB, parallelism=1, type=Type.ID)


def hash_password(password: str) -> str:
    """The PHC string of a password. Takes some 25 ms and blocks: for commands, not for handlers."""
    return _hasher.hash(password)


class Passwords:
    """At most `queue_max` passwords wait at a time; beyond that clients are asked to come again."""

    def __init__(self, queue_max: int) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="passwords")
        self._queue_max = queue_max
        self._waiting = 0
        self.outcomes: Counter[str] = Counter()
        # What an unknown user's password is compared with, so that it takes the same time.
        self._nobody = hash_password("")

    async def hash(self, password: str) -> str:
        """The PHC string to keep. Raises TryLater."""
        return await self._run(lambda: hash_password(password))

    async def matches(self, kept: str, password: str) -> bool:
        """Whether `kept` was made of `password`; never when it is empty. Raises TryLater."""
        is_possible = kept != "" and len(password) <= PASSWORD_CHARACTERS_MAX
        tried = (kept, password) if is_possible else (self._nobody, "nobody's")
        is_right = await self._run(lambda: is_password(*tried)) and is_possible
        self.outcomes["right" if is_right else "wrong"] += 1
        return is_right

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= self._queue_max:
            self.outcomes["turned_away"] += 1
            raise TryLater("Too many people are signing in at this moment; try again")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._waiting -= 1


def is_outdated(kept: str) -> bool:
    """Whether a hash was made with other parameters than new ones are."""
    return _hasher.check_needs_rehash(kept)


def is_password(kept: str, password: str) -> bool:
    """Whether `kept` was made of `password`; takes as long as `hash_password`."""
    try:
        return _hasher.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False
