"""Writes folded changes into Redis, each batch with its checkpoint in one script."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from projections.encoding import Command, Word
from projections.wanted import Found, Wanted
from readmodels.connecting import call, stop_if_cancelled
from readmodels.documents import Ref, score
from readmodels.keys import BEHIND, Keys
from readmodels.model import NotReady
from readmodels.pipe import shared_pipe
from readmodels.redis import DAMAGED, FETCH, names
from readmodels.scripts import Script, script

FOLDER: Final = Path(__file__).parent / "lua"
APPLY: Final = script(FOLDER, "shelves", "apply")
SEIZE, CLEAR, REMOVE, GROUPS = (script(FOLDER, name) for name in ("seize", "clear", "remove", "groups"))
LOAD_MAX: Final = 5_000
SCAN_COUNT: Final = 1_000


class Checkpoint(NamedTuple):
    """How far a generation is: `state` is clearing, loading, filling, ready, torn or damaged.

    `event_id` and `recorded_at` are those of the event at `position`, empty at 0.
    """

    epoch: int
    state: str
    position: int
    log_id: str
    event_id: str
    recorded_at: str = ""


class Lost(Exception):
    """The generation is not where this runner left it: `state` and `position` are what it is now."""

    def __init__(self, state: str, position: int = 0) -> None:
        super().__init__(f"the read model is {state} at {position}")
        self.state = state
        self.position = position


class Fenced(Exception):
    """A runner with a later epoch has taken over."""

    def __init__(self, epoch: int) -> None:
        super().__init__(f"a runner with epoch {epoch} writes this read model")
        self.epoch = epoch


class Writer:
    """The writing side of one generation, for the holder of `epoch`.

    Every call takes `timeout_s` at most and raises RedisError, OSError or TimeoutError when Redis
    cannot be reached.
    """

    def __init__(self, redis: Redis, generation: int | str, timeout_s: float = 30.0) -> None:
        self.generation = generation
        self.keys = Keys(generation)
        self.epoch = 0
        self._redis = redis
        self._timeout_s = timeout_s
        self._pipe = shared_pipe(redis, timeout_s)

    async def seize(self, epoch: int) -> Checkpoint | None:
        """Fence off older epochs; the checkpoint, None where there is none. Raises Fenced."""
        self.epoch = epoch
        found = await self._run(SEIZE, [self.keys.checkpoint], epoch)
        if found[0] is None:
            return None
        checkpoint = Checkpoint(
            int(found[0]), found[1].decode(), int(found[2]), *map(bytes.decode, found[3:])
        )
        if checkpoint.epoch > epoch:
            raise Fenced(checkpoint.epoch)
        return checkpoint

    async def clear(self, log_id: str) -> None:
        """Remove all of the generation and begin at position 0, in state filling. Raises Fenced, Lost."""
        if not await self._run(CLEAR, [self.keys.checkpoint], self.epoch, uuid.uuid4().hex, log_id):
            await self.seize(self.epoch)
        async for found in keys_under(self._redis, self.keys.prefix):
            epoch = await self._run(REMOVE, [self.keys.checkpoint], self.epoch, *found)
            if epoch is None:
                raise Lost("absent")
            if int(epoch) != self.epoch:
                raise Fenced(int(epoch))
        await self.apply([], Move("clearing", 0, "filling", 0, ""))

    async def forget_positions_after(self, position: int) -> None:
        """Let no user's reads wait for what stands beyond the end of the log."""
        async with asyncio.timeout(self._timeout_s):
            await call(self._redis, "ZREMRANGEBYSCORE", BEHIND, f"({position}", "+inf")

    async def load(self, wanted: Wanted) -> Found:
        """What a fold wants to know. Raises Lost when a listed document is missing."""
        documents: dict[Ref, Any] = {}
        for refs in chunks(wanted.refs, LOAD_MAX):
            answer = await self._run(FETCH, [self.keys.checkpoint], self.keys.prefix, names(refs))
            if answer[0] == b"damaged":
                await self._run(DAMAGED, [self.keys.checkpoint])
                raise Lost("damaged")
            pairs = zip(refs, orjson.loads(answer[3]), strict=True)
            documents.update((ref, document) for ref, document in pairs if document is not None)
        return Found(documents, await self._members(list(wanted.groups)))

    async def parked(self) -> set[Ref]:
        """The documents that take no further event."""
        async with asyncio.timeout(self._timeout_s):
            names: set[bytes] = await call(self._redis, "SMEMBERS", self.keys.parked)
        return {Ref(*name.decode().split(":", 1)) for name in names}

    async def apply(
        self,
        commands: Sequence[Command],
        move: Move,
        *,
        granted: Collection[Ref] = (),
        tags: Sequence[str] | None = None,
    ) -> None:
        """Carry commands out and move the checkpoint, both or neither. Raises Fenced, Lost.

        `granted` are documents that Redis must still have; where one is missing, the model is damaged.
        `tags` are announced as what has changed, see `readmodels.touched`.
        """
        at = repr(score(move.recorded_at)) if move.recorded_at else "0"
        told = orjson.dumps(tags).decode()
        words: list[Word] = [self.epoch, *move, at, self.keys.announcements, told, len(granted)]
        words += map(self.keys.document, granted)
        for command in commands:
            words.append(len(command))
            words += command
        try:
            outcome, *now = await self._run(APPLY, [self.keys.checkpoint], *words)
        except ResponseError as error:
            raise Lost("torn") from error
        if outcome == b"stale":
            raise Fenced(int(now[0]))
        if outcome != b"applied":
            raise Lost(now[0].decode(), int(now[1])) if now else Lost("absent")

    async def _members(self, groups: list[str]) -> dict[str, list[str]]:
        if not groups:
            return {}
        found = await self._run(GROUPS, [self.keys.checkpoint], self.keys.prefix, orjson.dumps(groups))
        return {group: [each[1:].decode() for each in ids] for group, ids in zip(groups, found, strict=True)}

    async def _run(self, asked: Script, keys: list[str], *rest: Word | bytes) -> Any:
        try:
            return await self._pipe.change(asked, keys, *rest)
        except NotReady as error:
            # Whoever writes has to know what it was.
            raise error.__cause__ or error from None


class Move(NamedTuple):
    """From where to where a batch takes the checkpoint.

    `event_id` and `recorded_at` are those of the event at `position`, empty at 0.
    """

    from_state: str
    from_position: int
    state: str
    position: int
    event_id: str
    recorded_at: str = ""


async def unlink(redis: Redis, prefix: str) -> None:
    """Remove all keys under the prefix of a generation that nobody writes any more."""
    async for found in keys_under(redis, prefix):
        await redis.unlink(*found)


async def keys_under(redis: Redis, prefix: str) -> AsyncIterator[list[Any]]:
    """All keys under a prefix, some at a time, in steps that Redis hardly notices."""
    cursor = 0
    while True:
        cursor, found = await redis.scan(cursor, match=f"{prefix}*", count=SCAN_COUNT)
        if found:
            yield found
        stop_if_cancelled()
        if cursor == 0:
            return


def chunks(refs: Iterable[Ref], size: int) -> Iterator[list[Ref]]:
    rest = iter(refs)
    while chunk := list(islice(rest, size)):
        yield chunk
