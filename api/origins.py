"""Whose pages browsers may let read our answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MEANING: Final = "origins separated by commas, as in https://tasks.example.com,http://localhost:3000"

_ORIGIN: Final = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Origins:
    """Each is `scheme://host` or `scheme://host:port`, as browsers send it."""

    allowed: tuple[str, ...]

    def __contains__(self, origin: object) -> bool:
        return origin in self.allowed

    def __str__(self) -> str:
        return ",".join(self.allowed)


def origins(text: str) -> Origins:
    """The origins that a text names. Raises ValueError, also for `*`: credentials are for known pages."""
    found = tuple(part.strip().lower() for part in text.split(",") if part.strip())
    if not found or not all(map(_ORIGIN.fullmatch, found)):
        raise ValueError(MEANING)
    return Origins(found)


DEFAULT_ORIGINS: Final = origins("http://localhost:3000,http://localhost:5173")
