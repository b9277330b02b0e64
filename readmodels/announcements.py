"""Announcements: futures that come true when the read model has reached a position."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from readmodels.connecting import call, stop_if_cancelled
from readmodels.keys import Keys
from readmodels.redis import DAMAGED

TROUBLE: Final = (RedisError, OSError, TimeoutError)
WAITING_MAX: Final = 10_000
LISTEN_TIMEOUT_S: Final = 5.0


class Announcements:
    """Listens to the channel of a generation; use it as an asynchronous context manager.

    Messages are only the faster way: while anybody waits, the checkpoint itself is read every
    `poll_interval_s` as well, with or without a subscription.
    """

    def __init__(self, redis: Redis, generation: int, poll_interval_s: float = 0.2) -> None:
        self._keys = Keys(generation)
        self._redis = redis
        self._poll_interval_s = poll_interval_s
        self._build = b""
        self._distrusted: bytes | None = None
        self._position = 0
        self._rebuilt: list[Callable[[], None]] = []
        self._is_away = False
        self._waiting: list[tuple[int, int, asyncio.Future[bool]]] = []
        self._numbers = count()
        self._wanted = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Announcements:
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._poll())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def heard(self) -> tuple[bytes, int]:
        """The build of the read model, and the last position that it is known to have reached."""
        return self._build, self._position

    async def now(self) -> int:
        """The position that the checkpoint is known to have reached, having looked. Raises TROUBLE."""
        await self._look()
        return self._position

    def on_rebuilt(self, act: Callable[[], None]) -> None:
        """Have `act` called whenever the read model was begun anew, which a restored log leads to."""
        self._rebuilt.append(act)

    async def distrust(self, build: bytes) -> None:
        """The log ended before this build did, so it was restored: nobody reads that build any more."""
        if build != self._build:
            return
        self._distrusted, self._build, self._position = build, b"", 0
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
                async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(self._keys.announcements)
                    await self._look()
                    await self._hear(channel)
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
            if message is None:
                continue
            build, _, position = message["data"].partition(b" ")
            if build == self._build and position.isdigit():
                self._advance(int(position))
            else:
                # A generation begun anew, or somebody else on the same channel: ask our own.
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
        state, position, build = await call(
            self._redis, "HMGET", self._keys.checkpoint, "state", "position", "build"
        )
        self._is_away = False
        if state != b"ready" or build == self._distrusted:
            return
        if build != self._build:
            if self._build:
                self._tell()
            self._build, self._position = build, 0
        self._advance(int(position))

    def _tell(self) -> None:
        for act in self._rebuilt:
            act()

    def _advance(self, position: int) -> None:
        self._position = max(position, self._position)
        while self._waiting and self._waiting[0][0] <= self._position:
            *_, future = heapq.heappop(self._waiting)
            if not future.done():
                future.set_result(True)
