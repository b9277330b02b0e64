"""Rounding, and sharing whole units out without losing any."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

MONEY_MAX_CENTS: Final = 99_999_999_999_999
"""No amount is larger: 999,999,999,999.99."""


def half_up(numerator: int, denominator: int) -> int:
    """The nearest integer to a fraction with a positive denominator; a half goes away from zero.

    Negative amounts mirror positive ones, so that taking a booking back restores the old sum.
    """
    magnitude = (2 * abs(numerator) + denominator) // (2 * denominator)
    return magnitude if numerator >= 0 else -magnitude


def cost_cents(hours: int, hourly_rate_cents: int) -> int:
    """What `hours` (hundredths) cost at a rate in cents an hour."""
    return half_up(hours * hourly_rate_cents, 100)


def equal_shares(total: int, user_ids: Collection[int]) -> dict[int, int]:
    """`total` in equal parts; equal parts leave equal remainders, so the lowest ids get the odd units."""
    if not user_ids:
        return {}
    share, odd = divmod(abs(total), len(user_ids))
    sign = 1 if total >= 0 else -1
    return {user_id: sign * (share + (place < odd)) for place, user_id in enumerate(sorted(user_ids))}
