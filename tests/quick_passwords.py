"""Passwords at a thousandth of their price, for all tests that are not about it."""

from __future__ import annotations

from typing import Final

from argon2 import PasswordHasher

from api import passwords

QUICK: Final = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
COSTLY: Final = passwords._hasher
"""What servers use: some 40 ms for each password, and each test of a server has one or two."""
