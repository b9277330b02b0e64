"""HTTP itself: whatever leaves in doubt where a request ends, or what it is, is refused."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from tests.hostile.asking import BODY, POST, Api, Refusal, nothing_left, spoken
from tests.http import Taskflow

CHUNKED: Final = b"Transfer-Encoding: chunked\r\n\r\n"

# By what it is; `{path}` is what an API is written to, `{who}` the caller's credentials.
MALFORMED: Final = {
    "length and chunks": POST + b"Content-Length: 27\r\n" + CHUNKED + b"0\r\n\r\n",
    "two lengths that differ": POST + b"Content-Length: 1\r\nContent-Length: 27\r\n\r\n" + BODY,
    "two lengths that agree": POST + b"Content-Length: 27\r\nContent-Length: 27\r\n\r\n" + BODY,
    "a list of lengths": POST + b"Content-Length: 27, 27\r\n\r\n" + BODY,
    "a length with a sign": POST + b"Content-Length: +27\r\n\r\n" + BODY,
    "a negative length": POST + b"Content-Length: -1\r\n\r\n" + BODY,
    "a length with an underscore": POST + b"Content-Length: 2_7\r\n\r\n" + BODY,
    "a length in hexadecimal": POST + b"Content-Length: 0x1b\r\n\r\n" + BODY,
    "a length in other digits": POST + "Content-Length: ٢٧\r\n\r\n".encode() + BODY,
    "an empty length": POST + b"Content-Length:\r\n\r\n" + BODY,
    "a length beyond all bounds": POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n",
    "an unknown transfer encoding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked and then something": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "two transfer encodings": POST
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a hexadecimal prefix of a chunk": POST + CHUNKED + b"0x1b\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a negative chunk": POST + CHUNKED + b"-1\r\n\r\n0\r\n\r\n",
    "a chunk beyond all bounds": POST + CHUNKED + b"f" * 20 + b"\r\n",
    "chunks that end in a bare LF": POST + CHUNKED + b"1b\n" + BODY + b"\n0\n\n",
    "a chunk that is longer than it says": POST + CHUNKED + b"1\r\n{}\r\n0\r\n\r\n",
    "a space before the colon": b"GET {path} HTTP/1.1\r\nHost : localhost\r\n{who}\r\n",
    "a folded header": b"GET {path} HTTP/1.1\r\nHost: localhost\r\n{who}X: a\r\n b\r\n\r\n",
    "lines that end in a bare LF": b"GET {path} HTTP/1.1\nHost: localhost\n{who}\n",
    "a bare CR in a header": b"GET {path} HTTP/1.1\r\nHost: localhost\r\n{who}X: a\rb\r\n\r\n",
    "a NUL in a header": b"GET {path} HTTP/1.1\r\nHost: localhost\r\n{who}X: a\0b\r\n\r\n",
    "a header without a colon": b"GET {path} HTTP/1.1\r\nHost: localhost\r\n{who}X\r\n\r\n",
    "a header without a name": b"GET {path} HTTP/1.1\r\nHost: localhost\r\n{who}: x\r\n\r\n",
    "a header whose name is no token": b"GET {path} HTTP/1.1\r\nHost: localhost\r\n{who}X(Y): x\r\n\r\n",
    "two hosts": b"GET {path} HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n{who}\r\n",
    "no host": b"GET {path} HTTP/1.1\r\n{who}\r\n",
    "a method that is no token": b"GE(T {path} HTTP/1.1\r\nHost: localhost\r\n{who}\r\n",
    "a method in lower case": b"get {path} HTTP/1.1\r\nHost: localhost\r\n{who}\r\n",
    "HTTP/0.9": b"GET {path}\r\n\r\n",
    "HTTP/0.9 in words": b"GET {path} HTTP/0.9\r\nHost: localhost\r\n{who}\r\n",
    "HTTP/1.10": b"GET {path} HTTP/1.10\r\nHost: localhost\r\n{who}\r\n",
    "HTTP/2 in words": b"GET {path} HTTP/2.0\r\nHost: localhost\r\n{who}\r\n",
    "HTTP/2 by prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "another protocol's version": b"GET {path} HTTPS/1.1\r\nHost: localhost\r\n{who}\r\n",
    "a blank in the address": b"GET {path} x HTTP/1.1\r\nHost: localhost\r\n{who}\r\n",
    "an address of 9 kB": b"GET {path}?" + b"x" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n{who}\r\n",
    "a header of 140 kB": b"GET {path} HTTP/1.1\r\nHost: localhost\r\n{who}X: "
    + b"x" * 140_000
    + b"\r\n\r\n",
    "a header's name of 140 kB": b"GET {path} HTTP/1.1\r\nHost: localhost\r\n{who}"
    + b"x" * 140_000
    + b": x\r\n\r\n",
    "300 headers": b"GET {path} HTTP/1.1\r\nHost: localhost\r\n{who}" + b"X: y\r\n" * 300 + b"\r\n",
    "5,000 headers": b"GET {path} HTTP/1.1\r\nHost: localhost\r\n{who}" + b"X: y\r\n" * 5000 + b"\r\n",
    "no HTTP but TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "an address of another kind": b"GET mailto:a@b HTTP/1.1\r\nHost: localhost\r\n{who}\r\n",
    "a tunnel": b"CONNECT : HTTP/1.1\r\nHost: localhost\r\n{who}\r\n",
}


@pytest.mark.parametrize("name", ["TaskFlow", "TaskForge", "operators"])
async def test_what_is_not_well_formed_is_400_and_the_connection_ends(
    taskflow: Taskflow, apis: dict[str, Api], name: str
) -> None:
    api = apis[name]
    async with nothing_left(taskflow):
        for what, sent in MALFORMED.items():
            raw = await spoken(api.url, api.filled(sent))
            assert raw.answer is not None, what
            # What cannot be read as far as its address is answered by the port's own API.
            asked = apis["TaskFlow"] if name == "operators" else api
            asked.check(raw.answer, Refusal(400), what)
            assert raw.is_closed, what
            assert raw.rest == b"", (what, "a second answer: it was taken for two requests")


UNUSUAL: Final = {
    # what it is: (what is sent, the status of its answer)
    "TRACE": (b"TRACE {path} HTTP/1.1\r\nHost: localhost\r\n{who}\r\n", 405),
    "a method that nobody knows": (b"BREW {path} HTTP/1.1\r\nHost: localhost\r\n{who}\r\n", 400),
    "an expectation that nobody meets": (
        b"GET {path} HTTP/1.1\r\nHost: localhost\r\nExpect: 200-ok\r\n{who}\r\n",
        417,
    ),
    "an upgrade that nobody makes": (
        b"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n{who}\r\n",
        200,
    ),
    "a NUL in the address": (b"GET /api/%00 HTTP/1.1\r\nHost: localhost\r\n{who}\r\n", 404),
    "no UTF-8 in the address": (b"GET /api/%ff HTTP/1.1\r\nHost: localhost\r\n{who}\r\n", 404),
    "a way up": (b"GET /api/../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n{who}\r\n", 404),
    "a coded way up": (b"GET /api/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n{who}\r\n", 404),
    "two slashes": (b"GET //api//projects HTTP/1.1\r\nHost: localhost\r\n{who}\r\n", 404),
    "a parameter in the path": (b"GET {path};x=1 HTTP/1.1\r\nHost: localhost\r\n{who}\r\n", 404),
    "a backslash": (b"GET /api\\projects HTTP/1.1\r\nHost: localhost\r\n{who}\r\n", 404),
}


@pytest.mark.parametrize("name", ["TaskFlow", "TaskForge"])
async def test_what_is_http_and_unusual(apis: dict[str, Api], name: str) -> None:
    for what, (sent, status) in UNUSUAL.items():
        answer = (await spoken(apis[name].url, apis[name].filled(sent))).answer
        assert answer is not None, what
        assert answer.status == status, (what, answer.raw)


async def test_an_extension_of_chunks_is_ignored_and_costs_no_memory(
    taskflow: Taskflow, apis: dict[str, Api]
) -> None:
    api = apis["TaskFlow"]
    sent = api.filled(POST) + CHUNKED + b"d;" + b"x" * 20_000 + b'\r\n{"name": "X"}\r\n0\r\n\r\n'
    answer = (await spoken(api.url, sent)).answer
    assert answer is not None
    assert answer.status == 201
    assert answer.data["project"]["name"] == "X"


async def test_a_length_that_is_a_lie_leaves_nothing(taskflow: Taskflow, apis: dict[str, Api]) -> None:
    for api in apis.values():
        async with nothing_left(taskflow):
            host, port = api.url.removeprefix("http://").split(":")
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(api.filled(POST) + b"Content-Length: 100\r\n\r\n" + BODY)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            await asyncio.sleep(0.1)
