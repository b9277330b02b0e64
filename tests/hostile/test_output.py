"""What leaves the server: headers on every answer, files and log lines in which a text stays a text."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Final

import pytest
import structlog

from api.logs import logging_to
from api.reports.csv_files import guarded
from api.settings import Settings
from tests.hostile.asking import Api, Raw, spoken
from tests.http import JWT_SECRET, MASTER_KEY, Reply, Taskflow, started, taskflow_running

ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-cache",
    "Server": "web",
}
YEAR: Final = "max-age=31536000"

IS_JSON: Final = b"Content-Type: application/json\r\n"

REQUESTS: Final = {
    # what is asked: (the request, the status of its answer)
    "a list": (b"GET {path} HTTP/1.1\r\nHost: localhost\r\n{who}\r\n", 200),
    "nobody": (b"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n", 401),
    "no such address": (b"GET /api/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    "no such method": (b"TRACE {path} HTTP/1.1\r\nHost: localhost\r\n{who}\r\n", 405),
    "another host": (b"GET {path} HTTP/1.1\r\nHost: evil.example\r\n{who}\r\n", 421),
    "no HTTP": (b"GET\r\n\r\n", 400),
    "another protocol": (b"GET {path} HTTP/0.9\r\n\r\n", 400),
    "an expectation": (b"GET {path} HTTP/1.1\r\nHost: localhost\r\nExpect: x\r\n{who}\r\n", 417),
    "too much": (
        b"POST {path} HTTP/1.1\r\nHost: localhost\r\n{who}{json}Content-Length: 999999\r\n\r\n",
        413,
    ),
    "alive": (b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
    "ready": (b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
    "a page": (b"GET /api/docs HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
    "a script": (b"GET /api/docs/start.js HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
    "a document": (b"GET /api/docs/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
}
OF_TASKFLOW: Final = {
    "the login page": (b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
    "metrics": (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
    "a collection": (b"GET /docs/api/postman_collection.json HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
    "a file": (b"GET /api/reports/projects?format=csv HTTP/1.1\r\nHost: localhost\r\n{who}\r\n", 200),
    "nothing new": (
        b"GET /api/projects/1 HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: *\r\n{who}\r\n",
        304,
    ),
    "operators": (b"GET /ops/api/events HTTP/1.1\r\nHost: localhost\r\n{who}\r\n", 200),
}


async def answers_of(api: Api, requests: Mapping[str, tuple[bytes, int]]) -> dict[str, Reply]:
    found = {}
    for what, (sent, status) in requests.items():
        filled = api.filled(sent).replace(b"{json}", IS_JSON)
        raw: Raw = await spoken(api.url, filled)
        assert raw.answer is not None, what
        assert raw.answer.status == status, (what, raw.answer.raw[:200])
        found[what] = raw.answer
    return found


async def check(api: Api, requests: Mapping[str, tuple[bytes, int]], transport: str | None) -> None:
    for what, answer in (await answers_of(api, requests)).items():
        assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS, what
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'"), what
        assert "frame-ancestors 'none'" in policy, what
        assert "unsafe-eval" not in policy, what
        assert re.fullmatch(r"[A-Za-z0-9_-]{8,64}", answer.headers["X-Request-Id"]), what
        assert answer.headers.get("Strict-Transport-Security") == transport, what
        assert "Access-Control-Allow-Origin" not in answer.headers, what


async def test_every_answer_has_the_headers_that_protect_browsers(apis: dict[str, Api]) -> None:
    await check(apis["TaskFlow"], {**REQUESTS, **OF_TASKFLOW}, None)
    await check(apis["TaskForge"], REQUESTS, None)


async def test_where_people_come_by_https_browsers_are_told_to_come_by_nothing_else(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with taskflow_running(database_url, redis_url):
        pass
    secrets: dict[str, Any] = {"master_key": MASTER_KEY, "jwt_secret": JWT_SECRET}
    known: dict[str, Any] = {"database_url": database_url, "redis_url": redis_url, "rate_limits": None}
    # No client sends the cookie over plain HTTP then: only TaskForge can be signed in to.
    async with started(Settings(public_url="https://localhost", **known | secrets)) as taskflow:
        taskflow.start_projector()
        taskflow.stack.push_async_callback(taskflow.stop_projector)
        forge = await taskflow.forge_admin()
        await forge.made("/api/tasks", {"title": "There"})
        api = Api("TaskForge", forge, taskflow.forge_url, "/api/tasks", "title", "/api/tasks/{}")
        await check(api, REQUESTS, YEAR)
        answer = await taskflow.admin.post("/api/auth/login", {"username": "admin", "password": "admin123"})
        assert answer.headers["Strict-Transport-Security"] == YEAR
        assert answer.headers["Set-Cookie"].startswith("__Host-session=")
        assert "; Secure" in answer.headers["Set-Cookie"]


# Files

FORMULAS: Final = (
    "=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1", "\n=1", "  =1", "\u00a0=1", "\u3000+1",
    "\uff1d1", "\uff0b1", "\uff0d1", "\uff201",
    '"=1', '""=1', ' "=1', "\ufeff=1", "\u200b=1", "\u200e\u200f@x", "\u00ad-1", "\u2060=1",
    '=HYPERLINK("https://evil.example","x")', "=cmd|' /C calc'!A0", "@import", "-2+3+cmd|' /C calc'!A0",
)  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_run_begins_with_an_apostrophe(text: str) -> None:
    assert guarded(text) == f"'{text}"


SPLIT: Final = {
    "x;=1+1": "x;'=1+1",
    "x\t=1+1": "x\t'=1+1",
    "x|-1+1": "x|'-1+1",
    'x; "\u200b+1': "x;' \"\u200b+1",
    "a;=1;@b;c": "a;'=1;'@b;c",
    "=1;=2": "'=1;'=2",
    "\t=1": "'\t'=1",
    ";\t\t=1": ";\t\t'=1",
}


@pytest.mark.parametrize(("text", "kept"), SPLIT.items())
def test_a_formula_behind_what_may_end_a_cell_is_no_formula(text: str, kept: str) -> None:
    assert guarded(text) == kept


def test_guarding_takes_a_time_that_grows_with_the_text_only() -> None:
    for text in (";" * 200_000, "\t" * 200_000, "; " * 100_000, " " * 200_000):
        began = time.process_time()
        guarded(text)
        assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "text",
    ["", "a=1", "1=1", "'=1", "(=1)", "a-b", "\u00e4=1", "x@example.com", '"a"', "a; b", "a|b", "a;b=1"],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert guarded(text) == text


HOSTILE: Final = (
    *FORMULAS,
    'a","b',
    "a;=1+1",
    "<script>alert(1)</script>",
    '<para><font color="[x for x in ().__class__.__base__.__subclasses__()]">x</font></para>',
    "{{7*7}}",
    '<img src="file:///etc/passwd"/>',
    "\u202egnp.exe",
)


async def test_exports_of_both_apis_hold_every_text_as_a_text(apis: dict[str, Api]) -> None:
    flow, forge = apis["TaskFlow"], apis["TaskForge"]
    for text in HOSTILE:
        assert (await flow.write(name=text)).status == 201
        assert (await forge.write(title=text, description=text)).status == 201
    kept = {guarded(text.strip()) for text in HOSTILE}
    report = await flow.client.get("/api/reports/projects", params={"format": "csv"})
    names = {row["name"] for row in csv.DictReader(io.StringIO(report.raw.decode(), newline=""))}
    assert kept <= names
    export = await forge.client.get("/api/tasks/export", params={"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(export.raw.decode(), newline="")))
    assert kept <= {row["title"] for row in rows}
    assert kept <= {row["description"] for row in rows}
    for answer in (report, export):
        assert re.fullmatch(r'attachment; filename="?[a-z0-9.-]+"?', answer.headers["Content-Disposition"])
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    pdf = await flow.client.get("/api/reports/projects", params={"format": "pdf"})
    assert pdf.raw.startswith(b"%PDF-")
    assert not re.search(rb"/(JavaScript|JS|Launch|URI|EmbeddedFile|OpenAction|AA)\b", pdf.raw)


# Log lines

ESCAPES: Final = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202e\x7f"
FORGED: Final = "12:00:00 [info] all is well"


async def provoke(taskflow: Taskflow) -> None:
    """Whatever a client may have written into a line of the log."""
    line = ESCAPES.encode() + FORGED.encode().replace(b" ", b"")
    for sent in (
        b"GET /%1b%5b2J%0d%0a"
        + FORGED.replace(" ", "%20").encode()
        + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /" + "\u202e\x9b".encode() + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nUser-Agent: \xff\xfe\xe2\x80\xae\r\n\r\n",
        b"GET /api/projects HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: "
        + "\u202e".encode()
        + b"abcdefgh\r\n\r\n",
        b"GET /api/projects HTTP/1.1\r\nHost: \xe2\x80\xae" + b"evil\xc2\x9b\r\n\r\n",
        b"GET /" + line + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        line + b"\r\n\r\n",
    ):
        await spoken(taskflow.url, sent)
    for text in (f"{ESCAPES}\r\n{FORGED}", "\u2028" + FORGED):
        await taskflow.admin.post("/api/projects", {"name": text})
        await (await taskflow.anybody()).post("/api/auth/login", {"username": text, "password": text})
    try:
        raise ValueError(f"it says {ESCAPES}\n{FORGED}\r{FORGED}\u2028{FORGED}\x85{FORGED}")
    except ValueError as error:
        structlog.get_logger("test").error(
            "a request failed", exc_info=error, said=ESCAPES, where=f"\n{FORGED}"
        )


@pytest.mark.parametrize("form", ["json", "console"])
async def test_no_client_writes_a_line_of_its_own_or_steers_a_terminal(
    taskflow: Taskflow, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    capsys.readouterr()
    with ExitStack() as lines_written:
        lines_written.enter_context(logging_to(form, "debug"))
        await provoke(taskflow)
        # What waits is written by a thread, which the event loop must not wait for.
        await asyncio.to_thread(lines_written.close)
    said = capsys.readouterr().err
    lines = said.rstrip("\n").split("\n")
    assert len(lines) > 8
    for line in lines:
        assert line.isprintable(), repr(line)
        assert not line.startswith(FORGED[:8]), line
        if form == "json":
            assert json.loads(line)["event"]
    assert "all is well" in said, "it was written, as a text"
