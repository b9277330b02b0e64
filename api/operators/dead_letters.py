"""Dead letters as operators see them, and what to do about them: have events folded again, or discard them.

All of it is about the generation that readers go to.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from api.operators.bounds import NUMBER_MAX
from api.operators.instruments import Instruments
from commands.errors import Conflict, NotFound
from commands.operations import RETRIED_AT_ONCE_MAX, DiscardEvent, RetryDeadLetters
from events.log import Stored
from projections.generations import generation_of

GROUPS_MAX: Final = 100
DOCUMENTS_SHOWN_MAX: Final = 20
OUTCOME_CHECK_S: Final = 0.05


class Choice(NamedTuple):
    """Which events: those at `positions`, those of a `group`, or, with neither, all that stop anything."""

    positions: tuple[int, ...] = ()
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Operated:
    """What came of an operation by now: the positions of the events that are settled, that failed again,
    and that the projector has not come to yet; `operations` are where it stands in the log.
    """

    operations: tuple[int, ...]
    settled: tuple[int, ...]
    failed_again: tuple[int, ...]
    pending: tuple[int, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "operations": list(self.operations),
            "settled": list(self.settled),
            "failed_again": list(self.failed_again),
            "pending": list(self.pending),
        }


async def groups(tools: Instruments, group: str | None = None) -> list[dict[str, Any]]:
    """Events that stop documents, grouped by what went wrong, GROUPS_MAX groups at most; or one group.

    Raises NotFound for a group that there is none of, Unavailable.
    """
    generation = await generation_of(tools.connections)
    rows = await tools.database.rows(
        "dead_letter_groups", generation=generation, cause=group, limit=GROUPS_MAX
    )
    if group is not None and not rows:
        raise NotFound("group")
    return [await _group(tools, generation, row) for row in rows]


async def _group(tools: Instruments, generation: int, row: Sequence[Any]) -> dict[str, Any]:
    cause, topic, error, events, first_position, first_at, last_position, last_at, *_ = row
    about = {"generation": generation, "cause": cause}
    parked = await tools.database.rows("dead_letter_documents", **about, limit=DOCUMENTS_SHOWN_MAX)
    counted = await tools.database.row("dead_letter_counts", **about)
    return {
        "group": cause,
        "type": topic,
        "error": error,
        "events": events,
        "first_position": first_position,
        "first_at": first_at,
        "last_position": last_position,
        "last_at": last_at,
        "documents": counted[0] if counted else 0,
        "event": shown(await _stored(tools, first_position)),
        "parked": [{"document": document, "held_back": held_back} for document, held_back in parked],
    }


async def letter(tools: Instruments, position: int) -> dict[str, Any]:
    """One event that was not folded: what it holds, why, which documents, and what became of it.

    Raises NotFound, Unavailable.
    """
    generation = await generation_of(tools.connections)
    rows = await _letters_at(tools, generation, position)
    if not rows:
        raise NotFound("dead letter")
    return shown(await _stored(tools, position)) | {"letters": [_letter(row) for row in rows]}


def _letter(row: Sequence[Any]) -> dict[str, Any]:
    held_back, error, cause, documents, waiting, at, failed_again_by, resolution, resolved_by, resolved_at = (
        row
    )
    return {
        "is_held_back": held_back,
        "error": error,
        "group": cause,
        "documents": documents,
        "waiting": waiting,
        "at": at,
        "failed_again_by": failed_again_by,
        "resolution": resolution,
        "resolved_by": resolved_by,
        "resolved_at": resolved_at,
    }


async def retry(tools: Instruments, choice: Choice, reason: str) -> Operated:
    """Have the documents that events stopped folded again, and tell what came of it within moments.

    Raises NotFound, Conflict for what stops nothing, the other refusals, Unavailable.
    """
    generation = await generation_of(tools.connections)
    positions = await _chosen(tools, generation, choice)
    operations = []
    for start in range(0, len(positions), RETRIED_AT_ONCE_MAX):
        some = tuple(positions[start : start + RETRIED_AT_ONCE_MAX])
        decided = await tools.record(RetryDeadLetters(positions=some, reason=reason))
        assert decided.position is not None
        operations.append(decided.position)
    return await _outcome(tools, generation, operations, positions)


async def discard(tools: Instruments, position: int, reason: str) -> Operated:
    """Have an event that stops documents left out of every fold from now on; as `retry`."""
    generation = await generation_of(tools.connections)
    await _must_stop_something(tools, generation, position)
    decided = await tools.record(DiscardEvent(position=position, reason=reason))
    assert decided.position is not None
    return await _outcome(tools, generation, [decided.position], [position])


async def _chosen(tools: Instruments, generation: int, choice: Choice) -> list[int]:
    if choice.positions:
        for position in choice.positions:
            await _must_stop_something(tools, generation, position)
        return sorted(set(choice.positions))
    rows = await tools.database.rows("dead_letters_open", generation=generation, cause=choice.group)
    if rows:
        return [position for (position,) in rows]
    if choice.group is not None:
        raise NotFound("group")
    raise Conflict("No event stops anything: there is nothing to retry")


async def _must_stop_something(tools: Instruments, generation: int, position: int) -> None:
    if not 0 < position <= await tools.store.head():
        raise NotFound("event")
    rows = await _letters_at(tools, generation, position)
    if any(not row[0] and row[7] is None for row in rows):
        return
    if any(row[0] and row[7] is None for row in rows):
        raise Conflict(
            f"The event at position {position} is held back by an earlier one, which has to be named"
        )
    raise Conflict(f"The event at position {position} stops nothing")


async def _letters_at(tools: Instruments, generation: int, position: int) -> list[tuple[Any, ...]]:
    if not 0 < position <= NUMBER_MAX:
        return []
    return await tools.database.rows("dead_letters_at", generation=generation, position=position)


async def _outcome(
    tools: Instruments, generation: int, operations: Sequence[int], positions: Sequence[int]
) -> Operated:
    """As far as it can be told within `caught_up_timeout_s`: a projector may be away, or paused."""
    deadline = time.monotonic() + tools.settings.caught_up_timeout_s
    while True:
        rows = await tools.database.rows(
            "dead_letters_outcome",
            generation=generation,
            operation=operations[0],
            positions=list(positions),
        )
        settled = {position for position, is_settled, _ in rows if is_settled}
        failed = {position for position, _, has_failed in rows if has_failed} - settled
        pending = set(positions) - settled - failed
        if not pending or time.monotonic() > deadline:
            found = (tuple(sorted(some)) for some in (settled, failed, pending))
            return Operated(tuple(operations), *found)
        await asyncio.sleep(OUTCOME_CHECK_S)


async def _stored(tools: Instruments, position: int) -> Stored:
    [stored] = await tools.store.log.read_at([position])
    return stored


def shown(stored: Stored) -> dict[str, Any]:
    """An event as the log holds it: what is personal stays sealed, what is no JSON is shown as text."""
    return {
        "position": stored.position,
        "stream": stored.stream,
        "version": stored.version,
        "type": stored.topic,
        "recorded_at": stored.recorded_at,
        "actor_id": stored.actor_id,
        "request_id": stored.request_id,
        "payload": _payload(stored.state),
    }


def _payload(state: bytes) -> Any:
    try:
        return orjson.loads(state)
    except orjson.JSONDecodeError:
        return state.decode(errors="replace")
