"""Keeping processes running: whatever dies is started again, with growing pauses."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from api.exits import CannotRun
from api.processes import end, own_python

PAUSE_MIN_S: Final = 0.5
PAUSE_MAX_S: Final = 10.0
STABLE_AFTER_S: Final = 60.0
"""Whoever ran that long is forgiven earlier failures."""

FAILURES_MAX: Final = 3
"""A part that dies that often without ever having been stable cannot run here."""

STOP_TIMEOUT_S: Final = 15.0
GO: Final = b"g"


class Part(Protocol):
    """Something that runs and may die."""

    @property
    def name(self) -> str: ...

    @property
    def process(self) -> subprocess.Popen[bytes] | None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


@dataclass
class Worker:
    """A process of our own, run by the command line with `arguments`; it ends when we are gone.

    `load` starts it, and it waits with all its modules imported; `start` lets it work.
    """

    name: str
    arguments: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    _lifeline: int | None = None

    def start(self) -> None:
        if self.process is None or self.process.poll() is not None:
            self.load()
        assert self._lifeline is not None
        # One that ended while it waited will be noticed by whoever watches.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._lifeline, GO)

    def load(self) -> None:
        reading, writing = os.pipe()
        self._cut()
        self._lifeline = writing
        command, environment = own_python("-m", "api.cli", *self.arguments, "--lifeline", str(reading))
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, pass_fds=[reading], env=environment
            )
        finally:
            os.close(reading)

    def ask_to_stop(self) -> None:
        if self.process is not None:
            self.process.terminate()

    def stop(self) -> None:
        if self.process is not None:
            end(self.process, (signal.SIGTERM, STOP_TIMEOUT_S))
            self.process = None
        self._cut()

    def _cut(self) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None


@dataclass
class _Watched:
    part: Part
    failures: int = 0
    started_at: float = field(default_factory=time.monotonic)
    again_at: float | None = None


class Supervisor:
    """Watches `parts`, all of them started. `say` is called with a line for every death."""

    def __init__(self, parts: Sequence[Part], say: Callable[[str], None]) -> None:
        self._watched = [_Watched(part) for part in parts]
        self._say = say

    def look(self, *, starting: bool = False) -> None:
        """Start again what has died. While `starting`, repeated deaths raise CannotRun."""
        for watched in self._watched:
            process = watched.part.process
            if watched.again_at is not None:
                _start_when_due(watched)
            elif process is None or process.poll() is not None:
                self._mourn(watched, process.returncode if process else None, starting=starting)

    def _mourn(self, watched: _Watched, code: int | None, *, starting: bool) -> None:
        stable = time.monotonic() - watched.started_at > STABLE_AFTER_S
        watched.failures = 1 if stable else watched.failures + 1
        if starting and watched.failures >= FAILURES_MAX:
            raise CannotRun(
                f"the {watched.part.name} cannot start ({_ending(code)}): its messages stand above"
            )
        pause_s = min(PAUSE_MIN_S * 2 ** (watched.failures - 1), PAUSE_MAX_S)
        watched.again_at = time.monotonic() + pause_s
        self._say(f"the {watched.part.name} ended ({_ending(code)}); starting it again in {pause_s:g} s")


def _start_when_due(watched: _Watched) -> None:
    assert watched.again_at is not None
    if time.monotonic() >= watched.again_at:
        watched.again_at, watched.started_at = None, time.monotonic()
        watched.part.start()


def _ending(code: int | None) -> str:
    if code is None:
        return "never started"
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def follow(lifeline: int) -> None:
    """Wait until the process at the other end of `lifeline` says go, and end when that one is gone.

    Ctrl-C reaches every process of a terminal at once, but it is the supervisor that stops them in order:
    SIGINT is therefore not heard here.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    if os.read(lifeline, 1) != GO:
        raise SystemExit(0)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_TIMEOUT_S)
    os._exit(1)
