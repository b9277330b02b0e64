"""How fast the index of events is filled: at once, unless so much is appended that filling would slow it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class IndexBounds:
    """How much of the log is indexed at a time, and how long one such batch may take.

    Where nothing is left to be done, the log is looked at again after `idle_s`. While the log grows by more
    than `busy_events_per_s`, batches are smaller and take `busy_share` of the time, with pauses of
    `busy_pause_max_s` at the most.
    """

    batch_blocks_max: int = 16
    work_memory: str = "64MB"
    batch_timeout_s: float = 60.0
    connect_timeout_s: float = 3.0
    idle_s: float = 1.0
    retry_s: float = 5.0
    busy_events_per_s: float = 200.0
    busy_blocks_max: int = 4
    busy_share: float = 0.05
    busy_pause_max_s: float = 10.0


class Batch(NamedTuple):
    """How many events were indexed, and where the log ended; None where somebody else is at it."""

    events: int
    head: int | None


class Pace:
    """Remembers where the log ended, to tell how fast it grows. Times are in seconds, of any steady clock."""

    def __init__(self, bounds: IndexBounds) -> None:
        self._bounds = bounds
        self._seen: tuple[int, float] | None = None
        self._is_busy = False

    @property
    def blocks_max(self) -> int:
        return self._bounds.busy_blocks_max if self._is_busy else self._bounds.batch_blocks_max

    def pause_s(self, batch: Batch, began_s: float, ended_s: float) -> float:
        """How long to wait after a batch."""
        self._look(batch.head, ended_s)
        if not batch.events:
            return self._bounds.idle_s
        if not self._is_busy:
            return 0.0
        share = self._bounds.busy_share
        return min((ended_s - began_s) * (1 - share) / share, self._bounds.busy_pause_max_s)

    def _look(self, head: int | None, now_s: float) -> None:
        before, self._seen = self._seen, None if head is None else (head, now_s)
        self._is_busy = False
        if head is not None and before is not None and now_s > before[1]:
            self._is_busy = (head - before[0]) / (now_s - before[1]) > self._bounds.busy_events_per_s
