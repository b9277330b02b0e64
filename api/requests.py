"""What a request is known by: its id, where it comes from, and what its client calls itself."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Mapping
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import count
from typing import Final, NamedTuple

from aiohttp import HttpVersion11, hdrs, web

from api.seldom import Seldom
from api.settings import Network, Settings, variable

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

REQUEST_ID: Final = web.RequestKey("request_id", str)
ID_HEADER: Final = "X-Request-Id"
ID_DIGITS: Final = 20
FORWARDED_FOR: Final = "X-Forwarded-For"
USER_AGENT_MAX: Final = 400
PROBES: Final = ("/livez", "/readyz")
ROUTINE: Final = (*PROBES, "/metrics")
"""What programs ask for every few seconds."""

SHOWN_MAX: Final = 100

_OWN_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")

_WITH_PORT = re.compile(r"(?:\[(?P<inner>[^\]]+)\]|(?P<plain>[0-9.]+))(?::[0-9]{1,5})?", re.ASCII)

# What proxies and content networks add to a request, each in its own way.
_PASSED_ON = re.compile(
    r"forwarded|via|cdn-loop|cf-.+|x-(forwarded|original|real|envoy|azure|appengine|amzn|amz-cf)(-.+)?|x-varnish"
    r"|(x-|true-|fastly-|fly-|do-connecting-|x-cluster-|cluster-)*(client|remote|originating)-(ip|addr)",
    re.IGNORECASE,
)

_secret: Final = os.urandom(32)
_numbers: Final = count()

_not_believed: Final = Seldom("forwarded_header_ignored")
_not_read: Final = Seldom("forwarded_entry_unreadable")

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

STRICT_TRANSPORT: Final = "max-age=31536000"
"""Browsers that came by https once use nothing else for a year; hosts below this one are not ours."""

SERVER: Final = "web"
"""Names no software."""

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-cache",
}


def headers_of(settings: Settings) -> Mapping[str, str]:
    """The headers of every answer, unless a handler has set its own."""
    strict = {"Strict-Transport-Security": STRICT_TRANSPORT} if settings.is_https else {}
    return HEADERS | strict


class Client(NamedTuple):
    """Where a request comes from, and what its client calls itself; None where that is not known."""

    address: str | None
    user_agent: str | None


def request_id_of(request: web.Request) -> str:
    """The client's own `X-Request-Id` when it is of the documented shape, else a new one."""
    given = request.headers.get(ID_HEADER)
    return given if given and _OWN_ID.fullmatch(given) else new_request_id()


def new_request_id() -> str:
    """Nobody can guess any. Whatever the system lacks, an answer has its id: it is asked for nothing.

    A keyed hash of a number (BLAKE2b, RFC 7693).
    """
    number = next(_numbers).to_bytes(8, "big")
    return f"req_{blake2b(number, key=_secret, digest_size=ID_DIGITS // 2).hexdigest()}"


def client_address(request: web.Request, trusted: tuple[Network, ...]) -> str | None:
    """Who asks: the peer, or behind trusted proxies the last address that none of them is."""
    address = request.remote
    if FORWARDED_FOR not in request.headers:
        return address
    if not is_within(address, trusted):
        _not_believed.tell(peer=address, setting=variable("trusted_proxies"))
        return address
    for entry in reversed(_forwarded(request)):
        stated = stated_address(entry)
        if stated is None:
            _not_read.tell(entry=entry[:SHOWN_MAX], proxy=address)
            break
        address = stated
        if not is_within(address, trusted):
            break
    return address


def stated_address(entry: str) -> str | None:
    """The address in an entry of `X-Forwarded-For`, to which some proxies add a port or brackets."""
    if _parsed(entry):
        return entry
    found = _WITH_PORT.fullmatch(entry)
    address = found and (found["inner"] or found["plain"])
    return address if _parsed(address) else None


def client_of(request: web.Request, trusted: tuple[Network, ...]) -> Client:
    return Client(client_address(request, trusted), user_agent(request))


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
    lines = request.headers.getall(FORWARDED_FOR, [])
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
