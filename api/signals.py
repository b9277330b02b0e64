"""What signals ask for: to stop, or of a process that watches over others, to replace them all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

from api.terminal import say


class Stopped(BaseException):
    """Ctrl-C, SIGTERM, or a closed terminal: not an error, so nothing that handles errors may catch it."""


@dataclass
class Asked:
    """What signals have asked for since it was last looked at."""

    to_replace: bool = False
    to_stop: bool = False
    is_held: bool = False

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Stop at the end of the block rather than within it, unless that is asked for twice.

        Nothing knows Stopped in the middle of an event loop or of a transaction, and what is thrown away
        there complains.
        """
        self.is_held = True
        try:
            yield
        finally:
            self.is_held = False
        if self.to_stop:
            signal.raise_signal(signal.SIGTERM)


@contextlib.contextmanager
def listened_to() -> Iterator[Asked]:
    """Let the first SIGINT or SIGTERM raise Stopped, more of them do nothing, and SIGHUP be noted.

    Where that is `held`, the first one is noted.

    Where a terminal that was there is gone, SIGHUP says just that, and stops as well.
    """
    asked, has_terminal = Asked(), _is_terminal()

    def stop(_number: int, _frame: FrameType | None) -> None:
        # A connection that is broken off by us is no news.
        logging.getLogger("psycopg").setLevel(logging.CRITICAL)
        if asked.is_held and not asked.to_stop:
            asked.to_stop = True
            _say_so()
            return
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if not asked.to_stop:
            _say_so()
        raise Stopped

    def replace(number: int, frame: FrameType | None) -> None:
        if has_terminal and not _is_terminal():
            stop(number, frame)
        asked.to_replace = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, replace)
    yield asked


def on_stop(stop: Callable[[], object]) -> None:
    """Call `stop` in the running event loop for each signal that wants an orderly end.

    A closed terminal is one: there is nobody to be replaced by.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)


def _say_so() -> None:
    # A terminal that is gone takes no word any more.
    with contextlib.suppress(OSError):
        say("stopping…")


def _is_terminal() -> bool:
    return os.isatty(sys.__stdin__.fileno()) if sys.__stdin__ else False
