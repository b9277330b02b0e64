"""Asking together what is asked at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from typing import Final, Generic, TypeVar

from readmodels.pipe import settle

TOGETHER_MAX: Final = 1000

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Together(Generic[Asked, Answer]):
    """Gathers what comes up in one turn of the event loop; `answers` gives one answer for each, in order.

    With `is_in_turns` it also gathers what comes up until the ones before were answered: for what costs much,
    however many ask. What `answers` raises is raised for all of them, an error that it gives as an answer
    for the one who asked that.
    """

    def __init__(
        self,
        answers: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer | Exception]]],
        *,
        is_in_turns: bool = False,
    ) -> None:
        self._answers = answers
        self._turn = asyncio.Lock() if is_in_turns else nullcontext()
        self._waiting: list[tuple[Asked, asyncio.Future[Answer]]] = []
        self._asking: set[asyncio.Task[None]] = set()

    def ask(self, asked: Asked) -> asyncio.Future[Answer]:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if len(self._waiting) == 1:
            # It begins with the next turn.
            task = asyncio.create_task(self._ask_all())
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        return answer

    async def _ask_all(self) -> None:
        async with self._turn:
            waiting, self._waiting = self._waiting, []
            if len(waiting) <= TOGETHER_MAX:
                await self._ask_some(waiting)
            else:
                starts = range(0, len(waiting), TOGETHER_MAX)
                await asyncio.gather(*(self._ask_some(waiting[at : at + TOGETHER_MAX]) for at in starts))

    async def _ask_some(self, waiting: Sequence[tuple[Asked, asyncio.Future[Answer]]]) -> None:
        # Whoever went away meanwhile asks nothing.
        waiting = [each for each in waiting if not each[1].done()]
        if not waiting:
            return
        try:
            answers = await self._answers([asked for asked, _ in waiting])
        except Exception as error:  # noqa: BLE001 - it is theirs who asked
            for _, answer in waiting:
                settle(answer, error)
        else:
            for (_, answer), found in zip(waiting, answers, strict=True):
                settle(answer, found)
