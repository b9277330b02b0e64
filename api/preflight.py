"""What is looked at before anything is started, so that a mistake is one clear line."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import re
import socket
from collections.abc import Mapping
from typing import Final

import psutil
import psycopg
from psycopg.conninfo import conninfo_to_dict

from api.exits import CannotRun

CONNECT_TIMEOUT_S: Final = 5
POSTGRES_MIN: Final = 150000
REDIS_MIN: Final = 7

# A reason is shown only when it is one of these: others might quote the password.
_REASONS: Final = re.compile(
    r"connection refused|timeout expired|could not translate host name|name or service not known"
    r"|password authentication failed|no password supplied|database \"[^\"]*\" does not exist"
    r"|role \"[^\"]*\" does not exist|no such file or directory|no pg_hba\.conf entry"
    r"|certificate verify failed|server does not support ssl|permission denied|network is unreachable"
    r"|too many clients|invalid username-password pair|must be called with the client already authenticated"
    r"|running in protected mode",
    re.IGNORECASE,
)
_CLEARER: Final = {
    "must be called with the client already authenticated": "it asks for a password",
    "running in protected mode": "it is in protected mode, and lets nobody in from elsewhere",
}


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def environment(host: str, environ: Mapping[str, str]) -> str:
    """`production` when the environment says so, or when others than this machine can reach us.

    Raises CannotRun for any other word.
    """
    named = environ.get("TASKLEDGER_ENV") or "development"
    if named not in ("development", "production"):
        raise CannotRun(f"TASKLEDGER_ENV is {named!r}; it takes development or production")
    return named if is_loopback(host) else "production"


def ports_are_free(host: str, ports: Mapping[str, int]) -> None:
    """Looks at ports, given by the options that choose them.

    Raises CannotRun naming the port, who has it, and what to do.
    """
    if len(set(ports.values())) < len(ports):
        raise CannotRun(f"{' and '.join(ports)} name the same port: each API needs one of its own")
    for option, port in ports.items():
        _port_is_free(host, port, option, other=max(ports.values()) + 1)


def _port_is_free(host: str, port: int, option: str, other: int) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror:
        raise CannotRun(f"{host} is no address of this machine; use --host 127.0.0.1") from None
    for family, kind, protocol, _, address in found:
        with contextlib.closing(socket.socket(family, kind, protocol)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
                probe.listen()
            except OSError as error:
                raise CannotRun(_bind_message(error, host, port, option, other)) from None


def named_servers(environ: Mapping[str, str]) -> None:
    """Raises CannotRun when a server that the environment names cannot be used."""
    if environ.get("DATABASE_URL"):
        database(environ["DATABASE_URL"])
    if environ.get("REDIS_URL"):
        read_models(environ["REDIS_URL"])


def database(url: str) -> None:
    """Raises CannotRun, without the password, when PostgreSQL cannot be reached or is too old."""
    where = _database_place(url)
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            version = connection.info.server_version
    except psycopg.Error as error:
        raise CannotRun(
            f"cannot connect to PostgreSQL at {where}: {_reason(error)};"
            " check that it runs there and that DATABASE_URL names the right host, user, password, database"
        ) from None
    if version < POSTGRES_MIN:
        raise CannotRun(f"PostgreSQL at {where} is version {version // 10000}; 15 or later is needed")


def read_models(url: str) -> None:
    """Raises CannotRun, without the password, when Redis or Valkey cannot be reached or is too old."""
    # Half of the time that the command line takes to start would be this import.
    import redis

    try:
        client = redis.Redis.from_url(
            url, socket_connect_timeout=CONNECT_TIMEOUT_S, socket_timeout=CONNECT_TIMEOUT_S
        )
    except ValueError:
        raise CannotRun("REDIS_URL cannot be read; it looks like redis://user:password@host:6379/0") from None
    options = client.connection_pool.connection_kwargs
    where = options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
    with contextlib.closing(client):
        try:
            version = str(client.info("server").get("redis_version", "0"))
        except redis.RedisError as error:
            raise CannotRun(
                f"cannot connect to Redis at {where}: {_reason(error)};"
                " check that it runs there and that REDIS_URL names the right host, user and password"
            ) from None
    if int(version.partition(".")[0]) < REDIS_MIN:
        raise CannotRun(f"Redis at {where} is version {version}; Redis 7 or Valkey 8 or later is needed")


def _reason(error: Exception) -> str:
    found = _REASONS.search(str(error))
    said = found.group().lower() if found else "the connection failed"
    return _CLEARER.get(said, said)


def _database_place(url: str) -> str:
    try:
        options = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise CannotRun(
            "DATABASE_URL cannot be read; it looks like postgresql://user:password@host:5432/taskledger"
        ) from None
    host, port = options.get("host") or "the local socket", options.get("port")
    return f"{host}:{port}" if port and str(port).isdigit() else str(host)


def _bind_message(error: OSError, host: str, port: int, option: str, other: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use{_by_whom(port)}; stop it, or choose another one with {option} {other}"
    if error.errno == errno.EACCES:
        return f"port {port} is reserved for root; choose one above 1023, as in {option} 5000"
    return f"{host} is no address of this machine; use --host 127.0.0.1"


def _by_whom(port: int) -> str:
    with contextlib.suppress(psutil.Error, OSError):
        for found in psutil.net_connections("inet"):
            if found.status == psutil.CONN_LISTEN and found.laddr[1:] == (port,) and found.pid:
                return f" by {psutil.Process(found.pid).name()} (process {found.pid})"
    return ""
