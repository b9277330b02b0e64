"""Rebuilds as operators ask for them and follow them: one row each, beside the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from psycopg.types.json import Jsonb

from events.connections import Connections
from projections.generations import FINGERPRINT
from projections.holding import Held
from projections.lease import Lease
from projections.queries import query, rows

GENERATION, BEGIN, UNFINISHED, LATEST, RESUME, RUN, PROGRESS, FINISH, CANCEL, RATE = (
    query(name)
    for name in (
        "generation_begin", "rebuild_begin", "rebuild_unfinished", "rebuild_latest", "rebuild_resume",
        "rebuild_run", "rebuild_progress", "rebuild_finish", "rebuild_cancel", "rebuild_rate",
    )
)  # fmt: skip


TO_BE_TAKEN_UP: Final = frozenset({"requested", "running"})
"""States in which the projector works on a rebuild that was given to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be done: a rebuild or a verification, where (command, projector), and when to switch
    (equal, always, never).
    """

    purpose: str
    runs_in: str
    switch_if: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """A generation that is folded beside the live one; moments are texts as PostgreSQL's JSON has them.

    `state` is requested, running, stopped or kept, which can be gone on with, or done, cancelled, failed:
    then `error` names what would come again. `asked_by` and `reason` are of whoever asked last.
    `done` of `total` events are folded. `report` is that of `projections.differences`.
    """

    id: int
    generation: int
    purpose: str
    runs_in: str
    switch_if: str
    state: str
    phase: str
    done: int
    total: int
    events_per_s: float | None
    asked_by: int | None
    reason: str
    is_cancelled: bool
    report: Mapping[str, Any] | None
    error: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None


@dataclass(slots=True)
class Progress:
    """How far a rebuild is: `phase` is folding, comparing, or switching."""

    phase: str = "folding"
    done: int = 0
    total: int = 0
    events_per_s: float | None = None


async def new_generation(connections: Connections) -> int:
    """The number of a generation that nobody reads yet. Raises Unavailable."""
    return int((await rows(connections, GENERATION, fingerprint=FINGERPRINT))[0][0])


async def begin(
    connections: Connections, wish: Wish, generation: int, asked_by: int | None, reason: str
) -> Rebuild | None:
    """Ask for a rebuild; None while another one is not finished. Raises Unavailable."""
    return await _one(
        connections, BEGIN, fingerprint=FINGERPRINT, generation=generation, asked_by=asked_by, reason=reason,
        **_words(wish),
    )  # fmt: skip


async def unfinished(connections: Connections) -> Rebuild | None:
    return await _one(connections, UNFINISHED, fingerprint=FINGERPRINT)


async def latest(connections: Connections) -> Rebuild | None:
    return await _one(connections, LATEST, fingerprint=FINGERPRINT)


async def resume(
    connections: Connections, rebuild: Rebuild, wish: Wish, asked_by: int | None, reason: str
) -> Rebuild | None:
    """Ask for an unfinished rebuild to be gone on with; None when it was cancelled or finished.

    From then on it is that of whoever asked last. Raises Unavailable.
    """
    return await _one(connections, RESUME, id=rebuild.id, asked_by=asked_by, reason=reason, **_words(wish))


async def run(connections: Connections, rebuild: Rebuild, turn: Lease) -> Rebuild | None:
    """Say that it is worked on; None when there is nothing to be done any more, or others have the turn."""
    return await _one(connections, RUN, id=rebuild.id, **_fence(turn))


async def tell(connections: Connections, rebuild: Rebuild, turn: Lease, progress: Progress) -> bool:
    """Tell how far it is; whether it shall stop. Raises Held, Unavailable."""
    found = await rows(
        connections, PROGRESS, id=rebuild.id, phase=progress.phase, done=progress.done, total=progress.total,
        events_per_s=progress.events_per_s, **_fence(turn),
    )  # fmt: skip
    if not found:
        raise Held(f"rebuild {rebuild.id} is no longer in these hands")
    return bool(found[0][0])


async def finish(
    connections: Connections,
    rebuild: Rebuild,
    turn: Lease,
    state: str,
    *,
    report: Mapping[str, Any] | None = None,
    error: str | None = None,
) -> Rebuild:
    """Say what became of it. Raises Held, Unavailable."""
    told = None if report is None else Jsonb(report)
    found = await _one(
        connections, FINISH, id=rebuild.id, state=state, report=told, error=error, **_fence(turn)
    )
    if found is None:
        raise Held(f"rebuild {rebuild.id} is no longer in these hands")
    return found


async def cancel(connections: Connections, rebuild: Rebuild) -> Rebuild | None:
    """Have whoever works on it stop; None when it is over already. Raises Unavailable."""
    return await _one(connections, CANCEL, id=rebuild.id)


async def last_rate(connections: Connections) -> float | None:
    """How many events a second the last rebuild with enough of them folded; None before the first."""
    found = await rows(connections, RATE)
    return found[0][0] if found else None


def _fence(turn: Lease) -> dict[str, Any]:
    """Who was frozen and has lost the turn must not write over what others have made of the rebuild."""
    return {"turn": turn.name, "epoch": turn.epoch}


def _words(wish: Wish) -> dict[str, str]:
    return {"purpose": wish.purpose, "runs_in": wish.runs_in, "switch_if": wish.switch_if}


NAMES: Final = frozenset(each.name for each in fields(Rebuild))


async def _one(connections: Connections, sql: bytes, **arguments: Any) -> Rebuild | None:
    found = await rows(connections, sql, **arguments)
    if not found:
        return None
    return Rebuild(**{name: value for name, value in found[0][0].items() if name in NAMES})
