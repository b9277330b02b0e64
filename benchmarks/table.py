"""Figures as people read them: a table for the terminal, and the same one for a document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Column, Table

from benchmarks.figures import Row, Target
from benchmarks.run import Measured

HEADINGS: Final = ("figure", "ours", "baseline", "ratio", "target", "holds", "of this run")
HOLDS: Final = HEADINGS.index("holds")
WIDTH_MIN: Final = 160
"""Where nobody's terminal says how wide a line may be."""


def print_table(found: Sequence[Measured]) -> None:
    """On standard output; nothing where there is nothing to tell."""
    lines = [*_lines(found)]
    if not lines:
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, WIDTH_MIN)
    table = Table(*(Column(heading, overflow="fold") for heading in HEADINGS))
    for cells in lines:
        table.add_row(*cells, style="red" if cells[HOLDS] in ("NO", "failed") else None)
    console.print(table)


def markdown(found: Sequence[Measured]) -> str:
    """The table as Markdown, which ends with a newline."""
    lines = (HEADINGS, ("---",) * len(HEADINGS), *_lines(found))
    return "".join(f"| {' | '.join(_escaped(cell) for cell in cells)} |\n" for cells in lines)


def _lines(found: Sequence[Measured]) -> Iterator[tuple[str, ...]]:
    for each in found:
        if each.failed:
            yield each.figure.title, "", "", "", "", "failed", each.failed
        for row in each.rows:
            yield _cells(row)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.what,
        _amount(median(row.ours), row.unit),
        f"{_amount(median(row.base), row.unit)} {row.base_what}" if row.base else "",
        f"{row.measured:.3g}" if row.base else "",
        _target(row.target, row.unit if not row.base else ""),
        {True: "yes", False: "NO", None: ""}[row.holds],
        row.note,
    )


def _amount(value: float, unit: str) -> str:
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()


def _target(target: Target | None, unit: str) -> str:
    if target is None:
        return ""
    return f"{'≥' if target.is_at_least else '≤'} {target.value:,.10g} {unit}".rstrip()


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")
