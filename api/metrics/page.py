"""`GET /metrics`: the figures of a ledger and of all its processes, as Prometheus reads them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

from aiohttp import web
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from api.core import CORE, Core
from api.metrics.families import PREFIX, gauge
from api.metrics.ledger import ledger_families
from api.metrics.server import server_families
from api.metrics.sharing import TROUBLE, Told, merged, others, own
from api.requests import is_within, sure_address

PATH: Final = "/metrics"
SERVER: Final = "server"


async def metrics(request: web.Request) -> web.Response:
    """For those whose address the settings name. Raises HTTPNotFound for all others."""
    core = request.config_dict[CORE]
    settings = core.settings
    if not is_within(sure_address(request, settings.trusted_proxies), settings.metrics_from):
        raise web.HTTPNotFound
    families = [*merged(await _tellers(core)), *await ledger_families(core)]
    body = await asyncio.to_thread(generate_latest, _Made(families))
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _tellers(core: Core) -> list[Told]:
    """This process as it is now, the others as they were moments ago; without Redis, this one alone."""
    tellers = [await own(SERVER, lambda: server_families(core))]
    with suppress(*TROUBLE):
        tellers += await others(core.redis, SERVER)
    about = "1 for each process that tells of itself; without Redis, for the one that answers."
    is_there = gauge(f"{PREFIX}process_up", about, (), {(): 1.0})
    return [told._replace(families=[*told.families, is_there]) for told in tellers]


class _Made(Collector):
    """Families that are there already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families
