"""Measuring figures one after the other, each in an event loop of its own."""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import uvloop

from benchmarks.bench import ServerBench
from benchmarks.figures import Figure, Row


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of a figure: its rows, or why there are none."""

    figure: Figure
    seconds: float
    rows: Sequence[Row] = ()
    failed: str = ""


def measured(figures: Sequence[Figure], given: ServerBench) -> Iterator[Measured]:
    """Each figure in turn. One that cannot be measured is told as such and keeps nobody from the rest."""
    for number, figure in enumerate(figures, 1):
        print(f"[{number}/{len(figures)}] {figure.name}: {figure.title}", file=sys.stderr, flush=True)
        yield _measure(figure, given)


def _measure(figure: Figure, given: ServerBench) -> Measured:
    started = time.perf_counter()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            rows = runner.run(_rows(figure, given))
    except Exception as error:  # noqa: BLE001 — whatever it is belongs into the table
        traceback.print_exception(error)
        failed = f"{type(error).__name__}: {error}"
        return Measured(figure, time.perf_counter() - started, failed=failed)
    finally:
        given.give_back()
    return Measured(figure, time.perf_counter() - started, rows)


async def _rows(figure: Figure, given: ServerBench) -> Sequence[Row]:
    return await figure.measure(given)
