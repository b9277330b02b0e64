"""Baselines that work in threads, as programs that use the library do."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Final

LIBRARY_THREADS: Final = 8


def in_threads(work: Callable[[float], int], seconds: float) -> float:
    """How many things a second get done; `work` goes on until the time that it is given and says how many."""
    with ThreadPoolExecutor(LIBRARY_THREADS) as threads:
        started = perf_counter()
        running = [threads.submit(work, started + seconds) for _ in range(LIBRARY_THREADS)]
        done = sum(each.result() for each in running)
        return done / (perf_counter() - started)
