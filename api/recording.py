"""What an answer rests on is written down while it is made: so it is known when it is out of date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import inf


@dataclass(slots=True)
class Recording:
    """`tags` are those of `readmodels.touched`; what rests on anything else as well is not lasting.

    By the clock alone it changes after the moment `until_s`, in Unix time. `passes` is called as soon as it
    is known not to be lasting.
    """

    tags: set[str] = field(default_factory=set)
    is_lasting: bool = True
    until_s: float = inf
    passes: Callable[[], None] = lambda: None


_recording: ContextVar[Recording | None] = ContextVar("recording", default=None)


@contextmanager
def recording(passes: Callable[[], None] = lambda: None) -> Iterator[Recording]:
    """What is read within the block is written down, by tasks that are begun in it as well."""
    record = Recording(passes=passes)
    token = _recording.set(record)
    try:
        yield record
    finally:
        _recording.reset(token)


def rests_on(tags: Iterable[str]) -> None:
    """What is made now rests on these."""
    record = _recording.get()
    if record is not None:
        record.tags.update(tags)


def holds_until(at_s: float) -> None:
    """What is made now is another one after this moment, in Unix time, though nothing happens."""
    record = _recording.get()
    if record is not None:
        record.until_s = min(at_s, record.until_s)


def holds_now_only() -> None:
    """What is made now rests on what nobody announces, such as the time: it may not be told again."""
    record = _recording.get()
    if record is not None:
        record.is_lasting = False
        record.passes()
