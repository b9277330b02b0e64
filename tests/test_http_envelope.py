"""Every answer is in the envelope and carries its headers, whatever goes wrong."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from datetime import datetime

import orjson
import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from api.sessions import Sessions
from api.taskflow import department_forms
from events.errors import OutcomeUnknown
from tests.http import Reply, Taskflow

STRICT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def check_frame(answer: Reply) -> None:
    """What no answer may lack."""
    meta = answer.body["meta"]
    assert answer.body["status"] == ("success" if answer.status < 400 else "error")
    assert meta["version"] == "1.0"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", meta["timestamp"])
    assert datetime.fromisoformat(meta["timestamp"]).tzinfo is not None
    assert answer.headers["X-Request-Id"] == meta["request_id"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == STRICT
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Content-Type"] == "application/json"
    assert not re.search("python|aiohttp|taskledger|/", answer.headers["Server"], re.IGNORECASE)
    if answer.status >= 400 and answer.status != 422:
        assert answer.body["message"]
        assert answer.code


def check_error(answer: Reply, status: int, code: str) -> None:
    assert (answer.status, answer.code) == (status, code), answer.raw
    check_frame(answer)


async def test_success_and_every_plain_error_are_framed(taskflow: Taskflow) -> None:
    admin, nobody = taskflow.admin, await taskflow.anybody()
    check_frame(await admin.get("/api/projects"))
    check_frame(await admin.get("/livez"))
    check_frame(await admin.get("/readyz"))
    check_error(await nobody.get("/api/projects"), 401, "AUTH_REQUIRED")
    assert (await nobody.get("/api/projects")).data["redirect_url"] == "/login"
    for path in ("/api/nothing", "/nothing", "/api/projects/", "/api//projects", "/api/projects/1/x", "/%00"):
        check_error(await admin.get(path), 404, "NOT_FOUND")
    for number in ("0", "-1", "abc", "1.5", "01", "9" * 30, "%00", "1%20"):
        check_error(await admin.get(f"/api/projects/{number}"), 404, "NOT_FOUND")
    check_error(await admin.get("/api/projects/77"), 404, "NOT_FOUND")
    check_error(await admin.get("/api/projects?nope=1"), 400, "BAD_REQUEST")


async def test_a_method_that_is_not_taken_is_answered_with_those_that_are(taskflow: Taskflow) -> None:
    answer = await taskflow.admin.send("PATCH", "/api/projects/1")
    check_error(answer, 405, "METHOD_NOT_ALLOWED")
    assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD", "PUT", "DELETE"}
    check_error(await taskflow.admin.send("OPTIONS", "/api/projects"), 405, "METHOD_NOT_ALLOWED")
    check_error(await taskflow.admin.send("TRACE", "/api/projects"), 405, "METHOD_NOT_ALLOWED")


async def test_a_request_id_of_the_right_shape_is_taken_over(taskflow: Taskflow) -> None:
    for given in ("abcdefgh", "A-z_0123456789", "x" * 64):
        answer = await taskflow.admin.get("/api/projects", headers={"X-Request-Id": given})
        assert answer.body["meta"]["request_id"] == given
    for given in ("short", "x" * 65, "with space", "semi;colon", "ünïcödé-x"):
        answer = await taskflow.admin.get("/api/projects", headers={"X-Request-Id": given})
        assert re.fullmatch(r"req_[0-9a-f]{20}", answer.body["meta"]["request_id"])


async def test_the_request_id_stands_on_the_events_that_the_request_caused(taskflow: Taskflow) -> None:
    given = {"X-Request-Id": "the-one-that-caused-it", "User-Agent": "tests\t1"}
    answer = await taskflow.admin.post("/api/projects", {"name": "Traced"}, headers=given)
    position = int(answer.headers["X-Event-Position"])
    (record,) = await taskflow.core.store.read(position - 1, 1)
    assert record[6:] == (1, "admin", "taskflow", "the-one-that-caused-it", None, "CreateProject")


async def test_whoever_asks_has_an_id_also_when_the_system_has_no_randomness(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dry(_: int) -> bytes:
        raise OSError("a test has no randomness left")

    monkeypatch.setattr(os, "urandom", dry)
    answers = [await taskflow.admin.get("/api/auth/me") for _ in range(300)]
    assert {answer.status for answer in answers} == {200}
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == len(answers)


async def test_head_is_get_without_a_body(taskflow: Taskflow) -> None:
    answer = await taskflow.admin.send("HEAD", "/api/projects")
    assert (answer.status, answer.raw) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 0


MALFORMED = {
    "empty": b"",
    "no JSON": b"name=Website",
    "cut off": b'{"name": "Web',
    "more after it": b'{"name": "Web"} {}',
    "an array": b'["name"]',
    "a text": b'"name"',
    "null": b"null",
    "NaN": b'{"name": "Web", "budget": NaN}',
    "Infinity": b'{"name": "Web", "budget": Infinity}',
    "a number that no double holds": b'{"name": "Web", "budget": 1e400}',
    "a number that no decimal holds": b'{"name": "Web", "budget": 1e-99999999999999999999}',
    "a zero that no decimal holds": b'{"name": "Web", "unknown": 0e99999999999999999999}',
    "invalid UTF-8": b'{"name": "\xff"}',
    "overlong UTF-8": b'{"name": "\xc0\xaf"}',
    "a byte order mark": b'\xef\xbb\xbf{"name": "Web"}',
    "UTF-16": '{"name": "Web"}'.encode("utf-16"),
    "a lone surrogate": b'{"name": "\\ud800"}',
    "a surrogate in a name": b'{"\\udfff": 1}',
    "a control character": b'{"name": "a\nb"}',
    "a name twice": b'{"name": "Web", "name": "Site"}',
    "33 levels": b'{"name": ' + b"[" * 32 + b"]" * 32 + b"}",
    "100,000 levels": b"[" * 100_000,
    "30,000 objects in each other": b'{"a":' * 30_000 + b"1" + b"}" * 30_000,
}


async def test_a_malformed_body_is_400(taskflow: Taskflow) -> None:
    kind = {"Content-Type": "application/json"}
    for what, body in MALFORMED.items():
        answer = await taskflow.admin.post("/api/projects", data=body, headers=kind)
        assert answer.status == 400, (what, answer.raw)
        check_error(answer, 400, "BAD_REQUEST")
    deep = b'{"name": ' + b"[" * 31 + b"]" * 31 + b"}"
    answer = await taskflow.admin.post("/api/projects", data=deep, headers=kind)
    assert answer.errors == {"name": ["Name must be a text"]}


async def test_a_body_that_is_no_plain_json_is_415(taskflow: Taskflow) -> None:
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/json; charset=bogus",
        "application/json; charset=hex",
        "application/jsonp",
        "",
    ):
        answer = await taskflow.admin.post(
            "/api/projects", data=b'{"name": "Web"}', headers={"Content-Type": kind}
        )
        check_error(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
    without_kind = await taskflow.admin.post("/api/projects", data=b'{"name": "Web"}')
    check_error(without_kind, 415, "UNSUPPORTED_MEDIA_TYPE")
    for encoding in ("gzip", "deflate", "br", "nonsense"):
        headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
        answer = await taskflow.admin.post("/api/projects", data=b"\x1f\x8bjunk", headers=headers)
        check_error(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
    for kind in ("application/json", 'Application/JSON; Charset="UTF-8"', "application/json;charset=utf-8"):
        answer = await taskflow.admin.post(
            "/api/projects", data=b'{"name": "Web"}', headers={"Content-Type": kind}
        )
        assert answer.status == 201


async def test_a_body_above_256_kib_is_413(taskflow: Taskflow) -> None:
    kind = {"Content-Type": "application/json"}
    long = orjson.dumps({"name": "Web", "description": "x" * 262_144})
    check_error(await taskflow.admin.post("/api/projects", data=long, headers=kind), 413, "PAYLOAD_TOO_LARGE")

    async def in_chunks() -> Reply:
        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(long), 50_000):
                yield long[start : start + 50_000]

        session = taskflow.admin.session
        async with session.post("/api/projects", data=chunks(), headers=kind) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    check_error(await in_chunks(), 413, "PAYLOAD_TOO_LARGE")
    just = orjson.dumps({"name": "Web", "description": "é" * 5000})
    just += b" " * (262_144 - len(just))
    assert (await taskflow.admin.post("/api/projects", data=just, headers=kind)).status == 201


RAW = {
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a bad request line": b"GET\r\n\r\n",
    "two lengths": b"POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
    b"Content-Length: 2\r\n\r\nab",
    "length and chunks": b"POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a negative length": b"POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    "a space before the colon": b"GET /livez HTTP/1.1\r\nHost : a\r\n\r\n",
    "a folded header": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: b\r\n c\r\n\r\n",
    "a NUL in a header": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: \0\r\n\r\n",
    "a header of 140 kB": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 140_000 + b"\r\n\r\n",
    "65 headers": b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 64 + b"\r\n",
    "an address of 9 kB": b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


async def exchange(taskflow: Taskflow, sent: bytes, url: str | None = None) -> Reply:
    """What comes back for raw bytes on a connection of their own, to TaskFlow Pro's port or to `url`."""
    host, port = (url or taskflow.url).removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(sent)
        async with asyncio.timeout(10):
            received = await reader.readuntil(b"\r\n\r\n")
            head = received.decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(headers.get("Content-Length", 0)))
    finally:
        writer.close()
    return Reply(int(head[0].split()[1]), CIMultiDictProxy(CIMultiDict(headers)), body)


async def test_what_is_no_http_is_refused_in_the_envelope(taskflow: Taskflow) -> None:
    for what, sent in RAW.items():
        answer = await exchange(taskflow, sent)
        assert answer.status == 400, (what, answer)
        check_error(answer, 400, "BAD_REQUEST")


async def test_an_expectation_that_nobody_meets_is_417_in_the_envelope(taskflow: Taskflow) -> None:
    for path in (b"/api/projects", b"/nothing"):
        sent = b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nExpect: miracles\r\n\r\n"
        check_error(await exchange(taskflow, sent), 417, "BAD_REQUEST")


async def test_bad_framing_of_chunks_is_400(taskflow: Taskflow) -> None:
    cookie = taskflow.admin.session.cookie_jar.filter_cookies(taskflow.admin.session._base_url)  # type: ignore[arg-type]
    sent = (
        b"POST /api/projects HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Cookie: session=" + cookie["session"].value.encode() + b"\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"
    )
    check_error(await exchange(taskflow, sent), 400, "BAD_REQUEST")


async def test_an_unexpected_failure_is_500_and_tells_nothing(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(department_forms, "shown_department", broken)
    answer = await taskflow.admin.get("/api/departments/1")
    check_error(answer, 500, "INTERNAL_ERROR")
    assert b"secret" not in answer.raw


async def test_an_unknown_outcome_is_503_and_says_how_to_find_out(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: object) -> None:
        raise OutcomeUnknown("the line went dead")

    monkeypatch.setattr(taskflow.core.store, "append", lost)
    monkeypatch.setattr(Sessions, "end", lost)
    new, key = {"name": "Perhaps"}, {"Idempotency-Key": "k"}
    by_key = "It may have been done: the same request with the same Idempotency-Key tells"
    by_reading = "It may have been done: read it to find out"
    for path, headers, end in (
        ("/api/projects", key, by_key),
        ("/api/projects", {}, by_reading),
        ("/api/auth/logout", key, by_reading),
    ):
        answer = await taskflow.admin.post(path, new, headers=headers)
        check_error(answer, 503, "UNAVAILABLE")
        assert answer.body["message"] == f"The event store has not confirmed this. {end}"
        assert int(answer.headers["Retry-After"]) > 0
    forge = await taskflow.forge_admin()
    answer = await forge.put("/api/users/1", {"first_name": "Perhaps"}, headers=key)
    assert (answer.status, answer.body["message"]) == (
        503,
        f"The event store has not confirmed this. {by_reading}",
    )
