"""What is said of many times that were taken."""

from __future__ import annotations

from collections.abc import Sequence


def percentile(times: Sequence[float], percent: int) -> float:
    """The time that so many percent of them do not exceed; the times need not be in order."""
    ordered = sorted(times)
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]
