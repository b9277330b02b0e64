"""Connections that are ended at once, on the loop of servers."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

import pytest
import uvloop

from api.streams import reset


@pytest.mark.parametrize("client_goes_first", [False, True])
def test_a_connection_is_ended_whoever_goes_first(client_goes_first: bool) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, socket.socket() as client:
        client.setblocking(False)
        runner.run(end(client, client_goes_first=client_goes_first))
        if not client_goes_first:
            with pytest.raises(ConnectionResetError):
                client.recv(1)


async def end(client: socket.socket, *, client_goes_first: bool) -> None:
    """Reset the connection of a client who has told that it goes, or has not."""
    loop = asyncio.get_running_loop()
    made: asyncio.Future[asyncio.StreamWriter] = loop.create_future()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The server asks so as well, when a connection begins: the loop keeps what it has told once.
        assert writer.get_extra_info("socket")
        made.set_result(writer)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        await loop.sock_connect(client, server.sockets[0].getsockname())
        writer = await made
        if client_goes_first:
            client.shutdown(socket.SHUT_RDWR)
            writer.close()
            await writer.wait_closed()
        reset(cast(asyncio.Transport, writer.transport))
