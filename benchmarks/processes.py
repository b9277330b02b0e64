"""Processes that figures are measured with: started, watched, and ended with the block that wants them."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import aiohttp
import psutil

from api.processes import end, last_line, own_python, spawn

READY_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 20.0


@contextmanager
def python(
    *arguments: str, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """This Python with other arguments, in a session of its own, its output going to `log`; ended at last."""
    command, own = own_python(*arguments)
    process = spawn(command, log=log, env=own | dict(environment or {}))
    try:
        yield process
    finally:
        end(process, (signal.SIGTERM, STOP_TIMEOUT_S))


async def ended_well(process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once it is done. Raises RuntimeError with its last words when it failed."""
    if await asyncio.to_thread(process.wait):
        raise RuntimeError(f"ended with {process.returncode}: {last_line(log)} (log: {log})")


async def answering(process: subprocess.Popen[bytes], log: Path, url: str) -> None:
    """Return once `url` answers 200. Raises RuntimeError when the process ends before, or takes too long."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    async with aiohttp.ClientSession() as session:
        while not await _answers(session, url):
            if process.poll() is not None:
                raise RuntimeError(f"ended with {process.returncode}: {last_line(log)} (log: {log})")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{url} does not answer after {READY_TIMEOUT_S:.0f} s (log: {log})")
            await asyncio.sleep(0.05)


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    with suppress(aiohttp.ClientError, TimeoutError):
        async with session.get(url, timeout=aiohttp.ClientTimeout(2)) as answer:
            return answer.status == 200
    return False


def processor_s(process: psutil.Process) -> float:
    """Seconds of processor time that a process and its children have taken, those that ended included."""
    total = 0.0
    for each in (process, *process.children()):
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system
    ended = process.cpu_times()
    return total + float(ended.children_user + ended.children_system)
