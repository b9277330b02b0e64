"""Structured logs: one line per happening, JSON for machines, short phrases on a terminal."""

from __future__ import annotations

import io
import logging
import logging.handlers
import os
import queue
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from api.request_lines import Gathered, RequestLine, Write, as_event, as_json

QUEUE_MAX: Final = 10_000
"""Lines that wait for a slow reader of the log; what comes beyond that is dropped, and counted."""

STOP_S: Final = 2.0
"""How long the lines that still wait are written when logging ends."""

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
    Those about requests are gathered for a moment and written together.
    Logs hold no bodies, cookies, passwords or tokens, because nobody passes them any.
    """
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    is_json = stream_format == "json" or (stream_format == "auto" and not sys.stderr.isatty())
    handler = _Exit(as_json if is_json else _as_phrase())
    handler.setFormatter(_formatter(is_json=is_json))
    # Of all queues this one never makes a writer wait for a lock.
    lines: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    entrance = _Entrance(lines)
    listener = _Listener(lines, handler, entrance)
    root = logging.getLogger()
    root.addHandler(entrance)
    root.setLevel(level.upper())
    # Its warnings about single requests are answered to the client and logged by us.
    logging.getLogger("aiohttp.access").disabled = True
    listener.start()
    _entrances.append(entrance)
    try:
        yield
    finally:
        _entrances.remove(entrance)
        root.removeHandler(entrance)
        entrance.tell_dropped()
        listener.stop()


def log_request(line: RequestLine) -> None:
    """Have a line written about a request, at level info, or debug for what is no news."""
    if _entrances and logging.root.level <= (logging.INFO if line.is_news else logging.DEBUG):
        _entrances[-1].note(line)


class _Entrance(logging.handlers.QueueHandler):
    def __init__(self, lines: queue.SimpleQueue[logging.LogRecord]) -> None:
        super().__init__(lines)
        self._lines = lines
        self._gathered = Gathered(deque())
        self._dropped = 0
        # Any thread may drop lines, even in the middle of counting: while garbage is collected.
        self._counting = threading.RLock()

    def note(self, line: RequestLine) -> None:
        """As `enqueue`, without a record for each line."""
        gathered = self._gathered
        if len(gathered.lines) >= QUEUE_MAX:
            self._drop()
            return
        self.tell_dropped()
        gathered.lines.append(line)
        if not gathered.is_awaited:
            gathered.is_awaited = True
            self._lines.put(gathered)

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        # Unlike the base class, leave the event dictionary to the formatter in the other thread,
        # which does not know what request a library's line belongs to.
        record.context = structlog.contextvars.get_contextvars()
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        if self._lines.qsize() >= QUEUE_MAX:
            self._drop()
            return
        self.tell_dropped()
        self._lines.put(record)

    def tell_dropped(self) -> None:
        """Have a line written about those that are missing, if there are any."""
        if not self._dropped:
            return
        with self._counting:
            dropped, self._dropped = self._dropped, 0
        if dropped:
            self._lines.put(self.prepare(_gap(dropped)))

    def _drop(self) -> None:
        with self._counting:
            self._dropped += 1


class _Listener(logging.handlers.QueueListener):
    """Writes what comes in through `entrance` in a thread of its own."""

    def __init__(
        self, lines: queue.SimpleQueue[logging.LogRecord], handler: _Exit, entrance: _Entrance
    ) -> None:
        super().__init__(lines, handler)
        self._lines = lines
        self._entrance = entrance

    def handle(self, record: logging.LogRecord) -> None:
        super().handle(record)
        if self._lines.empty():
            # Nobody may ever write another line that would tell.
            self._entrance.tell_dropped()

    def stop(self) -> None:
        """Write what waits, for STOP_S at most: a reader that is held up for good ends with the process."""
        self.enqueue_sentinel()
        if self._thread:
            self._thread.join(STOP_S)
            self._thread = None


class _Exit(logging.StreamHandler[TextIO]):
    """The way to standard error, past its buffer: one who is held up there would hold a lock of it.

    Python waits for that lock, and for a handler's, before it ends.
    """

    def __init__(self, write: Write) -> None:
        super().__init__(_unbuffered(sys.stderr))
        self._write = write

    def handle(self, record: logging.LogRecord) -> bool:
        # Without the lock: nobody but the listener writes.
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        # Others come while these are waited for: one write for all of them.
        if not isinstance(record, Gathered) or record.wait():
            super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record, Gathered):
            return "\n".join(map(self._write, record.taken()))
        return super().format(record)


_entrances: Final[list[_Entrance]] = []


def _unbuffered(stream: TextIO) -> TextIO:
    """The stream's file without the stream's buffer; a stream that has no file is taken as it is."""
    try:
        raw = io.FileIO(stream.fileno(), "w", closefd=False)
    except OSError:
        return stream
    return io.TextIOWrapper(raw, stream.encoding, stream.errors, write_through=True)


def _gap(dropped: int) -> logging.LogRecord:
    text = f"{dropped} lines are missing here: the reader of the log was too slow"
    return logging.LogRecord(__name__, logging.ERROR, __file__, 0, text, None, None)


def _formatter(*, is_json: bool) -> logging.Formatter:
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
        exception_formatter=_visible_traceback,
    )


def _visible_traceback(sio: TextIO, exc_info: ExcInfo) -> None:
    """Each line is set in: what an exception says may come from a client, and shall look like no line."""
    plain = io.StringIO()
    structlog.dev.plain_traceback(plain, exc_info)
    sio.write("\n".join(f"  {_visible(line)}" for line in plain.getvalue().split("\n")))


def _as_phrase() -> Write:
    console = _console()
    return lambda line: str(console(None, "", _for_people(None, "", as_event(line))))


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
