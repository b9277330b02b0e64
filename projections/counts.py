"""What a projector counts of its work."""

from __future__ import annotations

from dataclasses import dataclass, field

from events.measures import SECONDS, SIZES, Histogram


@dataclass(frozen=True, slots=True)
class FoldCounts:
    """Batches since the process began, whichever generation they went into: their events and seconds."""

    batch_events: Histogram = field(default_factory=lambda: Histogram(SIZES))
    batch_seconds: Histogram = field(default_factory=lambda: Histogram(SECONDS))

    def note(self, events: int, seconds: float) -> None:
        self.batch_events.observe(events)
        self.batch_seconds.observe(seconds)
