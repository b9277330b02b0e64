"""Who asks, as far as the request's cookie tells: found once for all that want to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from api.core import CORE, Core
from api.limits import principals
from api.limits.principals import Principal
from api.requests import client_address
from api.sessions import Session
from events.errors import StoreError


@dataclass(frozen=True, slots=True)
class Found:
    """A session, none, or why that cannot be known now."""

    session: Session | None = None
    failure: StoreError | None = None


FOUND: Final = web.RequestKey("found", Found)


async def session_of(request: web.Request) -> Session | None:
    """The live session of the request's cookie. Raises `events.errors.Unavailable`."""
    found = await _found(request)
    if found.failure:
        raise found.failure
    return found.session


async def principal_of(request: web.Request) -> Principal:
    """Who a request is counted for: its user, or the address of whoever is not known to be one."""
    found = await _found(request)
    if found.session:
        return principals.user(found.session.user_id)
    trusted = request.config_dict[CORE].settings.trusted_proxies
    return principals.address(client_address(request, trusted))


def token_of(request: web.Request) -> str | None:
    return request.cookies.get(cookie_name(request.config_dict[CORE])) or None


def cookie_name(core: Core) -> str:
    return "__Host-session" if core.settings.is_https else "session"


async def _found(request: web.Request) -> Found:
    if FOUND not in request:
        request[FOUND] = await _find(request)
    return request[FOUND]


async def _find(request: web.Request) -> Found:
    token = token_of(request)
    if token is None:
        return Found()
    try:
        return Found(await request.config_dict[CORE].sessions.find(token))
    except StoreError as error:
        return Found(failure=error)
