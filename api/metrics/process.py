"""A process as the system sees it, and how late its event loop is."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import Iterator
from typing import Final

import psutil
from prometheus_client.core import Metric

from api.metrics.families import PREFIX, counter, gauge, histogram
from events.measures import SECONDS, Histogram

LOOP_CHECK_S: Final = 0.25


def name() -> str:
    """What tells this process from all others of a ledger."""
    return f"{socket.gethostname()}:{os.getpid()}"


class LoopLag:
    """How much later than asked for the event loop comes back to somebody who slept."""

    def __init__(self) -> None:
        self.seconds = Histogram(SECONDS)

    async def run(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOP_CHECK_S
            await asyncio.sleep(LOOP_CHECK_S)
            self.seconds.observe(max(0.0, loop.time() - due))

    def families(self) -> Iterator[Metric]:
        about = "How much later than asked for the event loop came back."
        yield histogram(f"{PREFIX}event_loop_lag_seconds", about, (), {(): self.seconds})


def process_families() -> Iterator[Metric]:
    """Under the names that Prometheus gives them everywhere. Reads files of the system."""
    process = psutil.Process()
    with process.oneshot():
        used = process.cpu_times()
        yield counter("process_cpu_seconds", "Processor time used.", (), {(): used.user + used.system})
        yield gauge("process_resident_memory_bytes", "Memory in use.", (), {(): process.memory_info().rss})
        yield gauge("process_open_fds", "Open files and sockets.", (), {(): process.num_fds()})
        started = process.create_time()
        yield gauge("process_start_time_seconds", "When it began, in Unix seconds.", (), {(): started})
    files_max = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    yield gauge("process_max_fds", "How many files and sockets may be open.", (), {(): files_max})
