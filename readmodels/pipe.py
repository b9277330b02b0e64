"""Asks Redis to run scripts: what comes up in one turn of the event loop goes out in one write."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from hiredis import pack_command
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import NoScriptError, RedisError

from readmodels.connecting import TURNS_MIN, within
from readmodels.model import NotReady
from readmodels.scripts import Script
from readmodels.wire import Wire

Word = str | bytes | float

UNDER_WAY_MAX: Final = 1024
WAITING_MAX: Final = 10_000
IDLE_S: Final = 5.0
OPENINGS_MAX: Final = 2


class Evaluation(NamedTuple):
    """A script and all that it is given; `packed` names the script by its hash, as it is sent first."""

    packed: bytes
    in_full: tuple[Any, ...]


def evaluation(script: Script, keys: list[str], *words: Word, suffix: str = "") -> Evaluation:
    """What `Pipe.ask` sends, to be kept by whoever asks it often; of a script that only reads `_RO`."""
    rest: tuple[Any, ...] = (len(keys), *keys, *words)
    packed = pack_command((f"EVALSHA{suffix}", script.sha, *rest))
    return Evaluation(packed, (f"EVAL{suffix}", script.text, *rest))


class Question:
    """`turn` is the pipe's when it was sent last."""

    __slots__ = ("answer", "is_again", "packed", "turn")

    def __init__(self, packed: bytes, answer: asyncio.Future[Any]) -> None:
        self.packed = packed
        self.answer = answer
        self.is_again = False
        self.turn = 0


class Pipe:
    """One connection of `redis`, opened when it is needed and closed when nothing was asked for IDLE_S.

    At most UNDER_WAY_MAX questions are under way; what comes meanwhile waits, WAITING_MAX at most.
    A question is answered within `timeout_s` and TURNS_MIN turns of the event loop, or fails, and with
    it all that wait behind it. What was under way when a connection broke is asked once more.
    """

    def __init__(self, redis: Redis, timeout_s: float) -> None:
        self._connections = redis.connection_pool
        self._timeout_s = timeout_s
        self._waiting: deque[Question] = deque()
        self._under_way: deque[Question] = deque()
        self._wire: Wire | None = None
        self._opening: asyncio.Task[None] | None = None
        self._is_flush_due = False
        self._turn = 0
        self._watch: asyncio.TimerHandle | None = None
        self._was_asked = False
        self._idle: asyncio.TimerHandle | None = None

    @property
    def under_way(self) -> int:
        """How many questions are under way, of UNDER_WAY_MAX."""
        return len(self._under_way)

    @property
    def waiting(self) -> int:
        """How many questions wait for those under way."""
        return len(self._waiting)

    async def run(self, script: Script, keys: list[str], *words: Word) -> Any:
        """What a read-only script answers. Raises NotReady when Redis cannot be asked."""
        return await self.ask(evaluation(script, keys, *words, suffix="_RO"))

    async def change(self, script: Script, keys: list[str], *words: Word) -> Any:
        """What a script that writes answers. Raises NotReady when Redis cannot be asked.

        Where the connection breaks before the answer is there, the script may run twice or although
        this raises.
        """
        return await self.ask(evaluation(script, keys, *words))

    async def ask(self, asked: Evaluation) -> Any:
        """What the script answers. Raises NotReady as `run` and `change`."""
        try:
            try:
                return await self._call(asked.packed)
            except NoScriptError:
                return await self._call(pack_command(asked.in_full))
        except (RedisError, OSError, TimeoutError) as error:
            raise NotReady(f"Redis cannot be asked: {type(error).__name__}: {error}") from error

    def _call(self, packed: bytes) -> asyncio.Future[Any]:
        if len(self._waiting) >= WAITING_MAX:
            raise NotReady("too many questions are waiting for Redis")
        loop = asyncio.get_running_loop()
        question = Question(packed, loop.create_future())
        self._waiting.append(question)
        self._flush_soon(loop)
        return question.answer

    def _flush_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        """After this turn of the loop, in which others may ask as well."""
        if not self._is_flush_due:
            self._is_flush_due = True
            loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flush_due = False
        if self._wire is None:
            if self._waiting and self._opening is None:
                self._opening = asyncio.create_task(self._open())
            return
        packed = [*self._taken()]
        if packed:
            self._wire.ask(b"".join(packed))
            self._was_asked = True
            self._keep_watch()

    def _taken(self) -> list[bytes]:
        """What is sent now of what waits; whoever went away need not be answered."""
        packed = []
        while self._waiting and len(self._under_way) < UNDER_WAY_MAX:
            question = self._waiting.popleft()
            if not question.answer.done():
                question.turn = self._turn
                self._under_way.append(question)
                packed.append(question.packed)
        return packed

    async def _open(self) -> None:
        try:
            self._wire = await self._opened()
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            self._fail(error)
        finally:
            self._opening = None
        self._flush()

    async def _opened(self) -> Wire:
        """A wire that was not lost in the moment in which it was opened."""
        for _ in range(OPENINGS_MAX):
            wire = Wire(self._answered, self._lost)
            await within(self._timeout_s, wire.open(self._connections))
            if not wire.is_lost:
                return wire
        raise ConnectionLost("Redis closes every connection at once")

    def _answered(self, answer: Any) -> None:
        settle(self._under_way.popleft().answer, answer)
        if self._waiting:
            self._flush_soon(asyncio.get_running_loop())

    def _lost(self, wire: Wire, error: Exception) -> None:
        if wire is not self._wire:
            return
        self._wire = None
        lost, self._under_way = self._under_way, deque()
        for question in reversed(lost):
            if question.is_again:
                settle(question.answer, error)
            else:
                question.is_again = True
                self._waiting.appendleft(question)
        self._flush()

    def _fail(self, error: Exception) -> None:
        failed = [*self._under_way, *self._waiting]
        self._under_way.clear()
        self._waiting.clear()
        for question in failed:
            settle(question.answer, error)

    def _keep_watch(self) -> None:
        if self._watch is None:
            loop = asyncio.get_running_loop()
            self._watch = loop.call_later(self._timeout_s / TURNS_MIN, self._look)
            if self._idle is None:
                self._idle = loop.call_later(IDLE_S, self._close_if_idle)

    def _look(self) -> None:
        """A turn of the watch: an event loop that is late takes as many, so it blames nobody else."""
        self._watch = None
        self._turn += 1
        if not self._under_way:
            return
        if self._turn - self._under_way[0].turn > TURNS_MIN:
            self._give_up()
        else:
            self._keep_watch()

    def _give_up(self) -> None:
        """Redis is silent: those who wait would only wait as long again."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.abort()
        self._fail(TimeoutError(f"no answer within {self._timeout_s:g} seconds"))

    def _close_if_idle(self) -> None:
        self._idle = None
        if self._was_asked or self._under_way:
            self._was_asked = False
            self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._close_if_idle)
        elif self._wire is not None:
            wire, self._wire = self._wire, None
            wire.abort()


_shared: WeakKeyDictionary[Redis, dict[float, Pipe]] = WeakKeyDictionary()


def shared_pipe(redis: Redis, timeout_s: float) -> Pipe:
    """The pipe of all who ask this client and wait for so long: what they ask at a time goes out together."""
    pipes = _shared.setdefault(redis, {})
    if timeout_s not in pipes:
        pipes[timeout_s] = Pipe(redis, timeout_s)
    return pipes[timeout_s]


def settle(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
