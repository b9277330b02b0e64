"""Processes of our own that do a part of the work: started, listened to, replaced, stopped."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from api.lifeline import GO, READY, REPLACE, STOP_TIMEOUT_S
from api.listeners import Listeners
from api.processes import end, own_python

HANG_TIMEOUT_S: Final = 10.0
"""A process whose event loop has not turned for that long does nothing for anybody."""

START_TIMEOUT_S: Final = 60.0
"""So long may it take until it shows life for the first time."""

ABORT_TIMEOUT_S: Final = 2.0
HEARD_MAX_BYTES: Final = 4096


class Child:
    """One process; it waits with all its modules imported until it is told to go."""

    def __init__(self, arguments: Sequence[str], inherits: Sequence[int]) -> None:
        self.line, theirs = socket.socketpair()
        with theirs:
            number = str(theirs.fileno())
            command, environment = own_python("-m", "api.cli", *arguments, "--lifeline", number)
            try:
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno(), *inherits],
                    env=environment,
                )
            except OSError:
                self.line.close()
                raise
        self.is_ready = False
        self._told_at: float | None = None
        self._heard_at: float | None = None

    def tell(self, word: bytes) -> None:
        self._told_at = time.monotonic()
        # One that ended while it waited will be noticed by whoever watches.
        with contextlib.suppress(OSError):
            self.line.send(word, socket.MSG_NOSIGNAL)

    def listen(self) -> None:
        """Take in what it has told since, which is nothing most of the time."""
        with contextlib.suppress(OSError):
            if words := self.line.recv(HEARD_MAX_BYTES, socket.MSG_DONTWAIT):
                self._heard_at = time.monotonic()
                self.is_ready |= READY in words

    @property
    def hangs_for_s(self) -> float | None:
        """Seconds for which it should have been heard and was not; None as long as nothing is wrong.

        One that has never spoken is still starting; one that was not told to go has nothing to say.
        """
        heard_at, patience_s = self._heard_at, HANG_TIMEOUT_S
        if heard_at is None:
            heard_at, patience_s = self._told_at, START_TIMEOUT_S
        if heard_at is None or time.monotonic() - heard_at <= patience_s:
            return None
        return patience_s

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def stop(self) -> None:
        end(self.process, (signal.SIGTERM, STOP_TIMEOUT_S))
        self.line.close()

    def abort(self) -> None:
        """End it at once; where it still can, it says where it is stuck."""
        end(self.process, (signal.SIGABRT, ABORT_TIMEOUT_S))
        self.line.close()


@dataclass
class Worker:
    """A part that is always done by one process, run by the command line with `arguments`.

    `load` starts a process, `start` lets it work. It ends when we are gone. `listeners` are the sockets that
    it accepts from; while they are open here, connections wait in them as one process follows another.
    `bind` makes new ones after `refuse` has closed them.
    """

    name: str
    arguments: Sequence[str]
    listeners: Listeners | None = None
    bind: Callable[[], Listeners] | None = None
    child: Child | None = None
    _others: list[Child] = field(default_factory=list)

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        return self.child.process if self.child else None

    def load(self) -> None:
        if self.child is not None:
            self.child.stop()
        self.child = self._made()

    def start(self) -> None:
        """Raises OSError when there are no more processes to be had, or somebody else has the ports now."""
        if self.child is None or self.child.has_ended:
            self.load()
        assert self.child is not None
        self.child.tell(GO)

    @property
    def has_died(self) -> bool:
        """Whether nobody does this part, now or soon, until it is started again."""
        return (self.child is None or self.child.has_ended) and not self._others

    def refuse(self) -> None:
        """Close the sockets here: no connection waits in them any more once no process has them open."""
        if self.listeners is not None:
            self.listeners.close()
            self.listeners = None

    def prepare_successor(self) -> Child:
        """Another process for the same part, which works as soon as it is ready to. Raises OSError."""
        successor = self._made()
        self._others.append(successor)
        successor.tell(REPLACE)
        return successor

    def hand_over(self, successor: Child) -> Child | None:
        """Let `successor` be the process of this part; returns the one that was, which has to stop."""
        before, self.child = self.child, successor
        self._others.remove(successor)
        if before:
            self._others.append(before)
            before.process.terminate()
        return before

    def dismiss(self, child: Child) -> None:
        """Stop one that is not, or no longer, the process of this part."""
        if child.hangs_for_s is None:
            child.stop()
        else:
            child.abort()
        self._others.remove(child)

    def ask_to_stop(self) -> None:
        for child in self._all():
            child.process.terminate()

    def stop(self) -> None:
        for child in self._all():
            child.stop()
        self.child = None
        self._others.clear()

    def end_if_hanging(self) -> float | None:
        """End a process that lives and has not shown it; for how many seconds, None where all is well."""
        if self.child is None or self.child.has_ended:
            return None
        self.child.listen()
        if (seconds := self.child.hangs_for_s) is not None:
            self.child.abort()
        return seconds

    def _made(self) -> Child:
        if self.listeners is None and self.bind is not None:
            self.listeners = self.bind()
        if self.listeners is None:
            return Child(self.arguments, ())
        words = (*self.arguments, "--sockets", self.listeners.as_word())
        return Child(words, self.listeners.numbers)

    def _all(self) -> list[Child]:
        return [*([self.child] if self.child else []), *self._others]
