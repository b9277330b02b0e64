"""What the limiters of this process decided, counted for operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Literal

Decision = Literal["allowed", "limited", "unchecked"]


class Decisions:
    """How often each limiter let a request pass, refused one, or could not tell and let it pass."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Decision]] = Counter()

    def note(self, limiter: str, decision: Decision) -> None:
        self._counts[limiter, decision] += 1

    def counts(self) -> Mapping[tuple[str, Decision], int]:
        """Since this process began, by limiter (`quota`, `operation`, `sign_in`, `local`) and decision."""
        return dict(self._counts)
