"""Links break what goes through them in the way that was asked for, and in no other."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest

from tests.faults.links import Link, Links

MOMENT_S = 0.15


class Upper:
    """A server that answers each line in capitals; `heard` is all that has come to it."""

    def __init__(self) -> None:
        self.heard = b""
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            self.heard += line
            writer.write(line.upper())
        writer.close()


@pytest.fixture
async def upper() -> AsyncIterator[Upper]:
    upper = Upper()
    server = await asyncio.start_server(upper.answer, "127.0.0.1", 0)
    upper.port = server.sockets[0].getsockname()[1]
    yield upper
    server.close()
    await server.wait_closed()


@pytest.fixture
async def link(upper: Upper) -> AsyncIterator[Link]:
    links = Links(random.Random(1))
    yield await links.add("somebody", "upper", lambda: upper.port)
    await links.close()


class Client:
    """One end of a connection through the link."""

    def __init__(self, ends: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        self._reader, self._writer = ends

    async def ask(self, line: bytes) -> bytes:
        self._writer.write(line + b"\n")
        return (await self._reader.readline()).strip()

    def say(self, line: bytes) -> None:
        self._writer.write(line + b"\n")

    async def hear(self) -> bytes:
        return (await self._reader.readline()).strip()

    async def leave(self) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


Connect = Callable[[], Awaitable[Client]]


@pytest.fixture
async def connect(link: Link) -> AsyncIterator[Connect]:
    clients: list[Client] = []

    async def connected() -> Client:
        clients.append(Client(await asyncio.open_connection("127.0.0.1", link.port)))
        return clients[-1]

    yield connected
    for client in clients:
        await client.leave()


async def test_a_sound_link_passes_everything_on(link: Link, connect: Connect) -> None:
    client = await connect()
    assert [await client.ask(word) for word in (b"one", b"two")] == [b"ONE", b"TWO"]
    assert link.conversations == 1
    await client.leave()
    await asyncio.sleep(MOMENT_S)
    assert link.conversations == 0


async def test_a_stalled_link_holds_back_and_loses_nothing(
    link: Link, connect: Connect, upper: Upper
) -> None:
    client = await connect()
    link.stall()
    answer = asyncio.create_task(client.ask(b"one"))
    await asyncio.sleep(MOMENT_S)
    assert upper.heard == b""
    link.resume()
    assert await answer == b"ONE"


async def test_a_reset_loses_what_was_held_back(link: Link, connect: Connect, upper: Upper) -> None:
    client = await connect()
    link.stall()
    answer = asyncio.create_task(client.ask(b"one"))
    await asyncio.sleep(MOMENT_S)
    link.reset()
    with pytest.raises(ConnectionResetError):
        await answer
    link.resume()
    await asyncio.sleep(MOMENT_S)
    assert upper.heard == b""
    assert await (await connect()).ask(b"two") == b"TWO"


async def test_a_link_that_refuses_lets_nobody_through_until_it_is_healed(
    link: Link, connect: Connect
) -> None:
    before = await connect()
    link.refuse()
    for client in (before, await connect()):
        with pytest.raises(ConnectionResetError):
            await client.ask(b"one")
    link.heal()
    assert await (await connect()).ask(b"two") == b"TWO"


async def test_half_open_connections_lose_everything_and_nobody_is_told(
    link: Link, connect: Connect, upper: Upper
) -> None:
    client = await connect()
    assert await client.ask(b"one") == b"ONE"
    link.half_open()
    answer = asyncio.create_task(client.ask(b"two"))
    await asyncio.sleep(MOMENT_S)
    assert not answer.done()
    assert await (await connect()).ask(b"three") == b"THREE"
    link.heal()
    with pytest.raises(ConnectionResetError):
        await answer
    assert upper.heard == b"one\nthree\n"


async def test_a_slow_link_keeps_the_order(link: Link, connect: Connect) -> None:
    client = await connect()
    link.delay(100, jitter_ms=90)
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    words = [b"%d" % number for number in range(20)]
    for word in words:
        client.say(word)
        await asyncio.sleep(0.002)
    assert [await client.hear() for _ in words] == words
    assert loop.time() - began_at > 0.1
    link.heal()
    began_at = loop.time()
    assert await client.ask(b"quick") == b"QUICK"
    assert loop.time() - began_at < 0.1


async def test_a_cut_loses_the_answer_to_what_the_server_has_done(
    link: Link, connect: Connect, upper: Upper
) -> None:
    client = await connect()
    link.cut_after(b"commit")
    assert await client.ask(b"begin") == b"BEGIN"
    with pytest.raises(ConnectionResetError):
        await client.ask(b"commit")
    assert upper.heard == b"begin\ncommit\n"
    assert link.cuts == 1
    again = await connect()
    assert await again.ask(b"commit") == b"COMMIT"


async def test_who_asks_a_server_that_is_away_is_told_at_once(
    link: Link, connect: Connect, upper: Upper
) -> None:
    upper.port = 1
    with pytest.raises(ConnectionResetError):
        await (await connect()).ask(b"one")
