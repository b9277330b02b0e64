"""What a projector counts, and telling the servers of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from prometheus_client.core import Metric
from redis.asyncio import Redis

from api.metrics.families import PREFIX, histogram
from api.metrics.process import LoopLag
from api.metrics.sharing import publish
from projections.counts import FoldCounts


@asynccontextmanager
async def telling(redis: Redis, counts: FoldCounts) -> AsyncIterator[None]:
    """A block in which a projector's figures are left for the servers, which show them."""
    lag = LoopLag()

    def families() -> Iterator[Metric]:
        yield from projector_families(counts)
        yield from lag.families()

    tasks = [asyncio.create_task(work) for work in (lag.run(), publish(redis, "projector", families))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def projector_families(counts: FoldCounts) -> Iterator[Metric]:
    """The sum of the sizes of batches is the number of events folded."""
    sizes = {(): counts.batch_events}
    yield histogram(f"{PREFIX}fold_batch_events", "Events that were folded in one step.", (), sizes)
    took = {(): counts.batch_seconds}
    yield histogram(f"{PREFIX}fold_batch_seconds", "How long folding a batch took.", (), took)
