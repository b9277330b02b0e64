"""Connections to PostgreSQL that do not come about: nothing of them stays."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Iterator

import psutil
import pytest

from events.connections import Connection, Connections
from events.errors import Unavailable

AT_ONCE = 4


@pytest.fixture
def silent_url() -> Iterator[str]:
    """Of a server that takes connections, and says nothing."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(100)
        yield f"postgresql://somebody:secret@127.0.0.1:{listening.getsockname()[1]}/ledger"


@pytest.fixture
def nobody_collects() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


async def descriptors() -> int:
    return await asyncio.to_thread(lambda: psutil.Process().num_fds())


async def test_a_connection_that_takes_too_long_is_closed_at_once(
    silent_url: str, nobody_collects: None
) -> None:
    """A garbage collector comes late, and until then PostgreSQL would keep a place for each."""
    connections = Connections(silent_url, connections_max=AT_ONCE, connect_timeout_s=0.2)

    async def ask() -> None:
        async def never(_: Connection) -> None:
            raise AssertionError("there is no connection")

        with pytest.raises(Unavailable):
            await connections.run(never)

    await ask()
    before = await descriptors()
    for _ in range(3):
        await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
    assert await descriptors() == before
