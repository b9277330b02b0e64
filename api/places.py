"""Where the servers are that addresses name, and whether what is said to them can be read on the way."""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import parse_qs, urlsplit

from psycopg.conninfo import conninfo_to_dict

from api.preflight import is_loopback

TLS_DEMANDED: Final = frozenset({"require", "verify-ca", "verify-full"})


def is_database_here(url: str) -> bool:
    """Whether PostgreSQL is asked by a socket, or at a loopback address."""
    options = conninfo_to_dict(url)
    named = str(options.get("hostaddr") or options.get("host") or os.environ.get("PGHOST") or "")
    return all(not host or host.startswith(("/", "@")) or is_loopback(host) for host in named.split(","))


def is_database_encrypted(url: str) -> bool:
    """Whether there is no connection at all where it cannot be encrypted."""
    options = conninfo_to_dict(url)
    return (options.get("sslmode") or os.environ.get("PGSSLMODE")) in TLS_DEMANDED


def is_redis_here(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "unix" or is_loopback(parts.hostname or "localhost")


def is_redis_encrypted(url: str) -> bool:
    return urlsplit(url).scheme == "rediss"


def has_redis_password(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.password or parse_qs(parts.query).get("password"))
