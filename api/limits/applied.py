"""Putting limits on handlers, in whichever dialect they are."""

from __future__ import annotations

from aiohttp import web

from api.core import CORE
from api.limits import principals
from api.limits.operations import Operation
from api.limits.principals import Principal
from api.requests import Handler, client_address


def limited(operation: Operation, handler: Handler) -> Handler:
    """The handler under a limit of its own, unless the settings switch all limits off."""

    async def handle(request: web.Request) -> web.StreamResponse:
        limiter = request.app[CORE].limiter
        if limiter is None:
            return await handler(request)
        return await limiter.operations.limited(operation, handler)(request)

    return handle


async def by_address(request: web.Request) -> Principal:
    """Counts whoever asks by where they ask from, signed in or not."""
    core = request.app[CORE]
    return principals.address(client_address(request, core.settings.trusted_proxies))
