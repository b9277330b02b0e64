"""Events that operators discarded: every fold leaves them out, at their own place in the log.

A discard is itself an event, in the stream `operations` and later than the event that it is about. So
whoever folds from the beginning reads that stream first, and gives the positions to `folding`; whoever
follows the log folds the documents concerned again when the discard itself comes by (`projections.repairs`).
Both come to the same. A fold that ends at a position knows of the discards up to there, of no later ones.
"""

from __future__ import annotations

from typing import Final

from events.operations import EventDiscarded, discarded_in
from events.store import EventStore

STREAM: Final = EventDiscarded.STREAM


async def discarded(store: EventStore, end: int) -> frozenset[int]:
    """The positions of events that were discarded at position `end` or before it. Raises Unavailable."""
    records = await store.histories([STREAM])
    return frozenset(position for at, position in discarded_in(records) if at <= end)
