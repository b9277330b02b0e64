"""Who is counted: a user, or the address that a request came from."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Literal, NamedTuple

ADDRESSES_MAX: Final = 4096
IPV6_PREFIX_BITS: Final = 64
"""What one customer gets at the least: within it, everybody may pick addresses at will."""

NEIGHBOURHOOD_BITS: Final = {4: 24, 6: 48}
"""By version of IP: within that, a customer's address changes from day to day."""


class Principal(NamedTuple):
    kind: Literal["user", "address"]
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


def user(user_id: int) -> Principal:
    return Principal("user", str(user_id))


@lru_cache(ADDRESSES_MAX)
def address(text: str | None) -> Principal:
    """An IPv4 address counts as itself, an IPv6 address with its network of 64 bits."""
    try:
        parsed = ip_address(text or "")
    except ValueError:
        return Principal("address", "unknown")
    return Principal("address", str(_counted(parsed)))


def neighbourhood(text: str | None) -> str:
    """The wider network that an address is in; empty for what is no address."""
    try:
        parsed = ip_address(text or "")
    except ValueError:
        return ""
    plain = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(ip_network((int(plain), NEIGHBOURHOOD_BITS[plain.version]), strict=False))


def _counted(parsed: IPv4Address | IPv6Address) -> IPv4Address | IPv6Network:
    if isinstance(parsed, IPv4Address):
        return parsed
    return parsed.ipv4_mapped or IPv6Network((int(parsed), IPV6_PREFIX_BITS), strict=False)
