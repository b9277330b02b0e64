"""The figures of the core, each measured once with little to do: that they look, and at what they say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from time import perf_counter

import pytest

from benchmarks import append, dispatcher, growth, memory, overload, past, rebuild_figure, visible
from benchmarks.bench import Effort, ServerBench, bench
from benchmarks.catalogue import FIGURES
from benchmarks.figures import Row
from benchmarks.open_loop import Answer, Fired, open_loop
from benchmarks.threads import in_threads
from benchmarks.times import percentile

TINY = Effort(is_quick=True, repeats=1, seconds=0.2)
EVENTS = 3_000


@pytest.fixture
def never_blocking() -> None:
    """Benchmarks start servers and look at databases while nobody waits for their event loop."""


@pytest.fixture(scope="module")
def given() -> Iterator[ServerBench]:
    with bench(TINY) as made:
        yield made


@pytest.fixture(autouse=True)
def _gives_back(given: ServerBench) -> Iterator[None]:
    yield
    given.give_back()


def by_what(rows: list[Row]) -> dict[str, Row]:
    assert all(value > 0 for row in rows for value in (*row.ours, *row.base))
    return {row.what: row for row in rows}


def test_all_of_them_are_in_the_catalogue() -> None:
    names = {figure.name for figure in FIGURES}
    assert names >= {
        "append", "dispatcher", "visible", "growth", "rebuild", "as_of", "memory", "overload",
    }  # fmt: skip


async def test_appends_and_commands_stand_beside_those_of_the_library(given: ServerBench) -> None:
    appended, half, most = await append.measure(given)
    (decided,) = await dispatcher.measure(given)
    assert appended.ours[0] > appended.base[0] > 0
    assert decided.ours[0] > decided.base[0] > 0
    assert 0 < half.ours[0] <= most.ours[0]


async def test_what_is_appended_becomes_visible(given: ServerBench) -> None:
    half, most, half_with, _ = await visible.measure(given)
    assert 0 < half.ours[0] <= most.ours[0]
    assert half.ours[0] < half_with.ours[0]


async def test_a_command_that_does_not_become_visible_fails_the_figure(
    given: ServerBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visible, "TIMEOUT_S", 0.0)
    with pytest.raises(RuntimeError, match="was not visible"):
        await visible.measure(given)


async def test_costs_are_compared_between_two_sizes_of_one_history(given: ServerBench) -> None:
    rows = by_what(list(await growth.compared(given, EVENTS // 2, EVENTS)))
    command = rows[f"a command, at {EVENTS:,} events"]
    assert command.base_what == f"at {EVENTS // 2:,}"
    assert len(rows) == 5


async def test_a_log_is_rebuilt_whole(given: ServerBench) -> None:
    rate, ratio, used = await rebuild_figure.repeated(given, EVENTS, 100, 1)
    assert rate.ours == ratio.ours
    assert ratio.base[0] > 0
    assert used.ours[0] > 20


async def test_the_past_is_built_carried_on_and_found(given: ServerBench) -> None:
    far, near, again = await past.asked(given, EVENTS, 1, 50)
    assert again.ours[0] < near.ours[0] < far.ours[0]


async def test_memory_is_compared_with_a_tenth_of_the_requests(given: ServerBench) -> None:
    (row,) = await memory.watched(given, 300, 20.0, part_s=0.1)
    assert row.base_what.startswith("after ")
    assert 50 < row.base[0] <= 2 * row.ours[0]


async def test_three_times_too_much_is_asked_for_and_all_is_told(given: ServerBench) -> None:
    seen = await overload.overloaded(given, seconds=1.0, knee_s=0.5)
    fired = seen.fired
    asked_for = len(fired.answers) + fired.unsent
    assert asked_for == pytest.approx(overload.FACTOR * seen.knee_per_s, rel=0.1)
    assert [row.unit for row in overload.rows(seen)] == ["/s", "ms", "ms", "%", "s"]


def test_late_answers_are_no_good_ones_and_lost_ones_are_told() -> None:
    answers = (
        [Answer(0.0, 0.1, 200)] * 6 + [Answer(0.0, 3.0, 201)] * 2 + [Answer(0.0, 0.03, 503), Answer(0, 1, 0)]
    )
    good, refused, _, neither, back = overload.rows(
        overload.Overload(4.0, Fired(seconds=2.0, answers=answers, late_s=[0.0]), 0.5)
    )
    assert (good.ours, good.base, good.measured) == ([3.0], [4.0], 0.75)
    assert refused.ours == [30.0]
    assert neither.ours[0] == pytest.approx(10.0)
    assert back.holds


async def test_an_open_loop_does_not_wait_for_answers() -> None:
    """A server that takes its time is asked as often as one that answers at once."""
    async with serving(delay_s=0.3) as port:
        fired = await open_loop(port, lambda: b"GET /", per_s=100, seconds=0.5, connections=60)
    assert 45 <= len(fired.answers) <= 51
    assert not fired.unsent
    assert all(0.25 < answer.took_s < 2 for answer in fired.with_status(200))


async def test_an_open_loop_says_what_it_could_not_send() -> None:
    async with serving(delay_s=0.3) as port:
        fired = await open_loop(port, lambda: b"GET /", per_s=100, seconds=0.5, connections=5)
    assert len(fired.answers) <= 10
    assert fired.unsent + len(fired.answers) == pytest.approx(50, abs=4)


async def test_connections_that_a_server_closes_are_replaced_and_told() -> None:
    async with serving(closes_after=1) as port:
        fired = await open_loop(port, lambda: b"GET /", per_s=100, seconds=0.5, connections=3)
    assert len(fired.with_status(200)) + fired.unsent >= 40
    async with serving(closes_after=0) as port:
        fired = await open_loop(port, lambda: b"GET /", per_s=100, seconds=0.3, connections=3)
    assert fired.answers
    assert not fired.with_status(200)


@asynccontextmanager
async def serving(delay_s: float = 0.0, closes_after: int | None = None) -> AsyncIterator[int]:
    """A server that answers every request after a delay, and closes connections after so many answers."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answered = 0
        while await reader.read(1000) and answered != closes_after:
            await asyncio.sleep(delay_s)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            answered += 1
            if answered == closes_after:
                break
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def test_a_thread_that_fails_fails_the_figure() -> None:
    def work(_end: float) -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        in_threads(work, 0.1)
    assert in_threads(lambda end: int(end > perf_counter()), 0.01) > 0


def test_percentiles_are_times_that_were_taken() -> None:
    assert [percentile([3.0, 1.0, 2.0], percent) for percent in (0, 50, 99)] == [1.0, 2.0, 3.0]
