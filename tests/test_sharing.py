"""Round trips that are shared: nobody gets an old answer, and nobody suffers for another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from commands import sharing
from commands.sharing import Shared
from events.errors import Unavailable, Undecodable

Answer = tuple[int, int]


class Truth:
    """Answers with what is true when it is asked, as soon as the door is open."""

    def __init__(self) -> None:
        self.value = 0
        self.door = asyncio.Event()
        self.batches: list[Sequence[int]] = []
        self.error: Exception | None = None

    async def answer(self, questions: Sequence[int]) -> Sequence[Answer]:
        self.batches.append(questions)
        seen = self.value
        await self.door.wait()
        if self.error:
            raise self.error
        return [(question, seen) for question in questions]


async def asking(shared: Shared[int, Answer], *questions: int) -> list[asyncio.Task[Answer]]:
    tasks = [asyncio.create_task(shared.ask(question)) for question in questions]
    await asyncio.sleep(0.01)
    return tasks


async def test_who_comes_meanwhile_goes_together_next_and_sees_what_happened_meanwhile() -> None:
    truth = Truth()
    shared = Shared(truth.answer)
    first = await asking(shared, 1)
    truth.value = 7
    later = [*await asking(shared, 2), *await asking(shared, 3)]
    assert truth.batches == [[1]]
    truth.door.set()
    assert await asyncio.gather(*first, *later) == [(1, 0), (2, 7), (3, 7)]
    assert truth.batches == [[1], [2, 3]]


async def test_who_leaves_costs_nobody_else_the_answer() -> None:
    truth = Truth()
    shared = Shared(truth.answer)
    tasks = [*await asking(shared, 1), *await asking(shared, 2, 3)]
    for leaving in tasks[:2]:
        leaving.cancel()
    truth.door.set()
    assert await tasks[2] == (3, 0)
    assert truth.batches == [[1], [3]]


async def test_an_error_belongs_to_all_who_asked_and_to_nobody_later() -> None:
    truth = Truth()
    shared = Shared(truth.answer)
    truth.error = Unavailable("away")
    tasks = await asking(shared, 1, 2)
    truth.door.set()
    assert [type(each) for each in await asyncio.gather(*tasks, return_exceptions=True)] == [Unavailable] * 2
    truth.error = None
    assert await shared.ask(3) == (3, 0)


async def test_only_those_fail_who_cannot_be_answered_and_they_are_found_in_few_round_trips() -> None:
    asked: list[int] = []

    async def answer(questions: Sequence[int]) -> Sequence[Answer]:
        asked.append(len(questions))
        await asyncio.sleep(0)
        if 77 in questions:
            raise Undecodable("77")
        return [(question, 0) for question in questions]

    shared = Shared(answer)
    answers = await asyncio.gather(*(shared.ask(each) for each in range(100)), return_exceptions=True)
    assert isinstance(answers.pop(77), Undecodable)
    assert answers == [(each, 0) for each in range(100) if each != 77]
    assert len(asked) < 20


async def test_a_database_that_is_away_is_not_asked_again_for_each() -> None:
    truth = Truth()
    shared = Shared(truth.answer)
    truth.error = Unavailable("away")
    truth.door.set()
    await asyncio.gather(*await asking(shared, 1, 2, 3, 4), return_exceptions=True)
    assert truth.batches == [[1, 2, 3, 4]]


async def test_batches_and_waiting_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "BATCH_MAX", 2)
    monkeypatch.setattr(sharing, "WAITING_MAX", 3)
    truth = Truth()
    shared = Shared(truth.answer)
    tasks = [*await asking(shared, 1), *await asking(shared, 2, 3, 4)]
    with pytest.raises(Unavailable, match="too many"):
        await shared.ask(5)
    truth.door.set()
    async with asyncio.timeout(2):
        await asyncio.gather(*tasks)
    assert truth.batches == [[1], [2, 3], [4]]
