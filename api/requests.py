"""What every request gets, whatever it asks for: an id, a deadline, headers, and a line in the log."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import structlog
from aiohttp import HttpVersion11, hdrs, web
from aiohttp.typedefs import Middleware

from api.errors import TryLater
from api.settings import Network, Settings

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

REQUEST_ID: Final = web.RequestKey("request_id", str)
ID_HEADER: Final = "X-Request-Id"
USER_AGENT_MAX: Final = 400
PROBES: Final = ("/livez", "/readyz", "/metrics")

_OWN_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")

# What proxies and content networks add to a request, each in its own way.
_PASSED_ON = re.compile(
    r"forwarded|via|cdn-loop|cf-.+|x-(forwarded|original|real|envoy|azure|appengine|amzn|amz-cf)(-.+)?|x-varnish"
    r"|(x-|true-|fastly-|fly-|do-connecting-|x-cluster-|cluster-)*(client|remote|originating)-(ip|addr)",
    re.IGNORECASE,
)

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

SERVER: Final = "web"
"""Names no software."""

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-cache",
}

log = structlog.get_logger(__name__)


def new_request_id() -> str:
    return f"req_{secrets.token_hex(10)}"


@web.middleware
async def with_request_id(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Takes over a client's own `X-Request-Id` when it is of the documented shape."""
    given = request.headers.get(ID_HEADER, "")
    request[REQUEST_ID] = given if _OWN_ID.fullmatch(given) else new_request_id()
    structlog.contextvars.bind_contextvars(request_id=request[REQUEST_ID])
    started = time.perf_counter()
    response = await handler(request)
    # A probe asks every few seconds: only its failures are news.
    write = log.debug if request.path in PROBES and response.status < HTTPStatus.BAD_REQUEST else log.info
    write(
        "request",
        method=request.method,
        path=request.path,
        status=response.status,
        milliseconds=round((time.perf_counter() - started) * 1000, 1),
    )
    return response


def with_deadline(settings: Settings) -> Middleware:
    """A middleware that ends every request after `request_deadline_s`."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            async with asyncio.timeout(settings.request_deadline_s):
                return await handler(request)
        except TimeoutError:
            raise TryLater(
                f"This took longer than {settings.request_deadline_s:g} seconds. A write may have "
                "happened all the same: the same Idempotency-Key tells"
            ) from None

    return middleware


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """The headers of every answer, unless a handler has set its own."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers[hdrs.SERVER] = SERVER
    if REQUEST_ID in request:
        response.headers[ID_HEADER] = request[REQUEST_ID]


def client_address(request: web.Request, trusted: tuple[Network, ...]) -> str | None:
    """Who asks: the peer, or behind trusted proxies the last address that none of them is."""
    address = request.remote
    for entry in reversed(_forwarded(request)):
        if not is_within(address, trusted) or _parsed(entry) is None:
            break
        address = entry
    return address


def sure_address(request: web.Request, trusted: tuple[Network, ...]) -> str | None:
    """As `client_address`, but None where a stranger says that it asks for somebody else.

    A proxy that nobody has named is most often on this very machine: what it lets through does not
    come from here.
    """
    if _is_forwarded(request) and not is_within(request.remote, trusted):
        return None
    return client_address(request, trusted)


def user_agent(request: web.Request) -> str | None:
    """What the client calls itself, cut to a bound and without what a database could not hold."""
    given = request.headers.get(hdrs.USER_AGENT)
    return given and given.replace("\0", "").encode(errors="replace").decode()[:USER_AGENT_MAX]


def _forwarded(request: web.Request) -> list[str]:
    lines = request.headers.getall("X-Forwarded-For", [])
    return [entry.strip() for line in lines for entry in line.split(",") if entry.strip()]


def _is_forwarded(request: web.Request) -> bool:
    # Plain HTTP/1.0 is how the most common proxy asks when nobody tells it more; no scraper does.
    return request.version < HttpVersion11 or any(_PASSED_ON.fullmatch(name) for name in request.headers)


def is_within(address: str | None, networks: tuple[Network, ...]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in networks)


def _parsed(address: str | None) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address or "")
    except ValueError:
        return None
