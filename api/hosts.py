"""The names that a server answers to; whoever asks it by another one was led here by somebody else."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from api.errors import Misdirected
from api.preflight import is_loopback
from api.requests import PROBES
from api.seldom import Seldom
from api.settings import Settings, variable

KNOWN_MAX: Final = 256
"""Spellings of hosts whose judgement is remembered: a server is called by a few of them."""

AUTHORITY_MAX: Final = 260
"""Characters of the longest name there can be, with a point at its end and a port: more is not remembered."""

SHOWN_MAX: Final = 100

_AUTHORITY: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::[0-9]{0,5})?", re.ASCII)


class Hosts:
    """`names` are hosts without ports; with `takes_addresses`, literal addresses are right as well.

    Loopback names are always right: they lead to whoever's own machine asks. A name that is pointed at this
    server by a stranger is what matters, and no stranger can give away an address as a name.
    """

    def __init__(self, names: Iterable[str], *, takes_addresses: bool) -> None:
        self._names = frozenset(filter(None, map(name_of, names)))
        self._takes_addresses = takes_addresses
        self._refused = Seldom("host_refused")
        self._judged = lru_cache(maxsize=KNOWN_MAX)(self._is_ours)

    def __contains__(self, authority: str) -> bool:
        """Whether a host as requests name it, in any case and with or without a port, is this server."""
        return self._judged(authority) if len(authority) <= AUTHORITY_MAX else self._is_ours(authority)

    def must_be_meant_by(self, request: web.Request) -> None:
        """Raises Misdirected for a request to somebody else.

        Probes come from whoever watches over processes and knows an address at best.
        """
        if request.path in PROBES:
            return
        called = request.headers.get(hdrs.HOST, "")
        target = request._message.url  # noqa: SLF001 - the only place where it is whole
        if called not in self or (target.absolute and target.raw_authority not in self):
            raise Misdirected

    def _is_ours(self, authority: str) -> bool:
        name = name_of(authority) or ""
        is_local = is_loopback(name) or name.endswith(".localhost")
        is_ours = is_local or name in self._names or (self._takes_addresses and _is_address(name))
        if not is_ours:
            self._refused.tell(host=authority[:SHOWN_MAX], setting=variable("hosts"))
        return is_ours


def hosts_of(settings: Settings) -> Hosts:
    """Those that are set, and the public address'; where neither is, whatever leads to this machine alone."""
    public = urlsplit(settings.public_url).hostname
    if settings.hosts or public:
        return Hosts([*settings.hosts, _bracketed(public or "")], takes_addresses=False)
    return Hosts([socket.gethostname()], takes_addresses=True)


def name_of(authority: str) -> str | None:
    """The host alone, in one spelling; None for what names none."""
    found = _AUTHORITY.fullmatch(authority.lower())
    if found is None:
        return None
    name = found[1].strip("[]").removesuffix(".")
    with suppress(ValueError):
        return str(ipaddress.ip_address(name))
    return name or None


def _is_address(name: str) -> bool:
    with suppress(ValueError):
        ipaddress.ip_address(name)
        return True
    return False


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name
