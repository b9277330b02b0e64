"""A live generation: folds batches of records into Redis, each exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from math import ceil
from typing import Final

from events.event import Poison, Record
from projections.batch import Underivable
from projections.encoding import Command, commands_of, size_bytes
from projections.folding import folding
from projections.writer import Checkpoint, Move, Writer
from readmodels.changes import Changes, DeadLetter
from readmodels.documents import Ref

SCRIPT_WORDS_MAX: Final = 200_000
SCRIPT_MAX_BYTES: Final = 8_000_000
TURN_COMMANDS: Final = 20

Records = Sequence[Record | Poison]
Keep = Callable[[Sequence[DeadLetter]], Awaitable[None]]


class Live:
    """Stands at `checkpoint`; documents in `parked` take no further event.

    `keep` is given dead letters before the checkpoint passes them. A batch whose script would have
    more than `script_words_max` words, or move more than `script_max_bytes`, is folded in parts, so
    that Redis is never held up for long.
    Raises what Writer raises; the place to go on from is then the checkpoint in Redis.
    """

    def __init__(
        self,
        writer: Writer,
        checkpoint: Checkpoint,
        parked: set[Ref],
        keep: Keep,
        *,
        script_words_max: int = SCRIPT_WORDS_MAX,
        script_max_bytes: int = SCRIPT_MAX_BYTES,
    ) -> None:
        self.checkpoint = checkpoint
        self.parked = parked
        self._writer = writer
        self._keep = keep
        self._script_words_max = script_words_max
        self._script_max_bytes = script_max_bytes

    async def fold(self, records: Records, state: str) -> None:
        """Fold the records that follow the checkpoint; `state` is what the generation is after them."""
        try:
            changes = await self._changes(records)
        except Underivable:
            await self._fold_parts([[record] for record in records], state)
            return
        script = await in_turns(commands_of(changes, self._writer.keys))
        parts = ceil(self._excess(script))
        if parts > 1 and len(records) > 1:
            await self._fold_parts([*in_parts(records, ceil(len(records) / parts))], state)
            return
        if changes.dead_letters:
            await self._keep(changes.dead_letters)
        move = self._move(records, state)
        await self._writer.apply(script, move)
        self.parked |= changes.parked
        self.checkpoint = self.checkpoint._replace(
            state=move.state, position=move.position, event_id=move.event_id, recorded_at=move.recorded_at
        )

    def _excess(self, script: Sequence[Command]) -> float:
        """How many times as large as it may be a script is."""
        return max(
            sum(map(len, script)) / self._script_words_max,
            sum(map(size_bytes, script)) / self._script_max_bytes,
        )

    async def _fold_parts(self, parts: Sequence[Records], state: str) -> None:
        *earlier, last = parts
        for part in earlier:
            await self.fold(part, self.checkpoint.state)
        await self.fold(last, state)

    async def _changes(self, records: Records) -> Changes:
        steps = folding(records, self.parked)
        try:
            wanted = next(steps)
            while True:
                found = await self._writer.load(wanted)
                # One event may reach more than can be folded in the time for which a lease holds.
                await asyncio.sleep(0)
                wanted = steps.send(found)
        except StopIteration as done:
            changes: Changes = done.value
            return changes

    def _move(self, records: Records, state: str) -> Move:
        now = self.checkpoint
        if not records:
            return Move(now.state, now.position, state, now.position, now.event_id, now.recorded_at)
        last = records[-1]
        return Move(now.state, now.position, state, last.position, identity(last), last.recorded_at)


def in_parts(records: Records, length: int) -> Iterator[Records]:
    for start in range(0, len(records), length):
        yield records[start : start + length]


async def in_turns(script: Iterable[Command]) -> list[Command]:
    """The commands of a script, put together with a turn for others now and then."""
    gathered = []
    for place, command in enumerate(script, start=1):
        gathered.append(command)
        if place % TURN_COMMANDS == 0:
            await asyncio.sleep(0)
    return gathered


def identity(record: Record | Poison) -> str:
    """What tells an event from another one at the same position of another log."""
    if isinstance(record, Poison):
        return f"{record.stream}:{record.version}:{record.recorded_at}"
    return record.event_id
