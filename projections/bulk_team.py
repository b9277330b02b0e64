"""The worker processes of a load, as its coordinator sees them."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from events.errors import Unavailable
from projections.bulk_messages import Message, Order, framed, receive
from projections.writer import Fenced, Lost

ROOT: Final = Path(__file__).parent.parent
"""Where the packages are."""

END_TIMEOUT_S: Final = 10.0


class WorkerDied(OSError):
    """A worker process ended before its work was done."""


class InOrder(Exception):
    """This log has to be folded in order; the message says why."""


class Worker(NamedTuple):
    process: subprocess.Popen[bytes]
    answers: asyncio.StreamReader
    jobs: asyncio.StreamWriter


class Team:
    """Workers that share jobs; made by `team`. `tell` is told of events as they are folded."""

    def __init__(self, workers: list[Worker], tell: Callable[[int], None]) -> None:
        self._workers = workers
        self._tell = tell

    @property
    def pids(self) -> list[int]:
        return [worker.process.pid for worker in self._workers]

    async def share(self, jobs: Iterable[Message]) -> None:
        """Have all jobs done, each by whoever is free.

        Raises InOrder, Unavailable, WorkerDied, Fenced, Lost.
        """
        waiting = deque(jobs)
        await self._all(self._work_off(worker, waiting) for worker in self._workers)

    async def everybody(self, job: Message) -> None:
        """Have every worker do a job."""
        await self._all(self._work_off(worker, deque([job])) for worker in self._workers)

    async def _all(self, works: Iterable[Coroutine[Any, Any, None]]) -> None:
        tasks = [asyncio.create_task(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _work_off(self, worker: Worker, waiting: deque[Message]) -> None:
        while waiting:
            await self._do(worker, waiting.popleft())

    async def _do(self, worker: Worker, job: Message) -> None:
        try:
            worker.jobs.write(framed(job))
            while True:
                answer = await receive(worker.answers)
                if "events" not in answer:
                    break
                self._tell(answer["events"])
        except (EOFError, OSError) as error:
            raise WorkerDied(f"process {worker.process.pid} ended: {error!r}") from error
        if "failed" in answer:
            raise raised(answer)


def raised(answer: Message) -> Exception:
    """The error of which a worker tells (see `projections.bulk_worker.failure`)."""
    match answer:
        case {"failed": "fenced", "epoch": epoch}:
            return Fenced(epoch)
        case {"failed": "lost", "state": state, "position": position}:
            return Lost(state, position)
        case {"failed": "away", "reason": reason}:
            return Unavailable(reason)
        case _:
            return InOrder(answer["reason"])


@asynccontextmanager
async def team(order: Order, size: int, tell: Callable[[int], None]) -> AsyncIterator[Team]:
    """`size` workers with the same order; none of them is left afterwards, however it ends."""
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(worker(order)) for _ in range(size)]
        yield Team(workers, tell)


@asynccontextmanager
async def worker(order: Order) -> AsyncIterator[Worker]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    answers, jobs = await asyncio.open_unix_connection(sock=ours)
    try:
        with theirs:
            process = await started(theirs)
        try:
            jobs.write(framed(order._asdict()))
            yield Worker(process, answers, jobs)
        finally:
            await ended(process)
    finally:
        jobs.transport.abort()


async def started(channel: socket.socket) -> subprocess.Popen[bytes]:
    starting = asyncio.ensure_future(asyncio.to_thread(start, channel))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await ended(await starting)
        raise


async def ended(process: subprocess.Popen[bytes]) -> None:
    """What a worker has sent and not heard of does no harm: it is fenced, and the same whoever sends it."""
    process.kill()
    await asyncio.shield(asyncio.to_thread(process.wait, END_TIMEOUT_S))


def start(channel: socket.socket) -> subprocess.Popen[bytes]:
    """What a worker has to know comes through the channel: a command line is there for all to see."""
    path = [str(ROOT), *(part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part)]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "projections.bulk_worker"],
        stdin=channel.fileno(),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
    )
