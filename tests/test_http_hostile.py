"""Whatever is sent to whatever address, the answer is in the envelope and its status below 500."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

import orjson

from api.taskflow.endpoints import Endpoint
from api.taskflow.routes import ENDPOINTS
from tests.http import Taskflow
from tests.test_http_auth import token_of
from tests.test_http_envelope import check_frame, exchange

VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    -1,
    1.5,
    2**53 + 1,
    2**63,
    "",
    " ",
    "5",
    "\u202eevil",
    "Z\u0335\u0321" * 200,
    "a\u0000b",
    "'; drop table stored_events; --",
    "{{7*7}}<script>",
    "%s %(x)s \\x00 $1",
    "\U0001f469\u200d\U0001f4bb",
    "2025-02-30",
    [],
    [None, {}, [[]]],
    list(range(2000)),
    {"$ne": 1},
    "x" * 70_000,
)
TEXTS: Final = (
    "",
    "%00",
    "%ff",
    "%ed%a0%80",
    "..%2f",
    "1%0d%0aX:%201",
    "9" * 400,
    "-1",
    "%25",
    "(a%2B)%2B%24",
    "a" * 3000,
)


def address(endpoint: Endpoint, number: str = "1") -> str:
    path = endpoint.path.replace("{user_id}", "2" if number == "1" else number)
    return re.sub("{[a-z_]+}", lambda _: number, path)


async def prepared(taskflow: Taskflow) -> None:
    """Number 1 of everything, and user 2, who has to put up with all of it."""
    await taskflow.user("victim")
    await taskflow.admin.made("/api/projects", {"name": "P"})
    await taskflow.admin.made("/api/projects/1/tasks", {"title": "T"})


def is_left_out(endpoint: Endpoint) -> bool:
    """Signing out would end the test, and deleting its subject."""
    return endpoint.path == "/api/auth/logout" or endpoint.method == "DELETE"


async def test_any_value_in_any_field(taskflow: Taskflow) -> None:
    await prepared(taskflow)
    for endpoint in ENDPOINTS:
        if endpoint.body is None:
            continue
        for name in (*endpoint.body.model_fields, "unknown\u0000field"):
            for value in VALUES:
                answer = await taskflow.admin.send(endpoint.method, address(endpoint), {name: value})
                assert answer.status != 401 or endpoint.is_public
                assert answer.status < 500, (endpoint.path, name, str(value)[:50], answer.raw)
                check_frame(answer)


async def test_any_text_in_any_parameter_path_and_header(taskflow: Taskflow) -> None:
    await prepared(taskflow)
    cookie = b"Cookie: session=" + token_of(taskflow.admin).encode()
    sent: list[tuple[str, str, bytes]] = []
    for endpoint in ENDPOINTS:
        if is_left_out(endpoint):
            continue
        for text in TEXTS:
            if "{" in endpoint.path:
                sent.append((endpoint.method, address(endpoint, text), b""))
            for parameter in (*endpoint.parameters, "unknown"):
                sent.append((endpoint.method, f"{address(endpoint)}?{parameter}={text}", b""))
                sent.append((endpoint.method, f"{address(endpoint)}?{text}={parameter}", b""))
    for name in (
        b"X-CSRFToken",
        b"X-Request-Id",
        b"X-Min-Position",
        b"If-Match",
        b"If-None-Match",
        b"Idempotency-Key",
        b"Origin",
        b"Sec-Fetch-Site",
        b"Cookie",
        b"User-Agent",
        b"X-Forwarded-For",
        b"Accept",
        b"Range",
        b"Content-Type",
    ):
        for value in (
            b"",
            b"\xff\xfe",
            b"\xed\xa0\x80",
            b'"',
            b"a" * 5000,
            b"session=\xff",
            b'W/"\xe9"',
            b"*",
        ):
            for method, path in (
                ("GET", "/api/projects/1"),
                ("PUT", "/api/projects/1"),
                ("POST", "/api/projects"),
            ):
                sent.append((method, path, name + b": " + value))
    for start in range(0, len(sent), 16):
        await asyncio.gather(*(check(taskflow, cookie, *one) for one in sent[start : start + 16]))


async def check(taskflow: Taskflow, cookie: bytes, method: str, path: str, header: bytes) -> None:
    body = b"" if method == "GET" else orjson.dumps({"name": "P"})
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: localhost", cookie, b"Connection: close"]
    if header:
        lines.append(header)
    if body:
        lines += [b"Content-Length: %d" % len(body)]
        if not header.startswith(b"Content-Type"):
            lines.append(b"Content-Type: application/json")
    answer = await exchange(taskflow, b"\r\n".join(lines) + b"\r\n\r\n" + body)
    assert answer.status < 500, (method, path, header, answer.raw)
    if answer.status != 304:
        check_frame(answer)
