"""A projector as a process of its own, to be frozen or killed: `python -m tests.projector DATABASE REDIS`."""

from __future__ import annotations

import asyncio
import sys

from events.store import open_store
from projections.follower import RunnerSettings
from projections.projector import run_projector
from readmodels.connecting import connect
from tests.projecting import MASTER_KEY

# Small enough for being killed between two of them.
SMALL = RunnerSettings(filling_batch_events_max=100)


async def main(database_url: str, redis_url: str) -> None:
    async with open_store(database_url, MASTER_KEY) as store:
        await run_projector(store, connect(redis_url), database_url, SMALL)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
