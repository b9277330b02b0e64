"""Lines of the log about requests, of which there are too many to make each as other lines are made."""

from __future__ import annotations

import json
import logging
import re
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from api.process_name import process_name

GATHER_S: Final = 0.05
"""How long a line waits for others that are written with it."""

LOGGER: Final = "api.requests"

# What JSON holds as it is.
_PLAIN: Final = re.compile(r"[ !#-\[\]-~]*")


class RequestLine(NamedTuple):
    """How a request ended at `at_s`, in Unix time; what is no news is for those who look for errors."""

    at_s: float
    request_id: str
    method: str
    path: str
    status: int
    seconds: float
    is_news: bool = True


Write = Callable[[RequestLine], str]


class Gathered(logging.LogRecord):
    """The lines that wait, as one record; `is_awaited` while it is in the queue."""

    def __init__(self, lines: deque[RequestLine]) -> None:
        super().__init__(LOGGER, logging.INFO, __file__, 0, "requests", None, None)
        self.lines = lines
        self.is_awaited = False

    def wait(self) -> bool:
        """Whether there is anything to write, after a moment in which more may have come."""
        time.sleep(GATHER_S)
        # First of all: what comes from now on has the record put into the queue again.
        self.is_awaited = False
        return bool(self.lines)

    def taken(self) -> list[RequestLine]:
        return [self.lines.popleft() for _ in range(len(self.lines))]


def as_event(line: RequestLine) -> dict[str, Any]:
    """The line as structlog's processors know others."""
    return {
        "method": line.method,
        "path": line.path,
        "status": line.status,
        "milliseconds": _milliseconds(line),
        "event": "request",
        "request_id": line.request_id,
        "level": "info" if line.is_news else "debug",
        "logger": LOGGER,
        "timestamp": _timestamp(line.at_s),
        **process_name(),
    }


def as_json(line: RequestLine) -> str:
    """The JSON of `as_event`, in a tenth of the time."""
    level = "info" if line.is_news else "debug"
    process = "".join(f', "{name}": {value}' for name, value in process_name().items())
    return (
        f'{{"method": {_quoted(line.method)}, "path": {_quoted(line.path)}, "status": {line.status}, '
        f'"milliseconds": {_milliseconds(line)}, "event": "request", "request_id": "{line.request_id}", '
        f'"level": "{level}", "logger": "{LOGGER}", "timestamp": "{_timestamp(line.at_s)}"{process}}}'
    )


def _quoted(text: str) -> str:
    return f'"{text}"' if _PLAIN.fullmatch(text) else json.dumps(text)


def _milliseconds(line: RequestLine) -> float:
    return round(line.seconds * 1000, 1)


def _timestamp(at_s: float) -> str:
    return f"{_second(int(at_s))}.{int(at_s % 1 * 1_000_000):06}Z"


@lru_cache(maxsize=2)
def _second(at_s: int) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%S}"
