"""What came of a trial: a line for each invariant, and a row of the table in docs/reliability.md."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant after one trial: it holds when nothing speaks against it.

    `checked` counts what was looked at.
    `lost` and `duplicated` count acknowledged operations, also where the schedule allows them to be lost.
    """

    invariant: str
    says: str
    checked: int
    against: tuple[str, ...] = ()
    lost: int = 0
    duplicated: int = 0

    @property
    def holds(self) -> bool:
        return not self.against


@dataclass(slots=True)
class Verdict:
    """One trial of a schedule: `seed` makes it again."""

    schedule: str
    seed: int
    operations: int = 0
    skipped: int = 0
    """Requests that clients should have sent, and did not, because too many were under way."""
    acknowledged: int = 0
    failed: int = 0
    unknown: int = 0
    """Operations whose first answer left it open; how many of them the key resolved is `resolved`."""
    resolved: int = 0
    lost: int = 0
    duplicated: int = 0
    recovered_after_s: float = 0.0
    """From the heal until writes and reads are answered again and the read model is level with the log."""
    findings: list[Finding] = field(default_factory=list)
    injected: list[tuple[float, str]] = field(default_factory=list)
    """What was broken when: seconds of the lab, words."""

    @property
    def holds(self) -> bool:
        return all(finding.holds for finding in self.findings)
