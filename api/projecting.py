"""Projecting until a signal says stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal

from api.settings import Settings
from events.store import open_store
from projections.runner import collect_garbage_rarely, run_projector
from readmodels.connecting import connect


async def projecting(settings: Settings) -> None:
    """Project until SIGINT or SIGTERM; a batch that is under way is not applied, which harms nothing."""
    collect_garbage_rarely()
    task = asyncio.ensure_future(_project(settings))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _project(settings: Settings) -> None:
    async with open_store(settings.database_url, settings.master_key) as store:
        redis = connect(settings.redis_url)
        try:
            await run_projector(store, redis, settings.database_url)
        finally:
            await redis.aclose()
