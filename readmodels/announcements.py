"""Announcements: futures that come true when the read model has reached a position, and what has changed."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from typing import Final, NamedTuple

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from readmodels.connecting import call, stop_if_cancelled
from readmodels.freshness import Freshness
from readmodels.keys import Keys
from readmodels.redis import DAMAGED
from readmodels.told import Told, told_in

TROUBLE: Final = (RedisError, OSError, TimeoutError)
WAITING_MAX: Final = 10_000
LISTEN_TIMEOUT_S: Final = 1.0
SILENCE_MAX_S: Final = 1.0
TRUST_S: Final = 2.0
"""How old the last sign may be that nothing was missed: a look takes a moment, also a long one."""
LONG_AGO: Final = float("-inf")


class End(NamedTuple):
    """Where a read model stands: the last event that it has folded, and its build. At 0 there is no event."""

    position: int
    event_id: str
    build: bytes


class Announcements:
    """Listens to the channel of a generation; use it as an asynchronous context manager.

    Messages are only the faster way: while anybody waits, the checkpoint itself is read every
    `poll_interval_s` as well, with or without a subscription. After SILENCE_MAX_S without a message it
    is read to know that none was missed. Where it told of a position a second ago and no message has come,
    nothing comes by that subscription any more: it is begun anew.

    `freshness` is what messages say of changes. It may be relied on while `hears_everything`.
    """

    def __init__(self, redis: Redis, generation: int, poll_interval_s: float = 0.2) -> None:
        self.freshness: Final = Freshness()
        self._keys = Keys(generation)
        self._redis = redis
        self._poll_interval_s = poll_interval_s
        self._build = b""
        self._distrusted: bytes | None = None
        self._position = 0
        self._told = 0
        self._is_listening = False
        self._is_deaf = False
        self._sure_at = LONG_AGO
        self._rebuilt: list[Callable[[], None]] = []
        self._is_away = False
        self._waiting: list[tuple[int, int, asyncio.Future[bool]]] = []
        self._numbers = count()
        self._wanted = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Announcements:
        work = (self._listen(), self._poll(), self._look_when_silent())
        self._tasks = [asyncio.create_task(each) for each in work]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def checkpoint(self) -> str:
        """The key of what `saw` is told of."""
        return self._keys.checkpoint

    def heard(self) -> tuple[bytes, int]:
        """The build of the read model, and the last position that it is known to have reached."""
        return self._build, self._position

    def hears_everything(self) -> bool:
        """Whether `freshness` knows of all that has changed up to the position that is known to be reached.

        Not without a subscription, not before it has told of that position, and not when Redis gave no
        sign of being as it was for TRUST_S.
        """
        return (
            self._is_listening and self._told == self._position and time.monotonic() - self._sure_at < TRUST_S
        )

    def saw(self, checkpoint: Sequence[bytes | None], heard: tuple[bytes, int]) -> None:
        """A question that was sent when this was `heard` found this state, position and build.

        Until the messages have come so far as well, this does not hear everything.
        """
        if not self._learns(checkpoint, heard):
            self.doubt()

    def doubt(self) -> None:
        """Somebody who asked was told that the read model cannot be relied on: not before the next look."""
        self._sure_at = LONG_AGO

    async def now(self) -> int:
        """The position that the checkpoint is known to have reached, having looked. Raises TROUBLE."""
        await self._look()
        return self._position

    async def end(self) -> End:
        """Where the checkpoint says that the read model stands, asked now. Raises TROUBLE."""
        names = ("position", "event_id", "build")
        position, event_id, build = await call(self._redis, "HMGET", self._keys.checkpoint, *names)
        return End(int(position or 0), (event_id or b"").decode(), build or b"")

    def on_rebuilt(self, act: Callable[[], None]) -> None:
        """Have `act` called whenever the read model was begun anew, which a restored log leads to."""
        self._rebuilt.append(act)

    async def distrust(self, build: bytes) -> None:
        """The log ended before this build did, so it was restored: nobody reads that build any more."""
        if build != self._build:
            return
        self._distrusted = build
        self._begin(b"")
        self._tell()
        with suppress(*TROUBLE):
            await call(self._redis, "EVAL", DAMAGED.text, 1, self._keys.checkpoint, build)

    async def reached(self, position: int, timeout_s: float) -> bool:
        """Wait until the read model is at `position` or after it; False when it is not in time.

        While Redis is known to be away the answer is False at once: nothing comes of waiting for it.
        """
        if self._position >= position:
            return True
        if self._is_away or len(self._waiting) >= WAITING_MAX:
            return False
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (position, next(self._numbers), future))
        self._wanted.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                return await future
        return False

    async def _listen(self) -> None:
        while True:
            with suppress(*TROUBLE):
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(self._keys.announcements)
                    await self._hear(channel)
            self._is_listening = False
            await self._look_for_redis()
            await asyncio.sleep(self._poll_interval_s)

    async def _look_for_redis(self) -> None:
        """A lost subscription alone is no loss of Redis; when it is lost, nobody waits any longer."""
        try:
            await self._look()
        except TROUBLE:
            self._is_away = True
            waiting, self._waiting = self._waiting, []
            for *_, future in waiting:
                if not future.done():
                    future.set_result(False)

    async def _hear(self, channel: PubSub) -> None:
        while True:
            message = await channel.get_message(timeout=LISTEN_TIMEOUT_S)
            stop_if_cancelled()
            if self._is_deaf:
                return
            if message is None:
                continue
            if message["type"] == "subscribe":
                # The client subscribes again by itself, too, and does not say what it missed meanwhile.
                await self._listen_from_now_on()
            elif (told := told_in(message["data"])) and told.build == self._build:
                self._take(told)
            else:
                # A generation begun anew, or somebody else on the same channel: ask our own.
                await self._look()

    async def _listen_from_now_on(self) -> None:
        self._is_listening = False
        await self._look()
        self._told = self._position
        self.freshness.forget()
        self._is_listening, self._is_deaf = True, False

    def _take(self, told: Told) -> None:
        if told.tags is None or told.before > self._told:
            self.freshness.forget()
        else:
            self.freshness.note(told.tags)
        self._told = max(told.position, self._told)
        if told.position >= self._position:
            self._sure_at = time.monotonic()
        self._advance(told.position)

    async def _look_when_silent(self) -> None:
        while True:
            told, position = self._told, self._position
            await asyncio.sleep(SILENCE_MAX_S)
            if told != self._told:
                continue
            self._is_deaf = self._is_listening and told < position
            with suppress(*TROUBLE):
                await self._look()

    async def _poll(self) -> None:
        while True:
            await self._wanted.wait()
            await asyncio.sleep(self._poll_interval_s)
            self._waiting = [one for one in self._waiting if not one[2].done()]
            heapq.heapify(self._waiting)
            if not self._waiting:
                self._wanted.clear()
                continue
            with suppress(*TROUBLE):
                await self._look()

    async def _look(self) -> None:
        """Read the checkpoint; only one that queries may rely on counts."""
        heard, asked_at = self.heard(), time.monotonic()
        try:
            checkpoint = await call(self._redis, "HMGET", self._keys.checkpoint, "state", "position", "build")
        except TROUBLE:
            self._sure_at = LONG_AGO
            raise
        self._is_away = False
        self._sure_at = asked_at if self._learns(checkpoint, heard) else LONG_AGO

    def _learns(self, checkpoint: Sequence[bytes | None], heard: tuple[bytes, int]) -> bool:
        """Whether a checkpoint that was asked for when this was `heard` may be relied on."""
        state, position, build = checkpoint
        if state != b"ready" or position is None or build is None or build == self._distrusted:
            return False
        if self._build not in (build, heard[0]):
            # Another build was heard of since the question was sent: nobody knows which one is the later.
            return False
        self._advance_in(build, int(position))
        return build != heard[0] or int(position) >= heard[1]

    def _advance_in(self, build: bytes, position: int) -> None:
        if build != self._build:
            is_another = bool(self._build)
            self._begin(build)
            if is_another:
                self._tell()
        self._advance(position)

    def _begin(self, build: bytes) -> None:
        """What was known is of another build, whose positions say nothing about this one."""
        self._build, self._position, self._told, self._sure_at = build, 0, 0, LONG_AGO
        self.freshness.forget()

    def _tell(self) -> None:
        for act in self._rebuilt:
            act()

    def _advance(self, position: int) -> None:
        self._position = max(position, self._position)
        while self._waiting and self._waiting[0][0] <= self._position:
            *_, future = heapq.heappop(self._waiting)
            if not future.done():
                future.set_result(True)
