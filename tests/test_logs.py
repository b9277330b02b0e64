"""Log lines: missed ones are counted, and those on a console are fit for people."""

from __future__ import annotations

import logging
import queue
import re

import pytest
import structlog

from api import logs
from api.logs import _Entrance, logging_to


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


def test_a_request_is_one_short_phrase_on_a_console(capsys: pytest.CaptureFixture[str]) -> None:
    said = logged(
        capsys, method="GET", path="/api/projects", status=200, milliseconds=8.5, request_id="req_1"
    )
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d \[info\] GET /api/projects 200 in 8\.5 ms request_id=req_1\n", said
    ), said


def test_a_path_cannot_write_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    said = logged(capsys, method="GET", path="/\x1b[2J\nforged", status=404, milliseconds=1.0)
    assert r"GET /\x1b[2J\nforged 404" in said
    assert said.count("\n") == 1


def test_a_traceback_on_a_console_shows_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to("console", "info"):
        password = "correct horse"
        try:
            raise ValueError(len(password))
        except ValueError as error:
            structlog.get_logger("test").error("a request failed", exc_info=error)
    said = capsys.readouterr().err
    assert "ValueError: 13" in said

    assert "correct horse" not in said


def logged(capsys: pytest.CaptureFixture[str], **fields: object) -> str:
    with logging_to("console", "info"):
        structlog.get_logger("test").info("request", **fields)
    return capsys.readouterr().err
