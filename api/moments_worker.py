"""The process that builds a long moment: it reads one order from its standard input, and ends with it."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import sys
import threading
from dataclasses import dataclass

from api.logs import logging_to
from events.store import open_store
from projections.bulk_messages import Sources
from projections.moments_building import Job, build
from readmodels.connecting import connect

BATCH_EVENTS_MAX = 5_000
REDIS_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Order:
    """A job, where its log and its read models are, and how to say what goes wrong."""

    job: Job
    sources: Sources
    log_format: str
    log_level: str


async def carry_out(order: Order) -> None:
    sources = order.sources
    redis = connect(sources.redis_url, timeout_s=REDIS_TIMEOUT_S)
    try:
        async with open_store(sources.database_url, sources.master_key) as store:
            await build(store, redis, order.job, BATCH_EVENTS_MAX, sources=sources)
    finally:
        await redis.aclose()


def main() -> None:
    # Ctrl-C reaches every process of a terminal: the server decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    order: Order = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own server, by a pipe of its own
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    with logging_to(order.log_format, order.log_level):
        asyncio.run(carry_out(order))


def _end_with_the_server() -> None:
    # Past the buffer, whose lock the interpreter wants for itself when it ends.
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


if __name__ == "__main__":
    main()
