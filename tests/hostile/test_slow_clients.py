"""Clients that are slow, silent or take nothing: each loses its connection in time, and keeps nobody out."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, cast

import pytest

from api.connection import Connection
from tests.hostile.asking import BAD_REQUEST, POST, Refusal, asked_apis, nothing_left, spoken
from tests.http import Taskflow, taskflow_running

CREDENTIALS: Final = b'{"username": "admin", "password": "admin123"}'
LOGIN: Final = b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
WHOLE: Final = LOGIN + b"Content-Length: %d\r\n\r\n" % len(CREDENTIALS) + CREDENTIALS
PAGE: Final = b"GET /api/docs/openapi.json HTTP/1.1\r\nHost: localhost\r\n"
"""An answer that fits into no buffer of a socket."""

SLOW: Final = WHOLE.removesuffix(CREDENTIALS[1:])


async def until_closed(url: str, parts: list[bytes], every_s: float, within_s: float) -> float:
    """The seconds after which the server ends a connection on which parts go on trickling in."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    began = time.perf_counter()
    ended = asyncio.ensure_future(reader.read())
    try:
        for part in parts:
            if ended.done() or time.perf_counter() - began > within_s:
                break
            writer.write(part)
            await asyncio.wait({ended}, timeout=every_s)
        await asyncio.wait({ended}, timeout=max(0.0, began + within_s - time.perf_counter()))
        assert ended.done(), f"still open after {within_s} s"
        return time.perf_counter() - began
    finally:
        ended.cancel()
        writer.close()


async def test_a_head_has_its_time_from_its_first_byte_on(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with taskflow_running(database_url, redis_url, header_timeout_s=0.5) as taskflow:
        for first in (b"GET /", b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"):
            for url in (taskflow.url, taskflow.forge_url):
                took_s = await until_closed(url, [first, *[b"X"] * 100], 0.1, 5)
                assert 0.4 < took_s < 2.5
        whole = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
        took_s = await until_closed(taskflow.url, [whole + b"GET /", *[b"X"] * 100], 0.1, 5)
        assert 0.4 < took_s < 2.5, "the second head on a connection, begun with the first request"


async def test_a_head_in_parts_is_read_and_the_connection_lives_on(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with taskflow_running(database_url, redis_url, header_timeout_s=0.6) as taskflow:
        host, port = taskflow.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        for _ in range(3):
            for part in (b"GET /livez HT", b"TP/1.1\r\nHost: loc", b"alhost\r\n\r\n"):
                writer.write(part)
                await asyncio.sleep(0.1)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            await reader.readuntil(b"}}")
            await asyncio.sleep(0.4)
        writer.close()


async def test_silent_connections_keep_nobody_out(database_url: str, redis_url: str, logs: None) -> None:
    few = {"connections_max": 40, "silent_connection_s": 0.2}
    async with taskflow_running(database_url, redis_url, **few) as taskflow:
        opened = []
        for url in (taskflow.url, taskflow.forge_url):
            host, port = url.removeprefix("http://").split(":")
            for number in range(30):
                opened.append(await asyncio.open_connection(host, int(port)))
                # Some have begun a head, and will never end it.
                opened[-1][1].write(b"GET /" if number % 2 else b"")
        await asyncio.sleep(0.4)
        for _ in range(20):
            answer = (
                await spoken(taskflow.url, b"GET /api/projects HTTP/1.1\r\nHost: localhost\r\n\r\n")
            ).answer
            assert answer is not None
            assert answer.status == 401, answer.raw
        assert (await taskflow.admin.get("/api/projects")).status == 200
        assert taskflow.core.admission.connections <= 42
        for _, writer in opened:
            writer.close()


async def test_slow_bodies_keep_nobody_out(database_url: str, redis_url: str, logs: None) -> None:
    """Of those whose bodies are on their way, the first one makes room for a request that is there."""
    async with taskflow_running(database_url, redis_url, requests_under_way_max=8) as taskflow:
        writes = taskflow.core.admission.writes
        host, port = taskflow.url.removeprefix("http://").split(":")
        opened = []
        for number in range(12):
            opened.append(await asyncio.open_connection(host, int(port)))
            opened[-1][1].write(SLOW)
            async with asyncio.timeout(5):
                while taskflow.core.admission.turned_away + writes.under_way <= number:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        assert writes.under_way == 8
        for number in range(3):
            answer = (await spoken(taskflow.url, WHOLE)).answer
            assert answer is not None
            assert answer.status == 200, answer.raw
            project = await taskflow.admin.post("/api/projects", {"name": f"Site {number}"})
            assert project.status == 201, project.raw
        for reader, _ in opened[:4]:
            assert await asyncio.wait_for(reader.read(), 5) == b"", "sent away without a word"
        # The one that came last, and is whole now, is answered.
        opened[-1][1].write(CREDENTIALS[1:])
        head = await asyncio.wait_for(opened[-1][0].readuntil(b"\r\n\r\n"), 5)
        assert head.startswith(b"HTTP/1.1 200")
        for _, writer in opened:
            writer.close()
        await taskflow.admin.session.close()
        async with asyncio.timeout(5):
            while writes.under_way:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        assert len(writes._unfinished) == 0


async def nobody_is_connected(taskflow: Taskflow, within_s: float = 8) -> None:
    async with asyncio.timeout(within_s):
        while taskflow.core.admission.connections:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)


@asynccontextmanager
async def asking_and_taking_nothing(taskflow: Taskflow, requests: bytes) -> AsyncIterator[None]:
    """A connection over which requests have gone out, and no answer is taken."""
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setblocking(False)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, port = taskflow.url.removeprefix("http://").split(":")
        await loop.sock_connect(client, (host, int(port)))
        await loop.sock_sendall(client, requests)
        yield


async def test_who_takes_no_answers_loses_the_connection(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with taskflow_running(database_url, redis_url, send_timeout_s=0.5) as taskflow:
        await taskflow.admin.session.close()
        async with asking_and_taking_nothing(taskflow, (PAGE + b"\r\n") * 60):
            await nobody_is_connected(taskflow)


async def test_a_connection_that_ends_waits_for_nobody_who_takes_nothing(
    database_url: str, redis_url: str, logs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of an answer lies in a buffer that has room for it: nobody pauses, and nobody waits but the end."""
    made = Connection.connection_made

    def roomy(connection: Connection, transport: asyncio.BaseTransport) -> None:
        made(connection, transport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        cast(asyncio.Transport, transport).set_write_buffer_limits(high=10_000_000)

    monkeypatch.setattr(Connection, "connection_made", roomy)
    async with taskflow_running(database_url, redis_url, send_timeout_s=0.5) as taskflow:
        await taskflow.admin.session.close()
        async with asking_and_taking_nothing(taskflow, PAGE + b"Connection: close\r\n\r\n"):
            await asyncio.sleep(0.2)
            assert taskflow.core.admission.connections == 1, "the answer waits to be taken"
            await nobody_is_connected(taskflow)


async def test_a_body_that_trickles_is_refused_in_time(database_url: str, redis_url: str, logs: None) -> None:
    async with taskflow_running(database_url, redis_url, body_timeout_s=0.4, lingering_s=0.1) as taskflow:
        for api in (await asked_apis(taskflow)).values():
            async with nothing_left(taskflow):
                head = api.filled(POST) + b"Content-Length: 1000\r\n\r\n{"
                raw = await spoken(api.url, head, *[b" "] * 2, pause_s=0.1)
                assert raw.answer is not None
                api.check(raw.answer, BAD_REQUEST if api.name != "TaskForge" else Refusal(400), api.name)
                assert raw.is_closed
