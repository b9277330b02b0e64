"""Who asks, as far as the request's cookie tells: found once for all that want to know."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from aiohttp import hdrs, web

from api.core import CORE, Core
from api.limits import principals
from api.limits.principals import Principal
from api.requests import client_address
from api.sessions import Session
from events.errors import StoreError


class Found(NamedTuple):
    """A session, none, or why that cannot be known now."""

    session: Session | None = None
    failure: StoreError | None = None


FOUND: Final[web.RequestKey[Found | None]] = web.RequestKey("found")
"""None before anybody has looked."""


# Cookies as ours is, with nothing quoted and nothing that a parser would have to think about.
_PLAIN = re.compile(r"[\w-]+=[\w.~-]*(; [\w-]+=[\w.~-]*)*", re.ASCII)


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
    trusted = request.app[CORE].settings.trusted_proxies
    return principals.address(client_address(request, trusted))


def token_of(request: web.Request) -> str | None:
    header = request.headers.get(hdrs.COOKIE)
    if header is None:
        return None
    cookies = plain_cookies(header) if _PLAIN.fullmatch(header) else request.cookies
    return cookies.get(cookie_name(request.app[CORE])) or None


def plain_cookies(header: str) -> dict[str, str]:
    """What aiohttp finds in a header that `_PLAIN` fits, in a twentieth of the time."""
    return {name: value for name, _, value in (pair.partition("=") for pair in header.split("; "))}


def cookie_name(core: Core) -> str:
    return "__Host-session" if core.settings.is_https else "session"


async def _found(request: web.Request) -> Found:
    found = request[FOUND]
    if found is None:
        found = request[FOUND] = await _find(request)
    return found


async def _find(request: web.Request) -> Found:
    token = token_of(request)
    if token is None:
        return Found()
    try:
        return Found(await request.app[CORE].sessions.find(token))
    except StoreError as error:
        return Found(failure=error)
