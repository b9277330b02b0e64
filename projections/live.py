"""A live generation: folds batches of records into Redis, each exactly once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from events.event import Poison, Record
from projections.batch import Underivable
from projections.encoding import commands
from projections.folding import folding
from projections.writer import Checkpoint, Move, Writer
from readmodels.changes import Changes, DeadLetter
from readmodels.documents import Ref

SCRIPT_WORDS_MAX: Final = 200_000

Records = Sequence[Record | Poison]
Keep = Callable[[Sequence[DeadLetter]], Awaitable[None]]


class Live:
    """Stands at `checkpoint`; documents in `parked` take no further event.

    `keep` is given dead letters before the checkpoint passes them. A batch whose script would have
    more than `script_words_max` words is folded in parts, so that Redis is never held up for long.
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
    ) -> None:
        self.checkpoint = checkpoint
        self.parked = parked
        self._writer = writer
        self._keep = keep
        self._script_words_max = script_words_max

    async def fold(self, records: Records, state: str) -> None:
        """Fold the records that follow the checkpoint; `state` is what the generation is after them."""
        try:
            changes = await self._changes(records)
        except Underivable:
            await self._fold_parts([[record] for record in records], state)
            return
        script = commands(changes, self._writer.keys)
        if sum(map(len, script)) > self._script_words_max and len(records) > 1:
            middle = len(records) // 2
            await self._fold_parts([records[:middle], records[middle:]], state)
            return
        if changes.dead_letters:
            await self._keep(changes.dead_letters)
        move = self._move(records, state)
        await self._writer.apply(script, move)
        self.parked |= changes.parked
        self.checkpoint = self.checkpoint._replace(
            state=move.state, position=move.position, event_id=move.event_id, recorded_at=move.recorded_at
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
                wanted = steps.send(await self._writer.load(wanted))
        except StopIteration as done:
            changes: Changes = done.value
            return changes

    def _move(self, records: Records, state: str) -> Move:
        now = self.checkpoint
        if not records:
            return Move(now.state, now.position, state, now.position, now.event_id, now.recorded_at)
        last = records[-1]
        return Move(now.state, now.position, state, last.position, identity(last), last.recorded_at)


def identity(record: Record | Poison) -> str:
    """What tells an event from another one at the same position of another log."""
    if isinstance(record, Poison):
        return f"{record.stream}:{record.version}:{record.recorded_at}"
    return record.event_id
