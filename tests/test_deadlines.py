"""Deadlines: each block ends in time, and nothing else is taken for a deadline."""

from __future__ import annotations

import asyncio
import time

import pytest

from api.deadlines import Deadlines
from api.errors import TryLater


async def work(deadlines: Deadlines, seconds: float) -> str:
    with deadlines.kept():
        await asyncio.sleep(seconds)
    return "done"


async def test_each_ends_at_its_own_deadline() -> None:
    deadlines = Deadlines(0.2)
    began = time.perf_counter()
    ended: list[float] = []

    async def late(after_s: float) -> None:
        await asyncio.sleep(after_s)
        with pytest.raises(TryLater, match=r"longer than 0\.2 seconds"):
            await work(deadlines, 60)
        ended.append(time.perf_counter() - began - after_s)

    quick = [work(deadlines, 0.001) for _ in range(10)]
    results = await asyncio.gather(late(0), late(0.05), late(0.15), *quick)
    assert results[3:] == ["done"] * 10
    assert all(0.19 <= seconds < 2 for seconds in ended)


async def test_a_new_one_is_kept_after_all_others_are_through() -> None:
    deadlines = Deadlines(0.1)
    assert await work(deadlines, 0) == "done"
    await asyncio.sleep(0.15)
    with pytest.raises(TryLater):
        await work(deadlines, 60)


async def test_whoever_is_cancelled_from_outside_is_cancelled() -> None:
    task = asyncio.create_task(work(Deadlines(10), 60))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_task_goes_on_uncancelled_after_its_deadline() -> None:
    deadlines = Deadlines(0.05)
    with pytest.raises(TryLater):
        await work(deadlines, 60)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0.01)


async def test_a_timeout_within_is_no_mistake_of_ours_either() -> None:
    with pytest.raises(TryLater), Deadlines(10).kept():
        raise TimeoutError


async def test_other_errors_pass() -> None:
    with pytest.raises(ValueError, match="ours"), Deadlines(10).kept():
        raise ValueError("ours")


async def test_there_is_one_timer_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    deadlines, loop = Deadlines(30), asyncio.get_running_loop()
    asked: list[float] = []
    call_at = loop.call_at

    def noted(when: float, *rest: object, **more: object) -> asyncio.TimerHandle:
        asked.append(when)
        return call_at(when, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "call_at", noted)
    for _ in range(5):
        with deadlines.kept():
            pass
    assert len(asked) == 1
