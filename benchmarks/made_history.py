"""A log as a company fills it: a made-up history of everything, recorded through the store.

Run as `python -m benchmarks.made_history DATABASE_URL EVENTS`, as a process that takes the history along
when it ends.
"""

from __future__ import annotations

import asyncio
import sys
from random import Random
from typing import Final

from events.store import Append, EventStore, open_store
from tests.histories import AT_WORK, history

MASTER_KEY: Final = bytes(32)
"""The key of every log that benchmarks make."""

COMMAND_EVENTS: Final = 100


def main() -> None:
    asyncio.run(filled(sys.argv[1], int(sys.argv[2])))


async def filled(database_url: str, count: int) -> None:
    async with open_store(database_url, MASTER_KEY) as store:
        await fill_log(store, count)


async def fill_log(store: EventStore, count: int) -> None:
    """Append the first `count` events of a history, always the same one, to an empty log."""
    records = history(Random(3), count, AT_WORK)
    for start in range(0, count, COMMAND_EVENTS):
        events = tuple((record.event, record.version) for record in records[start : start + COMMAND_EVENTS])
        await store.append(Append(f"command-{start}", events))


if __name__ == "__main__":
    main()
