"""Round trips that are shared: who asks while others are being answered goes together with the next ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from events.errors import Unavailable

WAITING_MAX: Final = 10_000
BATCH_MAX: Final = 500

Q = TypeVar("Q")
A = TypeVar("A")


class Shared(Generic[Q, A]):
    """`answer` answers several questions at once, in their order; no answer is older than its question.

    BATCH_MAX questions go together at most, and WAITING_MAX may wait. Where `answer` raises something
    else than Unavailable, it is asked again for ever fewer, so that only those fail who cannot be answered.
    """

    def __init__(self, answer: Callable[[Sequence[Q]], Awaitable[Sequence[A]]]) -> None:
        self._answer = answer
        self._waiting: list[_Asked[Q, A]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> A:
        """Raises what `answer` raises about this question, and Unavailable when too many wait."""
        if len(self._waiting) >= WAITING_MAX:
            raise Unavailable("too many questions are waiting for the database")
        asked = _Asked(question, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._task is None:
            # A task of its own: one caller's cancellation must not cost the others their answers.
            self._task = asyncio.create_task(self._serve())
        answer: A = await asked.answer
        return answer

    async def _serve(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
                await self._settle([asked for asked in batch if not asked.answer.done()])
        finally:
            self._task = None

    async def _settle(self, batch: Sequence[_Asked[Q, A]]) -> None:
        if not batch:
            return
        try:
            answers = await self._answer([asked.question for asked in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to those who asked
            await self._settle_failed(batch, error)
            return
        for asked, answer in zip(batch, answers, strict=True):
            asked.settle(answer)

    async def _settle_failed(self, batch: Sequence[_Asked[Q, A]], error: Exception) -> None:
        """One bad question among many is found by halves, in few round trips."""
        if len(batch) > 1 and not isinstance(error, Unavailable):
            middle = len(batch) // 2
            await self._settle(batch[:middle])
            await self._settle(batch[middle:])
            return
        for asked in batch:
            asked.fail(error)


class _Asked(NamedTuple, Generic[Q, A]):
    question: Q
    answer: asyncio.Future[A]

    def settle(self, answer: A) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
