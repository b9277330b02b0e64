"""Sends the commands of one turn of the event loop to Redis together, in one round trip."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError
from redis.exceptions import TimeoutError as SocketTimeout

from readmodels.connecting import within
from readmodels.model import NotReady
from readmodels.scripts import Script

Word = str | bytes | int
Question = tuple[tuple[Word, ...], asyncio.Future[Any]]

BATCH_MAX: Final = 256
PIPELINES_MAX: Final = 4
WAITING_MAX: Final = 10_000


class Pipe:
    """At most PIPELINES_MAX pipelines under way, each on a connection; what comes meanwhile goes together.

    A pipeline is answered within `timeout_s` or fails, and with it all that wait behind it.
    """

    def __init__(self, redis: Redis, timeout_s: float) -> None:
        self._redis = redis
        self._timeout_s = timeout_s
        self._waiting: list[Question] = []
        self._running: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> int:
        """How many pipelines are under way, of PIPELINES_MAX."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """How many questions wait for a pipeline."""
        return len(self._waiting)

    async def run(self, script: Script, keys: list[str], *words: Word) -> Any:
        """What a read-only script answers. Raises NotReady when Redis cannot be asked."""
        return await self._evaluate("_RO", script, keys, *words)

    async def change(self, script: Script, keys: list[str], *words: Word) -> Any:
        """What a script that writes answers. Raises NotReady when Redis cannot be asked.

        Where the connection breaks before the answer is there, the script may run twice or although
        this raises.
        """
        return await self._evaluate("", script, keys, *words)

    async def _evaluate(self, suffix: str, script: Script, keys: list[str], *words: Word) -> Any:
        rest = (len(keys), *keys, *words)
        try:
            return await self._call(f"EVALSHA{suffix}", script.sha, *rest)
        except NoScriptError:
            return await self._call(f"EVAL{suffix}", script.text, *rest)

    async def _call(self, *words: Word) -> Any:
        if len(self._waiting) >= WAITING_MAX:
            raise NotReady("too many questions are waiting for Redis")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((words, answer))
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._flush)
        try:
            return await answer
        except NoScriptError:
            raise
        except (RedisError, OSError, TimeoutError) as error:
            raise NotReady(f"Redis cannot be asked: {type(error).__name__}: {error}") from error

    def _flush(self) -> None:
        while self._waiting and len(self._running) < PIPELINES_MAX:
            batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
            task = asyncio.create_task(self._send(batch))
            self._running.add(task)
            task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._flush()

    async def _send(self, batch: list[Question]) -> None:
        asked = [(words, future) for words, future in batch if not future.done()]
        pipeline = self._redis.pipeline(transaction=False)
        for words, _ in asked:
            pipeline.execute_command(*words)
        try:
            answers = await within(self._timeout_s, pipeline.execute(raise_on_error=False))
        except (RedisError, OSError, TimeoutError) as error:
            if isinstance(error, TimeoutError | SocketTimeout):
                # Redis is silent: those who wait would only wait as long again.
                asked, self._waiting = asked + self._waiting, []
            answers = [error] * len(asked)
        for (_, future), answer in zip(asked, answers, strict=True):
            settle(future, answer)


def settle(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
