"""Requests that are sent again: cut out of what goes over a connection, whole, and only those that may be."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.faults.repeats import Ends, Repeats, Requests

GET = b"GET /api/tasks/1 HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /api/projects/1/tasks HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k1\r\nContent-Length: 2\r\n\r\n{}"
KEYLESS = b"POST /api/auth/login HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
CHANGE = POST.replace(b"/api/projects/1/tasks", b"/api/tasks/1/assign")
PUT = b"PUT /api/tasks/1 HTTP/1.1\r\nIdempotency-Key: k2\r\nContent-Length: 2\r\n\r\n{}"
ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nmade"


@pytest.mark.parametrize("size", [7, 50, 1000])
def test_whole_requests_are_found_however_they_come(size: int) -> None:
    asked = GET + POST + PUT
    requests = Requests()
    first, rest = asked[:30], asked[30:]
    pieces = [first, *(rest[place : place + size] for place in range(0, len(rest), size))]
    assert [each for piece in pieces for each in requests.of(piece)] == [GET, POST, PUT]


def test_who_begins_to_listen_within_a_request_waits_for_the_next() -> None:
    requests = Requests()
    assert requests.of(b"1.1\r\nHost: x\r\n\r\n") == []
    assert requests.of(GET) == [GET]


async def test_reads_and_what_makes_something_are_sent_again_and_their_answers_kept() -> None:
    arrived: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(await reader.read(1000))
        writer.write(ANSWER)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def connect() -> Ends:
        return await asyncio.open_connection("127.0.0.1", port)

    async with server:
        repeats = Repeats(connect, 3, random.Random(1))
        for asked in (GET, POST, CHANGE, KEYLESS, PUT):
            repeats.take(asked)
        await repeats.settled()
    assert sorted(arrived) == [GET, GET, POST, POST]
    assert repeats.answers == [("k1", 201, b"made")] * 2
    assert repeats.sent == 4
