"""The worker process as its server sees it; everything here blocks and belongs into a thread."""

from __future__ import annotations

import pickle
import socket
import subprocess
import time

from api.processes import end, own_python
from api.reports.frames import receive, send
from api.reports.spool import Spool


class WorkerDied(Exception):
    """The worker process ended before its work was done."""


class WorkerProcess:
    """Started when there is something to do, and again after it died; one order at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._is_closed = False

    @property
    def pid(self) -> int | None:
        """The process that runs now, if any."""
        return self._process.pid if self._process else None

    def work(self, order: bytes, spool: Spool, timeout_s: float) -> None:
        """Have a pickled order carried out and its report written into `spool`.

        Raises WorkerDied, TimeoutError (the worker is ended then), and what the work itself raised.
        """
        try:
            failure = self._exchange(order, spool.fileno(), time.monotonic() + timeout_s)
        except TimeoutError:
            self._end()
            raise
        except (EOFError, OSError) as error:
            self._end()
            raise WorkerDied(f"the worker process ended: {error!r}") from error
        if failure:
            raise pickle.loads(failure)  # noqa: S301 - from our own worker, by a channel of its own

    def close(self) -> None:
        """End the process, from any thread; there will be no other."""
        self._is_closed = True
        process = self._process
        if process is not None:
            process.kill()

    def reap(self) -> None:
        """Wait for the process that `close` ended."""
        self._end()

    def _exchange(self, order: bytes, file: int, deadline: float) -> bytearray:
        if self._is_closed:
            raise EOFError("closed")
        channel = self._channel or self._start()
        channel.settimeout(_until(deadline))
        send(channel, order, file)
        channel.settimeout(_until(deadline))
        return receive(channel)[0]

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            command, environment = own_python("-m", "api.reports.worker")
            self._process = subprocess.Popen(command, stdin=theirs.fileno(), env=environment)
        self._channel = ours
        if self._is_closed:
            # Whoever closed may have looked for the process too early.
            self._process.kill()
        return ours

    def _end(self) -> None:
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            end(self._process)
        self._channel = self._process = None


def _until(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
