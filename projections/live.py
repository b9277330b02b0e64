"""A live generation: folds batches of records into Redis, each exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from math import ceil
from typing import Final

from events.event import Poison, Record
from projections.batch import Underivable
from projections.encoding import Command, commands_of, size_bytes
from projections.folding import Folding, folding
from projections.remembered import REMEMBERED_MAX, Remembered
from projections.repairs import Repair, Repairs, repair_of
from projections.wanted import Found, Wanted
from projections.writer import Checkpoint, Move, Writer
from readmodels.changes import Changes, DeadLetter
from readmodels.documents import Ref
from readmodels.touched import touched

SCRIPT_WORDS_MAX: Final = 200_000
SCRIPT_MAX_BYTES: Final = 8_000_000
TURN_COMMANDS: Final = 20

Records = Sequence[Record | Poison]
Keep = Callable[[Sequence[DeadLetter]], Awaitable[None]]


class Live:
    """Stands at `checkpoint`; documents in `parked` take no further event.

    Nobody else writes the generation, so the `remembered_max` documents that were used last are kept in
    memory, until anything goes wrong.

    `keep` is given dead letters before the checkpoint passes them. A batch whose script would have
    more than `script_words_max` words, or move more than `script_max_bytes`, is folded in parts, so
    that Redis is never held up for long.

    What stands at `discarded` positions is left out. `repairs` carries out what operators ask for; without
    it, their retries are passed over: nothing then stands still that a fold from the beginning could take.
    Raises what Writer raises; the place to go on from is then the checkpoint in Redis.
    """

    def __init__(
        self,
        writer: Writer,
        checkpoint: Checkpoint,
        parked: set[Ref],
        keep: Keep,
        *,
        discarded: Collection[int] = frozenset(),
        repairs: Repairs | None = None,
        script_words_max: int = SCRIPT_WORDS_MAX,
        script_max_bytes: int = SCRIPT_MAX_BYTES,
        remembered_max: int = REMEMBERED_MAX,
    ) -> None:
        self.checkpoint = checkpoint
        self.parked = parked
        self._writer = writer
        self._keep = keep
        self._discarded = set(discarded)
        self._repairs = repairs
        self._remembered = Remembered(remembered_max)
        self._script_words_max = script_words_max
        self._script_max_bytes = script_max_bytes

    async def fold(self, records: Records, state: str) -> None:
        """Fold the records that follow the checkpoint; `state` is what the generation is after them."""
        if self._repairs is not None and any(map(repair_of, records)):
            await self._fold_with(self._repairs, records, state)
            return
        await self._fold(records, state)

    async def _fold_with(self, repairs: Repairs, records: Records, state: str) -> None:
        """Fold records among which there are repairs: each is carried out at its place."""
        start = 0
        for place, record in enumerate(records):
            if repair := repair_of(record):
                if start < place:
                    await self._fold(records[start:place], self.checkpoint.state)
                await self._repair(repairs, repair)
                await self._fold([record], self.checkpoint.state)
                start = place + 1
        if start < len(records) or self.checkpoint.state != state:
            await self._fold(records[start:], state)

    async def _repair(self, repairs: Repairs, repair: Repair) -> None:
        if repair.is_discard:
            self._discarded |= repair.positions
        await repairs.carry_out(repair, self, self._discarded)

    async def amend(self, changes: Changes) -> None:
        """Apply changes; the checkpoint stays where it is."""
        script = await in_turns(commands_of(changes, self._writer.keys))
        await self._apply(changes, script, self._move([], self.checkpoint.state))

    async def _fold(self, records: Records, state: str) -> None:
        try:
            changes = await self.run(folding(records, self.parked, self._discarded))
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
        await self._apply(changes, script, self._move(records, state))

    async def _apply(self, changes: Changes, script: Sequence[Command], move: Move) -> None:
        await self._write(changes, script, move)
        self.parked = (self.parked | changes.parked) - changes.freed
        self.checkpoint = self.checkpoint._replace(
            state=move.state, position=move.position, event_id=move.event_id, recorded_at=move.recorded_at
        )

    async def _write(self, changes: Changes, script: Sequence[Command], move: Move) -> None:
        try:
            await self._writer.apply(script, move, granted=self._remembered.granted, tags=touched(changes))
        except BaseException:
            # It may have been written or not.
            self._remembered.clear()
            raise
        self._remembered.written(changes.documents)

    def _excess(self, script: Sequence[Command]) -> float:
        """How many times as large as it may be a script is."""
        return max(
            sum(map(len, script)) / self._script_words_max,
            sum(map(size_bytes, script)) / self._script_max_bytes,
        )

    async def _fold_parts(self, parts: Sequence[Records], state: str) -> None:
        *earlier, last = parts
        for part in earlier:
            await self._fold(part, self.checkpoint.state)
        await self._fold(last, state)

    async def load(self, wanted: Wanted) -> Found:
        known, unknown = self._remembered.known(wanted.refs)
        if not unknown and not wanted.groups:
            return Found(known, {})
        found = await self._writer.load(Wanted(unknown, wanted.groups))
        self._remembered.note({ref: found.documents.get(ref) for ref in unknown})
        return Found({**known, **found.documents}, found.members)

    async def run(self, steps: Folding) -> Changes:
        """What the steps of a fold come to, given what they want to know."""
        try:
            wanted = next(steps)
            while True:
                found = await self.load(wanted)
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
    """What tells an event from another one at the same position of another log, readable or not."""
    return record.event_id
