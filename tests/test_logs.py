"""Log lines: missed ones are counted, and those on a console are fit for people."""

from __future__ import annotations

import io
import json
import logging
import os
import queue
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from api import logs, process_name
from api.logs import _Entrance, log_request, logging_to
from api.request_lines import GATHER_S, RequestLine, as_event, as_json


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
    said = logged(capsys, LINE)
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d \[info\] GET /api/projects 200 in 8\.5 ms request_id=req_1\n", said
    ), said


def test_a_path_cannot_write_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    said = logged(capsys, LINE._replace(path="/\x1b[2J\nforged", status=404))
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


def test_the_json_of_a_request_is_that_of_any_other_line() -> None:
    for path in ("/api/projects", '/"\\', "/\x1b[2J\nforged", "/übung", "/\udcff", "/\x7f", ""):
        for seconds in (0.0085, 0.0, 12.34567, 0.00004):
            line = LINE._replace(path=path, seconds=seconds)
            assert as_json(line) == json.dumps(as_event(line))
            assert json.loads(as_json(line))["path"] == path


def test_where_several_write_each_line_says_which_process_it_is_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(process_name, "_name", {})
    monkeypatch.setattr(os, "getpid", lambda: 4711)
    process_name.name_process()
    try:
        with logging_to("json", "info"):
            structlog.get_logger("test").info("serving")
            logging.getLogger("library").info("noted")
            log_request(LINE)
    finally:
        structlog.contextvars.unbind_contextvars("process")
    assert [json.loads(said)["process"] for said in capsys.readouterr().err.splitlines()] == [4711] * 3
    assert as_json(LINE) == json.dumps(as_event(LINE))


def test_lines_about_requests_have_the_fields_of_structlog(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to("json", "info"):
        fields = {"method": "GET", "path": "/api/projects", "status": 200, "milliseconds": 8.5}
        with structlog.contextvars.bound_contextvars(request_id="req_1"):
            structlog.get_logger("api.requests").info("request", **fields)
        log_request(LINE)
    theirs, ours = map(json.loads, capsys.readouterr().err.splitlines())
    assert len(ours["timestamp"]) == len(theirs["timestamp"])
    assert [*ours] == [*theirs]
    assert {**ours, "timestamp": theirs["timestamp"]} == theirs


def test_all_lines_about_requests_are_written_before_logging_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to("json", "info"):
        for number in range(1000):
            log_request(LINE._replace(request_id=f"req_{number}"))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["request_id"] for line in lines] == [f"req_{number}" for number in range(1000)]


def test_lines_about_requests_go_out_together(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(sys, "stderr", Told(written.append))
    with logging_to("json", "info"):
        for _ in range(100):
            log_request(LINE)
    assert sum(text.count("\n") for text in written) == 100
    assert len(written) < 5


def too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five lines for a queue of two, and the time in which they go out."""
    monkeypatch.setattr(logs, "QUEUE_MAX", 2)
    for _ in range(5):
        log_request(LINE)
    time.sleep(5 * GATHER_S)


def test_lines_about_requests_that_did_not_fit_are_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with logging_to("json", "info"):
        too_much(monkeypatch)
        log_request(LINE)
    said = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    assert said == [
        "request",
        "request",
        "3 lines are missing here: the reader of the log was too slow",
        "request",
    ]


def test_missing_lines_are_told_though_no_other_line_comes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with logging_to("json", "info"):
        too_much(monkeypatch)
        said = capsys.readouterr().err
    assert "3 lines are missing here" in said.splitlines()[-1]
    assert not capsys.readouterr().err


def test_missing_lines_are_told_when_logging_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logs, "QUEUE_MAX", 0)
    with logging_to("json", "info"):
        logging.getLogger("test").warning("no room")
    assert "1 lines are missing here" in capsys.readouterr().err


def test_a_reader_who_never_reads_does_not_keep_a_process_from_ending(tmp_path: Path) -> None:
    script = tmp_path / "speak.py"
    script.write_text(
        "import logging\n"
        "from api import logs\n"
        "logs.STOP_S = 0.2\n"
        "with logs.logging_to('json', 'info'):\n"
        "    for number in range(2000):\n"
        "        logging.getLogger('test').warning('line %s %s', number, 100 * 'x')\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen([sys.executable, script], stderr=subprocess.PIPE, env=environment) as process:
        try:
            assert process.wait(20) == 0
        finally:
            process.kill()
        assert process.stderr is not None
        assert b"line 0 xxx" in process.stderr.readline()


def test_what_is_no_news_is_for_those_who_look_for_errors(capsys: pytest.CaptureFixture[str]) -> None:
    for level, lines in (("info", 0), ("debug", 1), ("warning", 0)):
        with logging_to("json", level):
            log_request(LINE._replace(is_news=False))
        assert len(capsys.readouterr().err.splitlines()) == lines
    with logging_to("json", "warning"):
        log_request(LINE)
    assert not capsys.readouterr().err


class Told(io.StringIO):
    """A stream that tells of each write."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._tell = tell

    def write(self, text: str) -> int:
        self._tell(text)
        return len(text)


LINE = RequestLine(time.time(), "req_1", "GET", "/api/projects", 200, 0.0085)


def logged(capsys: pytest.CaptureFixture[str], line: RequestLine) -> str:
    with logging_to("console", "info"):
        log_request(line)
    return capsys.readouterr().err
