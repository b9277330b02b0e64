"""Log lines that a slow reader makes impossible are missed, but never silently."""

from __future__ import annotations

import logging
import queue

import pytest

from api import logs
from api.logs import _Entrance


def test_lines_that_did_not_fit_are_counted_as_soon_as_one_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "QUEUE_MAX", 2)
    lines: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    entrance = _Entrance(lines)
    for number in range(5):
        entrance.handle(line(f"line {number}"))
    assert [lines.get().getMessage() for _ in range(2)] == ["line 0", "line 1"]
    entrance.handle(line("line 5"))
    assert lines.get().getMessage().startswith("3 lines are missing here")
    assert lines.get().getMessage() == "line 5"


def line(text: str) -> logging.LogRecord:
    return logging.LogRecord("test", logging.INFO, __file__, 0, text, None, None)
