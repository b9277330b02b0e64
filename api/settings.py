"""Everything that can be set, read once from the environment; each name ends in its unit."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from api.limits.allowances import (
    DEFAULT_LIMITS,
    DEFAULT_SIGN_IN,
    DEFAULT_WINDOWS,
    RateLimits,
    SignInLimits,
    Windows,
    rate_limits,
    sign_in_limits,
    windows,
)
from api.origins import DEFAULT_ORIGINS, Origins, origins
from api.unsafe import unsafe

KEY_BYTES: Final = 32
PREFIX: Final = "TASKLEDGER_"
# Names that the whole world knows keep their own.
UNPREFIXED: Final = {"database_url", "redis_url"}

_HOST: Final = re.compile(r"\[[0-9a-f:.]+\]|[a-z0-9_.-]+", re.ASCII)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Networks(tuple[Network, ...]):
    """Networks that print as they are written in the environment."""

    __slots__ = ()

    def __str__(self) -> str:
        return ",".join(map(str, self))


LOOPBACK: Final = Networks((ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")))


class SettingsError(Exception):
    """A setting is missing or makes no sense: one line that names the variable and what it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`DATABASE_URL` and `REDIS_URL` name the servers; every other field is `TASKLEDGER_<FIELD>`.

    The master key protects personal data, claims, CSRF tokens: losing it loses the people. The JWT
    secret signs the tokens of TaskForge: losing it ends them, and who has it is whoever they like. It is
    empty where nothing is served.
    """

    database_url: str = dataclasses.field(repr=False)
    redis_url: str = dataclasses.field(repr=False)
    master_key: bytes = dataclasses.field(repr=False)
    jwt_secret: bytes = dataclasses.field(repr=False)
    env: str = "development"
    allow_unsafe: tuple[str, ...] = ()
    public_url: str = ""
    hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[Network, ...] = ()
    metrics_from: tuple[Network, ...] = LOOPBACK
    cors_origins: Origins = DEFAULT_ORIGINS
    log_format: str = "auto"
    log_level: str = "info"

    database_connections_max: int = 4
    database_timeout_s: float = 3.0
    append_timeout_s: float = 5.0
    redis_timeout_s: float = 1.0
    append_batch_max: int = 256
    append_queue_max: int = 2000
    state_cache_max: int = 10_000
    kept_answers_bytes_max: int = 32 * 1024 * 1024
    kept_answer_bytes_max: int = 256 * 1024
    kept_documents_bytes_max: int = 8 * 1024 * 1024

    requests_under_way_max: int = 1000
    loop_delay_max_s: float = 0.03
    write_delay_max_s: float = 0.5
    connections_max: int = 4000
    accept_queue_max: int = 1024
    request_deadline_s: float = 15.0
    caught_up_timeout_s: float = 2.0
    shutdown_timeout_s: float = 10.0
    silent_connection_s: float = 1.0
    idle_connection_s: float = 75.0
    lingering_s: float = 2.0
    header_bytes_max: int = 128 * 1024
    header_timeout_s: float = 10.0
    body_bytes_max: int = 256 * 1024
    body_timeout_s: float = 10.0
    json_depth_max: int = 32
    send_timeout_s: float = 120.0

    session_idle_s: int = 12 * 3600
    session_life_s: int = 7 * 24 * 3600
    session_cache_s: float = 1.0
    session_cache_max: int = 10_000
    session_touch_s: int = 60
    known_places_max: int = 20
    known_place_keep_s: int = 90 * 24 * 3600
    password_queue_max: int = 20
    jwt_access_s: int = 3600
    jwt_refresh_s: int = 30 * 24 * 3600
    registration: str = "on"

    idempotency_keep_s: int = 24 * 3600
    idempotency_wait_s: float = 5.0
    attempts_queue_max: int = 10_000
    attempts_batch_max: int = 500
    requests_keep_s: int = 90 * 24 * 3600
    history_events_max: int = 10_000
    purge_interval_s: float = 600.0
    purge_batch_max: int = 1000
    projector_lag_max_s: float = 5.0
    generation_fed_s: float = 3600.0

    rate_limits: RateLimits | None = DEFAULT_LIMITS
    taskforge_limits: Windows = DEFAULT_WINDOWS
    sign_in_limits: SignInLimits = DEFAULT_SIGN_IN
    limiter_retry_s: float = 1.0

    report_inline_bytes_max: int = 256 * 1024
    report_queue_max: int = 20
    report_timeout_s: float = 12.0
    report_send_timeout_s: float = 120.0

    moments_max: int = 4
    moment_keep_s: float = 900.0
    moment_wait_s: float = 5.0
    moment_build_timeout_s: float = 300.0
    moment_inline_events_max: int = 2000
    moment_base_events_max: int = 20_000
    moment_memory_percent_max: int = 85

    @property
    def is_production(self) -> bool:
        return self.env == "production"

    @property
    def is_registration_open(self) -> bool:
        """Whether strangers may make accounts of their own."""
        return self.registration == "on"

    @property
    def is_https(self) -> bool:
        """Whether people reach this server by https: cookies are `Secure` then."""
        return self.public_url.startswith("https://")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], **known: Any) -> Settings:
        """The settings that `environ` gives; `known` are values that the caller has already.

        Raises SettingsError.
        """
        values = {
            field.name: _read(field, environ[variable(field.name)])
            for field in dataclasses.fields(cls)
            if field.name not in known and environ.get(variable(field.name), "")
        } | known
        _require(cls, values)
        return cls(**values)


def variable(field: str) -> str:
    """The environment variable of a field."""
    return field.upper() if field in UNPREFIXED else PREFIX + field.upper()


def secret_key(text: str) -> bytes:
    """The 32 bytes that `text` gives in base64 or in hexadecimal digits. Raises ValueError."""
    for decode in (bytes.fromhex, _base64):
        try:
            key = decode(text)
        except ValueError:
            continue
        if len(key) == KEY_BYTES:
            return key
    raise ValueError("32 random bytes in base64 or hexadecimal digits")


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, altchars=b"-_" if set("-_") & set(text) else None, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error


def _choice(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"one of {', '.join(words)}")
        return text

    return read


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError("addresses or networks separated by commas, as in 10.0.0.0/8") from None


def _positive(number: type[int] | type[float]) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = number(text)
        except ValueError:
            value = 0
        if not 0 < value < float("inf"):
            raise ValueError("a positive number" if number is float else "a positive whole number")
        return value

    return read


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("the address that browsers use, as in https://tasks.example.com")
    return text.rstrip("/")


def _hosts(text: str) -> tuple[str, ...]:
    found = tuple(part.strip().lower() for part in text.split(",") if part.strip())
    if not found or not all(map(_HOST.fullmatch, found)):
        raise ValueError("host names or addresses separated by commas, as in tasks.example.com,10.0.0.5")
    return found


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "master_key": secret_key,
    "jwt_secret": secret_key,
    "registration": _choice("on", "off"),
    "env": _choice("development", "production"),
    "allow_unsafe": unsafe,
    "public_url": _url,
    "hosts": _hosts,
    "trusted_proxies": _networks,
    "metrics_from": _networks,
    "log_format": _choice("auto", "json", "console"),
    "rate_limits": rate_limits,
    "taskforge_limits": windows,
    "sign_in_limits": sign_in_limits,
    "cors_origins": origins,
    "log_level": _choice("debug", "info", "warning", "error"),
}
_READERS_BY_TYPE: Final[Mapping[str, Callable[[str], Any]]] = {
    "int": _positive(int),
    "float": _positive(float),
    "str": str,
}


def _read(field: dataclasses.Field[Any], text: str) -> Any:
    reader = _READERS.get(field.name) or _READERS_BY_TYPE[str(field.type)]
    try:
        return reader(text)
    except ValueError as error:
        raise SettingsError(f"{variable(field.name)} must be {error}") from None


def _require(cls: type[Settings], values: Mapping[str, Any]) -> None:
    for field in dataclasses.fields(cls):
        if field.default is dataclasses.MISSING and field.name not in values:
            raise SettingsError(f"{variable(field.name)} is not set")
