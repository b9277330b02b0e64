"""Forgetting what nobody needs any more: ended sessions and tokens, old answers, old traces of requests."""

from __future__ import annotations

import asyncio

import structlog

from api.core import Core
from events.errors import StoreError
from readmodels.model import NotReady

log = structlog.get_logger(__name__)


async def purging(core: Core) -> None:
    """Forget every `purge_interval_s` until cancelled."""
    while True:
        await asyncio.sleep(core.settings.purge_interval_s)
        try:
            await purge(core)
        except StoreError as error:
            log.warning("nothing was purged", reason=str(error))


async def purge(core: Core) -> None:
    """Forget all that is due, in batches, so that no table is held up for long."""
    settings = core.settings
    await _in_batches(core, "purge_sessions", idle_s=settings.session_idle_s)
    await _in_batches(core, "purge_refresh_tokens")
    await _in_batches(core, "purge_places", keep_s=settings.known_place_keep_s)
    await _in_batches(core, "purge_answers", keep_s=settings.idempotency_keep_s)
    await _in_batches(core, "purge_requests", keep_s=settings.requests_keep_s)
    try:
        await core.positions.forget_until(await core.model.position())
    except NotReady as error:
        log.debug("positions are kept", reason=str(error))


async def _in_batches(core: Core, query: str, **values: int) -> None:
    batch_max = core.settings.purge_batch_max
    purged = batch_max
    while purged == batch_max:
        purged = await core.database.change(query, batch_max=batch_max, **values)
