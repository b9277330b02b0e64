"""Formulas that several figures share, in exact integers; every result is rounded half up."""

from __future__ import annotations

from collections.abc import Sequence

from readmodels.rounding import half_up


def variance_tenths(allocated: int, spent: int) -> int:
    """(spent - allocated) / allocated in tenths of a percent: below 0 is under budget.

    Where nothing is allocated, any spending is 100 % too much, and none is as planned.
    """
    if not allocated:
        return 1000 if spent > 0 else 0
    return half_up((spent - allocated) * 1000, allocated)


def rate_tenths(part: int, whole: int) -> int | None:
    """part / whole in tenths of a percent; None of nothing."""
    return half_up(part * 1000, whole) if whole else None


def nearest_rank(ordered: Sequence[int], percent: int) -> int | None:
    """The smallest of the ascending numbers that `percent` of them do not exceed; None of none."""
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else None


def median_ratio_hundredths(pairs: Sequence[tuple[int, int]]) -> int | None:
    """The median of numerator / denominator over pairs, in hundredths; None of none.

    Of an even number of pairs it is the mean of the two in the middle.
    """
    if not pairs:
        return None
    # Exact where floats are not: hours have 27 bits at most, so two different ratios differ by 2^-54.
    ordered = sorted(pairs, key=lambda pair: (pair[0] << 64) // pair[1])
    (a, b), (c, d) = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return half_up((a * d + c * b) * 100, 2 * b * d)
