"""What is asked in one turn of the event loop is asked together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from api.together import TOGETHER_MAX, Together


class Squares:
    """Answers numbers with their squares, and remembers how it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    async def of(self, numbers: Sequence[int]) -> list[int]:
        self.asked.append([*numbers])
        for _ in range(3):
            await asyncio.sleep(0)
        if 13 in numbers:
            raise ValueError("13")
        return [number * number for number in numbers]


async def ask(squares: Together[int, int], number: int) -> int:
    return await squares.ask(number)


async def test_one_question_for_all_who_ask_in_one_turn() -> None:
    answering = Squares()
    squares = Together(answering.of)
    assert await asyncio.gather(*(ask(squares, number) for number in range(4))) == [0, 1, 4, 9]
    assert await ask(squares, 5) == 25
    assert answering.asked == [[0, 1, 2, 3], [5]]


async def test_in_turns_whoever_asks_while_others_are_answered_is_answered_with_the_next() -> None:
    answering = Squares()
    squares = Together(answering.of, is_in_turns=True)
    first = asyncio.create_task(ask(squares, 1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert answering.asked == [[1]]
    later = [asyncio.create_task(ask(squares, 2))]
    await asyncio.sleep(0)
    later.append(asyncio.create_task(ask(squares, 3)))
    assert [await first, *await asyncio.gather(*later)] == [1, 4, 9]
    assert answering.asked == [[1], [2, 3]]


async def test_what_goes_wrong_is_told_to_all_of_them_and_to_nobody_later() -> None:
    squares = Together(Squares().of)
    answers = await asyncio.gather(ask(squares, 2), ask(squares, 13), return_exceptions=True)
    assert [type(each) for each in answers] == [ValueError, ValueError]
    assert await ask(squares, 3) == 9


async def test_nobody_is_asked_for_those_who_went_away() -> None:
    answering = Squares()
    squares = Together(answering.of)
    tasks = [asyncio.create_task(ask(squares, number)) for number in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    assert (await tasks[0], await tasks[2]) == (0, 4)
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    alone = asyncio.create_task(ask(squares, 7))
    await asyncio.sleep(0)
    alone.cancel()
    await asyncio.sleep(0.01)
    assert all(7 not in numbers for numbers in answering.asked)


async def test_a_question_has_a_bound() -> None:
    answering = Squares()
    squares = Together(answering.of)
    numbers = range(100, 100 + 2 * TOGETHER_MAX + 1)
    assert await asyncio.gather(*(ask(squares, each) for each in numbers)) == [n * n for n in numbers]
    assert sorted(map(len, answering.asked)) == [1, TOGETHER_MAX, TOGETHER_MAX]
