"""Figures of the ledger as a whole, asked when they are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import Metric
from redis.exceptions import RedisError

from api.core import Core
from api.metrics.families import PREFIX, gauge
from api.standing import Standing, standing
from events.errors import StoreError
from projections.generations import FINGERPRINT
from readmodels.connecting import call, within
from readmodels.keys import Keys
from readmodels.model import NotReady

TIMEOUT_S: Final = 2.0
REDIS_TROUBLE: Final = (RedisError, OSError, TimeoutError)


async def ledger_families(core: Core) -> list[Metric]:
    """What PostgreSQL and Redis tell; `taskledger_up` names the one that does not answer."""
    stands = await _standing(core)
    position = await _position(core)
    found = [
        gauge(
            f"{PREFIX}up", "1 while a server that we need answers.", ("part",),
            {("database",): stands is not None, ("read_model",): position is not None},
        )
    ]  # fmt: skip
    if stands is not None:
        found += [*_of_folding(stands), *await _of_rebuild(core)]
        if position is not None:
            found += [*await _of_lag(core, stands, position)]
    return found


async def _standing(core: Core) -> Standing | None:
    try:
        return await within(TIMEOUT_S, standing(core.database))
    except (StoreError, TimeoutError):
        return None


async def _position(core: Core) -> int | None:
    try:
        return await within(TIMEOUT_S, core.model.position())
    except (NotReady, TimeoutError):
        return None


def _of_folding(stands: Standing) -> Iterator[Metric]:
    yield _one("log_head", "The position of the last event.", stands.head)
    yield _one("generation", "The read model that is in use, by its number.", stands.generation or 0)
    yield _one("projector_paused", "1 while an operator has paused folding.", stands.is_paused)
    yield _one("projector_held", "1 while a projector holds the lease.", stands.is_held)
    if stands.holder:
        process = ":".join(stands.holder.split(":")[:2])
        about = "The process that held the lease last: 1 while it does."
        yield gauge(f"{PREFIX}projector_is_holder", about, ("process",), {(process,): stands.is_held})
    yield _one("dead_letters", "Events that stop documents.", stands.dead_letters)
    yield _one("dead_letters_held_back", "Events that wait behind those.", stands.held_back)


async def _of_lag(core: Core, stands: Standing, position: int) -> list[Metric]:
    """None of it where one of the two went away meanwhile."""
    try:
        oldest = await core.database.row("oldest_unfolded", position=position)
        key = Keys(core.announcements.generation).parked
        parked = await within(TIMEOUT_S, call(core.redis, "SCARD", key))
    except (StoreError, *REDIS_TROUBLE):
        return []
    return [
        _one("read_model_position", "The last event that is folded.", position),
        _one("lag_events", "Events that are not folded yet.", max(0, stands.head - position)),
        _one("lag_seconds", "Since when the oldest of them waits.", max(0.0, oldest[0]) if oldest else 0),
        _one("parked_documents", "Documents that stand still.", parked),
    ]


async def _of_rebuild(core: Core) -> list[Metric]:
    try:
        row = await core.database.row("watch_rebuild", fingerprint=FINGERPRINT)
    except StoreError:
        return []
    generation, state, done, total, rate = row or (0, "none", 0, 0, 0.0)
    about = "1 for the state of the rebuild that is not finished, or none."
    return [
        gauge(f"{PREFIX}rebuild", about, ("state", "generation"), {(state, str(generation)): 1}),
        _one("rebuild_events_done", "Events that the rebuild has folded.", done),
        _one("rebuild_events_total", "Events that it has to fold.", total),
        _one("rebuild_events_per_second", "How many it folds a second.", rate),
    ]


def _one(name: str, about: str, value: float) -> Metric:
    return gauge(f"{PREFIX}{name}", about, (), {(): value})
