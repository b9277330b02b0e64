"""Generations: each version of the folding code has a read model of its own, with a number."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from redis.asyncio import Redis

import readmodels
from events.connections import Connections
from projections.catalogue import STEPS
from projections.queries import query, rows
from projections.writer import unlink
from readmodels.keys import Keys

FIND, READY, OUTDATED, REMOVED = (
    query(name)
    for name in ("generation_find", "generation_ready", "generations_outdated", "generation_removed")
)
# Raised when what is written changes for a reason that is in none of the files below.
FORMAT: Final = "4"
# What reads, carries or watches documents, but has no say in what they are.
MACHINERY: Final = frozenset(
    {
        "announcements", "connecting", "dead_letters", "follower", "generations", "lease", "live", "memory",
        "model", "pipe", "queries", "redis", "rounding", "runner", "scripts", "snapshots", "turns", "writer",
    }
)  # fmt: skip
FIND_ATTEMPTS_MAX: Final = 5


def sources() -> Iterator[Path]:
    """The files that decide what documents, indexes and summaries come out of the log."""
    for package in (Path(__file__).parent, Path(readmodels.__file__).parent):
        yield from sorted(path for path in package.glob("*.py") if path.stem not in MACHINERY)
    modules = {event_type.__module__ for event_type in STEPS}
    yield from sorted(Path(sys.modules[module].__file__ or "") for module in modules)


def fingerprint() -> str:
    digest = hashlib.sha256(FORMAT.encode())
    for path in sources():
        digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


FINGERPRINT: Final = fingerprint()


async def generation_of(connections: Connections, fingerprint: str = FINGERPRINT) -> int:
    """The number of the generation that fits this code; a new one the first time. Raises Unavailable."""
    for _ in range(FIND_ATTEMPTS_MAX):
        found = await rows(connections, FIND, fingerprint=fingerprint)
        if found:
            return int(found[0][0])
    raise AssertionError("a generation can be neither found nor made")


async def mark_ready(connections: Connections, redis: Redis, generation: int) -> list[int]:
    """Say that a generation is in use; remove those before the previous one, whose numbers are returned."""
    await rows(connections, READY, generation=generation)
    outdated = [row[0] for row in await rows(connections, OUTDATED, generation=generation)]
    for number in outdated:
        await unlink(redis, Keys(number).prefix)
        await rows(connections, REMOVED, generation=number)
    return outdated
