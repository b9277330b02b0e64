"""Keeping processes running: whatever dies is started again, with growing pauses."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from api.exits import CannotRun

PAUSE_MIN_S: Final = 0.5
PAUSE_MAX_S: Final = 10.0
STABLE_AFTER_S: Final = 60.0
"""Whoever ran that long is forgiven earlier failures."""

FAILURES_MAX: Final = 3
"""A part that dies that often without ever having been stable cannot run here."""


class Part(Protocol):
    """Something that runs and may die."""

    @property
    def name(self) -> str: ...

    @property
    def process(self) -> subprocess.Popen[bytes] | None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


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
                self._start_when_due(watched)
            elif process is None or process.poll() is not None:
                self._mourn(watched, process.returncode if process else None, starting=starting)

    def failures_of(self, part: Part) -> int:
        """How often it has died without having been stable since."""
        return next(watched.failures for watched in self._watched if watched.part is part)

    def _start_when_due(self, watched: _Watched) -> None:
        assert watched.again_at is not None
        if time.monotonic() < watched.again_at:
            return
        watched.again_at, watched.started_at = None, time.monotonic()
        try:
            watched.part.start()
        except OSError as error:
            # The next look finds that nothing runs, and it is tried again.
            self._say(f"the {watched.part.name} cannot be started: {error.strerror}")

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


def _ending(code: int | None) -> str:
    if code is None:
        return "never started"
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
