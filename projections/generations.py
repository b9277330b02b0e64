"""Generations: each version of the folding code has a read model of its own, with a number."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from psycopg import Rollback
from redis.asyncio import Redis

import readmodels
from events.connections import Connection, Connections
from projections.catalogue import STEPS
from projections.queries import query, rows
from projections.writer import unlink
from readmodels.keys import Keys

(
    FIND, CURRENT, FED, READY, OUTDATED, ABANDON, REMOVABLE, REMOVED, FEED, UNFEED, LEAVE, ENTER, LIVING,
) = (
    query(name)
    for name in (
        "generation_find", "generation_current", "generations_fed", "generation_ready",
        "generations_outdated", "generation_abandon", "generation_removable", "generation_removed",
        "generation_feed", "generation_unfeed", "generation_leave", "generation_enter", "generations_living",
    )
)  # fmt: skip
# Raised when what is written changes for a reason that is in none of the files below.
FORMAT: Final = "5"
# What reads, carries or watches documents, but has no say in what they are.
MACHINERY: Final = frozenset(
    {
        "announcements", "bulk", "bulk_memory", "bulk_messages", "bulk_notes", "bulk_plan", "bulk_reading",
        "bulk_sink", "bulk_team", "bulk_work", "bulk_worker", "comparing", "connecting", "counts",
        "dead_letters", "differences", "follower", "freshness", "generations", "kept", "lease", "live",
        "memory", "model", "moments", "moments_building", "noted", "pipe", "projector", "queries", "rebuild",
        "rebuilds", "redis", "rounding", "runner", "samples", "scripts", "snapshots", "told", "touched",
        "turns", "wire", "writer",
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


class Living(NamedTuple):
    """A generation that is not removed; `is_ours` when this code made it. Moments are texts.

    `state` is building or ready. `fed_until` says until when one that nobody reads is kept up; `is_fed`
    whether a projector should keep it up now.
    """

    generation: int
    is_ours: bool
    is_current: bool
    state: str
    is_fed: bool
    fed_until: str | None
    ready_at: str | None


class Fed(NamedTuple):
    """The generations that follow the log, by number, and whether an operator has paused that."""

    numbers: frozenset[int]
    current: int | None
    is_paused: bool


async def generation_of(connections: Connections, fingerprint: str = FINGERPRINT) -> int:
    """The generation that readers go to with this code; a new one the first time. Raises Unavailable."""
    for _ in range(FIND_ATTEMPTS_MAX):
        found = await rows(connections, FIND, fingerprint=fingerprint)
        if found:
            return int(found[0][0])
    raise AssertionError("a generation can be neither found nor made")


async def current_generation(connections: Connections, fingerprint: str = FINGERPRINT) -> int | None:
    """As `generation_of`, without making one. Raises Unavailable."""
    found = await rows(connections, CURRENT, fingerprint=fingerprint)
    return int(found[0][0]) if found else None


async def fed_generations(connections: Connections, fingerprint: str = FINGERPRINT) -> Fed:
    """What a projector of this code has to feed now. Raises Unavailable."""
    found = await rows(connections, FED, fingerprint=fingerprint)
    current = next((number for number, is_current, _ in found if is_current), None)
    return Fed(frozenset(number for number, *_ in found), current, any(is_paused for *_, is_paused in found))


async def living_generations(connections: Connections, fingerprint: str = FINGERPRINT) -> list[Living]:
    """All generations that there are, the latest first. Raises Unavailable."""
    return [Living(*row) for row in await rows(connections, LIVING, fingerprint=fingerprint)]


async def feed(connections: Connections, generation: int, for_s: float) -> None:
    """Have projectors feed a generation from now on, for `for_s` seconds. Raises Unavailable."""
    await rows(connections, FEED, generation=generation, for_s=for_s)


async def unfeed(connections: Connections, generation: int) -> None:
    """Have no projector feed a generation that nobody reads. Raises Unavailable."""
    await rows(connections, UNFEED, generation=generation)


async def switch(connections: Connections, from_: int, to: int, fed_for_s: float) -> bool:
    """Send readers from the one generation to the other; the one that they leave is fed for `fed_for_s`.

    False when readers are not at `from_`, or `to` is no more. Raises Unavailable.
    """

    async def work(connection: Connection) -> bool:
        with suppress(Rollback):
            async with connection.transaction():
                left = await connection.execute(LEAVE, {"generation": from_, "for_s": fed_for_s})
                entered = await connection.execute(ENTER, {"generation": to, "left": from_})
                if (left.rowcount, entered.rowcount) != (1, 1):
                    raise Rollback
                return True
        return False

    return await connections.read(work)


async def mark_ready(connections: Connections, redis: Redis, generation: int) -> list[int]:
    """Say that a generation is in use; those that nobody goes back to are removed, and returned.

    Nothing happens while readers go to another one.
    """
    await rows(connections, READY, generation=generation)
    return await tidy(connections, redis, generation)


async def tidy(connections: Connections, redis: Redis, generation: int) -> list[int]:
    """Remove the generations that nobody goes back to from the current one; their numbers."""
    outdated = [row[0] for row in await rows(connections, OUTDATED, generation=generation)]
    return [number for number in outdated if await _removed(connections, redis, number)]


async def _removed(connections: Connections, redis: Redis, outdated: int) -> bool:
    """False where somebody goes on with its rebuild just now."""
    is_abandoned = (await rows(connections, ABANDON, generation=outdated))[0][0]
    return is_abandoned and await remove(connections, redis, outdated)


async def remove(connections: Connections, redis: Redis, generation: int) -> bool:
    """Leave nothing of a generation; False when readers go to it, and nothing was done.

    Raises Unavailable, RedisError, OSError.
    """
    which = {"generation": generation, "fingerprint": FINGERPRINT}
    if not await rows(connections, REMOVABLE, **which):
        return False
    # First of all what says that it can be relied on: whoever dies on the way leaves nothing to be believed.
    await redis.delete(Keys(generation).checkpoint)
    await unlink(redis, Keys(generation).prefix)
    await rows(connections, REMOVED, **which)
    return True
