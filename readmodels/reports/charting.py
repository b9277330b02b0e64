"""Charts that fit on a page: the largest bars of many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from readmodels.reports.report import Bar, Chart, Unit

LARGEST_MAX: Final = 12


def largest(
    title: str,
    unit: Unit,
    series: tuple[str, ...],
    bars: Sequence[Bar],
    size: Callable[[tuple[int, ...]], int] = max,
) -> Chart:
    """A chart of the largest bars, by the largest of their values or what `size` makes of them.

    Equal ones stay in their order; bars without any value are left out.
    """
    tall = [bar for bar in bars if any(bar.values)]
    shown = sorted(tall, key=lambda bar: -size(bar.values))[:LARGEST_MAX]
    note = f"The {len(shown)} largest of {len(bars)}" if len(shown) < len(tall) else ""
    return Chart(title, unit, series, shown, note)
