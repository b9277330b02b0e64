"""How far the clock of another machine is from ours."""

from __future__ import annotations

from typing import Final

from api.operators.doctor.findings import Finding, fine, warning

SKEW_MAX_S: Final = 2.0


def clock(check: str, skew_s: float) -> Finding:
    """`skew_s`: by how much theirs is ahead, in seconds."""
    told = f"{abs(skew_s):.3f} s {'ahead of' if skew_s > 0 else 'behind'} this machine"
    if abs(skew_s) > SKEW_MAX_S:
        return warning(check, told, "let both machines follow one time server (NTP)")
    return fine(check, told)
