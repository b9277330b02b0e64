"""Structured logs: one line per happening, JSON for machines, short phrases on a terminal."""

from __future__ import annotations

import logging
import logging.handlers
import os
import queue
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

QUEUE_MAX: Final = 10_000
"""Lines that wait for a slow reader of the log; what comes beyond that is dropped, and counted."""

SHARED: Final[tuple[Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


@contextmanager
def logging_to(stream_format: str, level: str) -> Iterator[None]:
    """Log to standard error while the block runs; `stream_format` is json, console or auto.

    Lines are written by a thread of their own: a terminal that is held up holds up nobody else.
    Logs hold no bodies, cookies, passwords or tokens, because nobody passes them any.
    """
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(stream_format))
    # Of all queues this one never makes a writer wait for a lock.
    lines: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    listener = logging.handlers.QueueListener(lines, handler)
    root = logging.getLogger()
    root.addHandler(entrance := _Entrance(lines))
    root.setLevel(level.upper())
    # Its warnings about single requests are answered to the client and logged by us.
    logging.getLogger("aiohttp.access").disabled = True
    listener.start()
    try:
        yield
    finally:
        root.removeHandler(entrance)
        listener.stop()


class _Entrance(logging.handlers.QueueHandler):
    def __init__(self, lines: queue.SimpleQueue[logging.LogRecord]) -> None:
        super().__init__(lines)
        self._lines = lines
        self._dropped = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        # Unlike the base class, leave the event dictionary to the formatter in the other thread,
        # which does not know what request a library's line belongs to.
        record.context = structlog.contextvars.get_contextvars()
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        if self._lines.qsize() >= QUEUE_MAX:
            self._dropped += 1
            return
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            self._lines.put(self.prepare(_gap(dropped)))
        self._lines.put(record)


def _gap(dropped: int) -> logging.LogRecord:
    text = f"{dropped} lines are missing here: the reader of the log was too slow"
    return logging.LogRecord(__name__, logging.ERROR, __file__, 0, text, None, None)


def _formatter(stream_format: str) -> logging.Formatter:
    is_json = stream_format == "json" or (stream_format == "auto" and not sys.stderr.isatty())
    last: list[Processor] = [_for_people, _console()]
    if is_json:
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*SHARED, _with_context],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )


def _console() -> Processor:
    """Short lines; tracebacks without the values of variables, which may be passwords."""
    return structlog.dev.ConsoleRenderer(
        pad_event_to=0,
        pad_level=False,
        colors=sys.stderr.isatty() and not os.environ.get("NO_COLOR"),
        exception_formatter=structlog.dev.plain_traceback,
    )


def _for_people(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """For somebody who watches: the local time of day, a request as one phrase, no control characters."""
    event["timestamp"] = datetime.fromisoformat(event["timestamp"]).astimezone().strftime("%H:%M:%S")
    if event["level"] in ("info", "debug"):
        event.pop("logger", None)
    if event["event"] == "request":
        event["event"] = "{method} {path} {status} in {milliseconds} ms".format_map(event)
        for name in ("method", "path", "status", "milliseconds"):
            del event[name]
    return {name: _visible(value) for name, value in event.items()}


def _visible(value: object) -> object:
    """A client chooses paths: in a terminal they shall neither move the cursor nor begin a line."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in value)


def _with_context(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The request of a line that a library wrote."""
    return {**event["_record"].context, **event}
