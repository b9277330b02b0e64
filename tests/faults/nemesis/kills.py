"""A database server that is killed and started again, at times that the dice choose."""

from __future__ import annotations

import asyncio

from tests.faults.caches import Caches
from tests.faults.databases import Cluster
from tests.faults.laboratory import Lab


async def kill_again_and_again(lab: Lab, server: Cluster | Caches, words: str, times: int) -> None:
    """`words` say what is done each time."""
    for _ in range(times):
        await asyncio.sleep(lab.chance.uniform(0.5, 2.0))
        lab.note(words)
        await server.kill()
        await asyncio.sleep(lab.chance.uniform(0.0, 1.0))
        await server.start()
