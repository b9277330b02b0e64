"""What a process and the one that watches over it tell each other, and how either notices the other's end."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import os
import signal
import socket
import threading
import time
from typing import Final

GO: Final = b"g"
REPLACE: Final = b"r"
"""Go, but do not take any work before you are ready for it: another process still does it."""

BEAT: Final = b"b"
READY: Final = b"y"

BEAT_INTERVAL_S: Final = 1.0
STOP_TIMEOUT_S: Final = 15.0


class Lifeline:
    """Our end of it, in a process that somebody watches over."""

    def __init__(self, number: int) -> None:
        self._line = socket.socket(fileno=number)
        self.is_replacement = False

    def follow(self) -> None:
        """Wait until the process at the other end says go, and end when that one is gone.

        Ctrl-C and a closed terminal reach every process of a terminal at once, but it is the supervisor that
        stops them in order: those signals are therefore not heard here.
        """
        # Whoever ends a process that hangs wants to read where it hung.
        faulthandler.enable()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
        word = self._line.recv(1)
        if word not in (GO, REPLACE):
            raise SystemExit(0)
        self.is_replacement = word == REPLACE
        threading.Thread(target=self._end_with_it, daemon=True).start()

    def tell_ready(self) -> None:
        self._tell(READY)

    def tell_alive(self) -> None:
        self._tell(BEAT)

    def _tell(self, word: bytes) -> None:
        # Nobody reads when the other end is busy or gone: neither is for us to mend.
        try:
            self._line.send(word, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError:
            return

    def _end_with_it(self) -> None:
        # Gone with some of our words unread, the other end is an error instead of an end.
        with contextlib.suppress(OSError):
            while self._line.recv(1):
                pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_TIMEOUT_S)
        os._exit(1)


async def beats(lifeline: Lifeline | None) -> None:
    """Show until cancelled that the event loop turns, where anybody watches."""
    while lifeline:
        lifeline.tell_alive()
        await asyncio.sleep(BEAT_INTERVAL_S)
