"""What came of trials, for people: a line for each, tables at the end, rows for docs/reliability.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.faults.schedules import Schedule
from tests.faults.verdicts import Finding, Verdict

HEADINGS: Final = (
    "schedule",
    "seeds",
    "passed",
    "operations",
    "skipped",
    "acknowledged",
    "unknown",
    "resolved",
    "lost",
    "duplicated",
    "back after, s",
)
PASSED: Final = "PASS"
WIDTH_MIN: Final = 160
"""Where nobody's terminal says how wide a line may be."""

AGAINST_TOLD_MAX: Final = 5
"""Pieces of evidence that are printed for each invariant; all of them are in the JSON."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One trial: its verdict, or the one line that says why there is none."""

    schedule: Schedule
    seed: int
    seconds: float
    verdict: Verdict | None = None
    broke: str = ""
    """Why the trial did not come to its end: a failure."""
    untested: str = ""
    """What this machine lacks: neither a pass nor a failure."""

    @property
    def passed(self) -> bool:
        return self.verdict is not None and bool(self.verdict.findings) and self.verdict.holds

    @property
    def word(self) -> str:
        return "UNTESTED" if self.untested else PASSED if self.passed else "FAIL"


def line(tried: Tried) -> str:
    """A trial in one line; the seed makes it again."""
    begins = f"{tried.word} {tried.schedule.name} --seed {tried.seed} ({tried.seconds:.0f} s): "
    verdict = tried.verdict
    if verdict is None:
        return begins + (tried.untested or tried.broke)
    return begins + (
        f"{verdict.operations:,} operations, {verdict.skipped:,} skipped,"
        f" {verdict.acknowledged:,} acknowledged, {verdict.unknown:,} unknown, {verdict.resolved:,} resolved,"
        f" {verdict.lost} lost, {verdict.duplicated} duplicated, back after {verdict.recovered_after_s:.1f} s"
    )


def evidence(tried: Tried) -> list[str]:
    """What speaks against the ledger in this trial, some lines for each invariant."""
    told = []
    for finding in tried.verdict.findings if tried.verdict else ():
        told += [f"{finding.invariant} {finding.says}: {each}" for each in finding.against[:AGAINST_TOLD_MAX]]
        more = len(finding.against) - AGAINST_TOLD_MAX
        told += [f"{finding.invariant}: and {more:,} more"] if more > 0 else []
    return told


def print_tables(tried: Sequence[Tried]) -> None:
    """Invariants and schedules on standard output; nothing where nothing was tried."""
    if not tried:
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, WIDTH_MIN)
    console.print(_invariants(tried))
    table = Table(*HEADINGS)
    for cells in rows(tried):
        table.add_row(*cells)
    console.print(table)


def _invariants(tried: Iterable[Tried]) -> Table:
    table = Table("invariant", "says", "looked at", "holds")
    found: dict[str, list[Finding]] = {}
    for each in tried:
        for finding in each.verdict.findings if each.verdict else ():
            found.setdefault(finding.invariant, []).append(finding)
    for name, findings in found.items():
        failed = sum(not finding.holds for finding in findings)
        word = f"FAIL ({failed} of {len(findings)})" if failed else "PASS"
        looked_at = f"{sum(finding.checked for finding in findings):,}"
        table.add_row(name, findings[0].says, looked_at, word, style="red" if failed else "green")
    return table


def rows(tried: Iterable[Tried]) -> list[tuple[str, ...]]:
    """A row of HEADINGS for each schedule that was tried, and the sums in the last one."""
    by_name: dict[str, list[Tried]] = {}
    for each in tried:
        if not each.untested:
            by_name.setdefault(each.schedule.name, []).append(each)
    whole = [each for group in by_name.values() for each in group]
    return [*(_row(name, group) for name, group in by_name.items()), _row("all", whole)]


def _row(name: str, group: Sequence[Tried]) -> tuple[str, ...]:
    verdicts = [each.verdict for each in group if each.verdict]
    sums = [
        sum(getattr(verdict, field) for verdict in verdicts)
        for field in ("operations", "skipped", "acknowledged", "unknown", "resolved", "lost", "duplicated")
    ]
    return (
        name,
        spans(each.seed for each in group),
        f"{sum(each.passed for each in group)} of {len(group)}",
        *(f"{number:,}" for number in sums),
        _back_after(verdicts),
    )


def _back_after(verdicts: Sequence[Verdict]) -> str:
    took_s = [verdict.recovered_after_s for verdict in verdicts]
    return f"{median(took_s):.1f}, at most {max(took_s):.1f}" if took_s else ""


def spans(seeds: Iterable[int]) -> str:
    """Numbers in short, as in `1-10, 12`."""
    ordered = sorted(set(seeds))
    firsts = [seed for seed in ordered if seed - 1 not in ordered]
    lasts = [seed for seed in ordered if seed + 1 not in ordered]
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in zip(firsts, lasts, strict=True))


def markdown(tried: Sequence[Tried]) -> str:
    """The table of schedules as Markdown, ending with a newline; what could not be tried is told below."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *rows(tried)]
    told = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    lacking = {each.schedule.name: each.untested for each in tried if each.untested}
    return told + "".join(f"\nNot tried: `{name}`, {why}.\n" for name, why in lacking.items())
