"""What production refuses to start with: each thing with its reason and its remedy, all of them at once."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final

from api.bootstrap import TOO_EASY, is_weak
from api.environ import ADMIN_PASSWORD
from api.origins import Origins
from api.places import (
    has_redis_password,
    is_database_encrypted,
    is_database_here,
    is_redis_encrypted,
    is_redis_here,
)
from api.settings import Network, Settings, variable

ALLOW: Final = variable("allow_unsafe")
DISTINCT_BYTES_MIN: Final = 16
"""Of 32 random bytes, 30 are distinct as a rule; fewer than 16 are in one of 10^14."""

NETWORK_BITS_MIN: Final = {4: 8, 6: 16}
"""Shorter prefixes are a good part of the internet."""


def objections(
    settings: Settings, environ: Mapping[str, str], *, serves: bool, is_ephemeral: bool = False
) -> Iterator[str]:
    """A line for each thing that is not safe; `serves` when people reach what is started."""
    yield from _secrets(settings)
    if environ.get(ADMIN_PASSWORD) and is_weak(environ[ADMIN_PASSWORD]):
        yield TOO_EASY
    unsafe = [*_connections(settings), *(_service(settings) if serves else ())]
    if is_ephemeral:
        unsafe.append(("ephemeral", "--ephemeral throws everything away at the end: leave it out"))
    for name, line in unsafe:
        if name not in settings.allow_unsafe:
            yield f"{line}; or, where it has to be so, put {name} into {ALLOW}"


def readable_by_others(file: Path) -> Iterator[str]:
    """A line where a secret that is kept in a file is not its owner's alone."""
    if file.exists() and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield f"{file} may be read by others than its owner: chmod 600 {file}"


def _secrets(settings: Settings) -> Iterator[str]:
    for name, secret in (("master_key", settings.master_key), ("jwt_secret", settings.jwt_secret)):
        if secret and is_guessable(secret):
            yield f"{variable(name)} is not random: make another one with: openssl rand -hex 32"
    if settings.master_key and settings.master_key == settings.jwt_secret:
        yield (
            f"{variable('jwt_secret')} is {variable('master_key')}: who has the one must not have the other;"
            " make another one with: openssl rand -hex 32"
        )


def is_guessable(secret: bytes) -> bool:
    """Whether 32 bytes are a text, a row of numbers or a pattern: anything that somebody has thought of."""
    steps = {(after - before) % 256 for before, after in pairwise(secret)}
    is_text = all(32 <= byte < 127 for byte in secret)
    return len(set(secret)) < DISTINCT_BYTES_MIN or len(steps) == 1 or is_text


def _connections(settings: Settings) -> Iterator[tuple[str, str]]:
    """What is unsafe about servers on other machines, by the name that allows it."""
    database, redis = settings.database_url, settings.redis_url
    if not is_database_here(database) and not is_database_encrypted(database):
        line = "DATABASE_URL leads to another machine and demands no encryption: add ?sslmode=verify-full"
        yield "plain-database", line
    if not is_redis_here(redis) and not is_redis_encrypted(redis):
        yield "plain-redis", "REDIS_URL leads to another machine without encryption: use rediss://"
    if not is_redis_here(redis) and not has_redis_password(redis):
        line = (
            "REDIS_URL leads to another machine without a password, which everybody near it can use: set one"
        )
        yield "open-redis", line


def _service(settings: Settings) -> Iterator[tuple[str, str]]:
    """What is unsafe about whoever comes from outside, by the name that allows it."""
    if not settings.is_https:
        line = "is not the https:// address by which people come: passwords may be read on the way"
        yield "plain-http", f"{variable('public_url')} {line}"
    if any(map(_is_local, settings.cors_origins.allowed)):
        line = "lets pages in that are not from an https:// address: leave them out"
        yield "local-origins", f"{variable('cors_origins')} {line}"
    if any(map(_is_wide, settings.trusted_proxies)):
        line = "believes most of the internet, so that nobody's address is known: name your proxies alone"
        yield "any-proxy", f"{variable('trusted_proxies')} {line}"
    if any(map(_is_wide, settings.metrics_from)):
        line = "shows the metrics to most of the internet: name your own networks alone"
        yield "public-metrics", f"{variable('metrics_from')} {line}"
    if settings.rate_limits is None:
        line = "is off, so that passwords may be tried without end: unset it"
        yield "no-rate-limits", f"{variable('rate_limits')} {line}"


def _is_local(origin: str) -> bool:
    return not origin.startswith("https://") or origin.startswith(("https://localhost", "https://127."))


def _is_wide(network: Network) -> bool:
    return network.prefixlen < NETWORK_BITS_MIN[network.version]


NO_ORIGINS: Final = Origins(())
"""Development's own origins mean nothing in production: nobody is let in unless somebody is named."""
