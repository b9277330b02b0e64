"""Rounding, with integers alone: what floats would round down for being a little less than a half."""

from __future__ import annotations


def half_up(numerator: int, denominator: int) -> int:
    """The nearest integer to a fraction with a positive denominator; a half goes away from zero.

    Negative fractions mirror positive ones: -1/2 is -1, as 1/2 is 1.
    """
    magnitude = (2 * abs(numerator) + denominator) // (2 * denominator)
    return magnitude if numerator >= 0 else -magnitude
