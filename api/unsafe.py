"""What production refuses unless somebody says by name that it shall be so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

UNSAFE: Final[Mapping[str, str]] = {
    "plain-http": "people reach this server without https, or the https:// address is not said",
    "plain-database": "what is said to PostgreSQL on another machine may be read on the way",
    "plain-redis": "what is said to Redis on another machine may be read on the way",
    "open-redis": "Redis on another machine asks for no password",
    "local-origins": "pages from people's own machines, or without https, may use the TaskForge API",
    "any-proxy": "most of the internet may say in whose name it asks",
    "public-metrics": "most of the internet may read `/metrics`",
    "no-rate-limits": "anybody may ask as often as they like",
    "ephemeral": "everything is thrown away at the end",
}
"""What each name allows."""


def unsafe(text: str) -> tuple[str, ...]:
    """The names in a text. Raises ValueError for one that there is not."""
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not set(found) <= UNSAFE.keys():
        raise ValueError(f"names separated by commas, out of {', '.join(UNSAFE)}")
    return found
