"""Connections to Redis that break are lost ones, on whichever event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as ConnectionLost

from readmodels.connecting import KINDS, call, connect

Loops = Callable[[], asyncio.AbstractEventLoop]

PONG = b"+PONG\r\n"
AT_ONCE = struct.pack("ii", 1, 0)
"""Linger for no time: the other end gets a reset."""


@contextlib.asynccontextmanager
async def fickle(closing: asyncio.Event) -> AsyncIterator[str]:
    """The URL of a Redis that knows PING, and resets every connection when it is told to."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        closed = asyncio.ensure_future(closing.wait())
        while not closed.done():
            asked = asyncio.ensure_future(reader.read(1024))
            await asyncio.wait({asked, closed}, return_when=asyncio.FIRST_COMPLETED)
            if asked.done() and b"PING" in asked.result():
                writer.write(PONG)
            elif asked.done():
                writer.write(b"-ERR unknown command\r\n" * asked.result().count(b"*"))
            asked.cancel()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0?protocol=2"


@pytest.mark.parametrize("loops", [uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def test_writing_to_a_connection_that_the_other_end_has_reset_is_a_lost_connection(loops: Loops) -> None:
    async def lose() -> None:
        closing = asyncio.Event()
        async with fickle(closing) as url:
            redis: Redis = connect(url, timeout_s=2)
            connection = await redis.connection_pool.get_connection()  # type: ignore[no-untyped-call]
            closing.set()
            await asyncio.sleep(0.1)
            with pytest.raises(ConnectionLost):
                await connection.send_command("PING")
            await redis.aclose()

    with asyncio.Runner(loop_factory=loops) as runner:
        runner.run(lose())


async def test_every_kind_of_address_has_connections_that_notice(redis_url: str) -> None:
    redis: Redis = connect(redis_url)
    assert await call(redis, "PING")
    assert redis.connection_pool.connection_class in KINDS.values()
    for url in ("redis://localhost", "rediss://localhost", "unix:///tmp/no.sock"):
        assert connect(url).connection_pool.connection_class in KINDS.values()
    await redis.aclose()
