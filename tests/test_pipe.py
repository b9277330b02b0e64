"""Questions to Redis: all of a turn in one write, answered in order, whatever becomes of the connection."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection

from api.embedded_valkey import Valkey
from readmodels import pipe as module
from readmodels.connecting import call, connect
from readmodels.model import NotReady
from readmodels.pipe import UNDER_WAY_MAX, WAITING_MAX, Pipe, shared_pipe
from readmodels.scripts import Script, script
from readmodels.wire import Wire
from tests.faults.links import Links

PATIENT_S = 10.0


@pytest.fixture
def echo(tmp_path: Path) -> Script:
    return scripted(tmp_path, "return ARGV[1]")


@pytest.fixture
def wrong(tmp_path: Path) -> Script:
    return scripted(tmp_path, "return redis.call('GET')")


@pytest.fixture
def read(tmp_path: Path) -> Script:
    return scripted(tmp_path, "return redis.call('GET', KEYS[1])")


def scripted(folder: Path, text: str) -> Script:
    (folder / "asked.lua").write_text(text)
    return script(folder, "asked")


@pytest.fixture
async def asked(redis_url: str) -> AsyncIterator[Redis]:
    """A client that nobody but the pipe of a test uses."""
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def pipe(asked: Redis) -> Pipe:
    return Pipe(asked, PATIENT_S)


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What goes out, write by write."""
    seen: list[bytes] = []
    ask = Wire.ask

    def noted(self: Wire, packed: bytes) -> None:
        seen.append(packed)
        ask(self, packed)

    monkeypatch.setattr(Wire, "ask", noted)
    return seen


async def test_each_gets_its_own_answer_however_many_ask(pipe: Pipe, echo: Script) -> None:
    number = 3 * UNDER_WAY_MAX
    answers = await asyncio.gather(*(pipe.run(echo, [], str(each)) for each in range(number)))
    assert answers == [b"%d" % each for each in range(number)]
    assert (pipe.under_way, pipe.waiting) == (0, 0)


async def test_what_is_asked_in_one_turn_goes_out_in_one_write(
    pipe: Pipe, echo: Script, writes: list[bytes]
) -> None:
    await pipe.run(echo, [], "the connection is open now")
    writes.clear()
    await asyncio.gather(*(pipe.run(echo, [], str(each)) for each in range(50)))
    assert len(writes) == 1


async def test_at_most_so_many_are_under_way(pipe: Pipe, echo: Script) -> None:
    await pipe.run(echo, [], "open")
    waiting = asyncio.gather(*(pipe.run(echo, [], "x") for _ in range(UNDER_WAY_MAX + 5)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (pipe.under_way, pipe.waiting) == (UNDER_WAY_MAX, 5)
    await waiting


async def test_whoever_goes_away_takes_no_answer_of_others(pipe: Pipe, echo: Script) -> None:
    await pipe.run(echo, [], "open")
    tasks = [asyncio.create_task(pipe.run(echo, [], str(each))) for each in range(20)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert pipe.under_way == 20
    tasks[3].cancel()
    late = [asyncio.create_task(pipe.run(echo, [], f"late {each}")) for each in range(3)]
    await asyncio.sleep(0)
    late[1].cancel()
    assert await asyncio.gather(*tasks[4:], late[0], late[2]) == [
        *(b"%d" % each for each in range(4, 20)), b"late 0", b"late 2",
    ]  # fmt: skip


async def test_a_script_that_redis_has_forgotten_is_told_again(
    pipe: Pipe, echo: Script, redis: Redis
) -> None:
    assert await pipe.run(echo, [], "a") == b"a"
    await call(redis, "SCRIPT", "FLUSH")
    assert await pipe.change(echo, [], "b") == b"b"


async def test_an_error_of_one_is_nobody_elses(pipe: Pipe, echo: Script, wrong: Script) -> None:
    refused = asyncio.create_task(pipe.run(wrong, []))
    assert await pipe.run(echo, [], "fine") == b"fine"
    with pytest.raises(NotReady, match="Redis cannot be asked: ResponseError"):
        await refused


async def test_a_connection_that_was_closed_is_opened_again(pipe: Pipe, echo: Script, redis: Redis) -> None:
    for each in range(3):
        assert await pipe.run(echo, [], str(each)) == b"%d" % each
        await call(redis, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


async def test_what_was_under_way_when_the_connection_broke_is_asked_once_more(
    pipe: Pipe, echo: Script, redis: Redis, writes: list[bytes]
) -> None:
    await pipe.run(echo, [], "open")
    writes.clear()
    await call(redis, "CLIENT", "PAUSE", 300, "ALL")
    answers = asyncio.gather(*(pipe.run(echo, [], str(each)) for each in range(5)))
    await until(lambda: bool(writes))
    assert pipe._wire is not None
    pipe._wire.abort()
    assert await answers == [b"0", b"1", b"2", b"3", b"4"]
    assert len(writes) == 2


async def test_nobody_is_asked_where_nobody_is(echo: Script) -> None:
    nobody = connect("redis://127.0.0.1:1", timeout_s=1)
    answers = await asyncio.gather(
        *(Pipe(nobody, 1).run(echo, [], "x") for _ in range(3)), return_exceptions=True
    )
    assert all(isinstance(each, NotReady) for each in answers)
    await nobody.aclose()


def losing(monkeypatch: pytest.MonkeyPatch, redis: Redis, times: int) -> list[Wire]:
    """Redis closes as many connections in the moment in which they were opened."""
    opened: list[Wire] = []
    open_it = Wire.open

    async def opening(self: Wire, pool: ConnectionPool) -> None:
        await open_it(self, pool)
        opened.append(self)
        if len(opened) <= times:
            await call(redis, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await until(lambda: self.is_lost)

    monkeypatch.setattr(Wire, "open", opening)
    return opened


async def test_a_connection_that_is_lost_as_soon_as_it_is_open_is_opened_once_more(
    asked: Redis, echo: Script, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = losing(monkeypatch, redis, 1)
    assert await Pipe(asked, PATIENT_S).run(echo, [], "x") == b"x"
    assert len(opened) == 2


async def test_a_redis_that_closes_every_connection_is_given_up_at_once(
    asked: Redis, echo: Script, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = losing(monkeypatch, redis, 2)
    pipe = Pipe(asked, PATIENT_S)
    with pytest.raises(NotReady, match="closes every connection"):
        await pipe.run(echo, [], "x")
    assert await pipe.run(echo, [], "y") == b"y"
    assert len(opened) == 3


async def test_a_connection_that_broke_before_the_wire_had_it_is_given_back(
    asked: Redis, echo: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, get = asked.connection_pool, asked.connection_pool.get_connection
    got: list[AbstractConnection] = []

    async def getting() -> AbstractConnection:
        connection: AbstractConnection = await get()  # type: ignore[no-untyped-call]
        got.append(connection)
        if len(got) == 1:
            assert connection._writer is not None
            connection._writer.transport.abort()
            await asyncio.sleep(0.01)
        return connection

    monkeypatch.setattr(pool, "get_connection", getting)
    assert await Pipe(asked, PATIENT_S).run(echo, [], "x") == b"x"
    assert len(got) == 2
    assert len(pool._in_use_connections) == 1


@pytest.fixture
async def far_valkey(valkey: Valkey) -> AsyncIterator[Redis]:
    """A client of a Valkey that is reached by TCP, where whoever writes is not told of an end at once."""
    links = Links(random.Random(1))
    link = await links.add("client", "valkey", lambda: valkey.socket)
    client = connect(f"redis://127.0.0.1:{link.port}/0")
    yield client
    await client.aclose()
    await links.close()


async def test_a_connection_that_redis_ended_before_the_wire_had_it_is_opened_anew(
    far_valkey: Redis, valkey: Valkey, echo: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's own reader has heard the end then, and nobody would hear it again."""
    pool, get = far_valkey.connection_pool, far_valkey.connection_pool.get_connection
    redis = connect(valkey.url())
    got: list[AbstractConnection] = []

    async def getting() -> AbstractConnection:
        connection: AbstractConnection = await get()  # type: ignore[no-untyped-call]
        got.append(connection)
        if len(got) == 1:
            await call(redis, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            reader = connection._reader
            assert reader is not None
            await until(reader.at_eof)
            assert connection._writer is not None
            assert not connection._writer.transport.is_closing()
        return connection

    monkeypatch.setattr(pool, "get_connection", getting)
    async with asyncio.timeout(PATIENT_S / 2):
        assert await Pipe(far_valkey, PATIENT_S).run(echo, [], "x") == b"x"
    assert len(got) == 2
    await redis.aclose()


async def test_whatever_hinders_opening_is_told_to_those_who_wait(
    pipe: Pipe, echo: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def opening(self: Wire, pool: ConnectionPool) -> None:
        raise ValueError("a surprise")

    monkeypatch.setattr(Wire, "open", opening)
    async with asyncio.timeout(5):
        with pytest.raises(ValueError, match="a surprise"):
            await pipe.run(echo, [], "x")
    monkeypatch.undo()
    assert await pipe.run(echo, [], "y") == b"y"


async def test_a_silent_redis_is_given_up_in_time_and_asked_anew(
    asked: Redis, echo: Script, redis: Redis
) -> None:
    pipe = Pipe(asked, 0.3)
    await pipe.run(echo, [], "open")
    await call(redis, "CLIENT", "PAUSE", 1000, "ALL")
    began = time.perf_counter()
    with pytest.raises(NotReady, match="no answer within"):
        await pipe.run(echo, [], "x")
    assert 0.3 <= time.perf_counter() - began < 3
    await call(redis, "CLIENT", "UNPAUSE")
    assert await pipe.run(echo, [], "y") == b"y"


async def test_too_many_are_turned_away(pipe: Pipe, echo: Script) -> None:
    tasks = [asyncio.create_task(pipe.run(echo, [], "x")) for _ in range(WAITING_MAX + 1)]
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [each for each in answers if each != b"x"] == [answers[-1]]
    assert isinstance(answers[-1], NotReady)


async def test_a_connection_that_nobody_needs_is_closed(
    asked: Redis, echo: Script, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE_S", 0.05)
    pipe, before = Pipe(asked, PATIENT_S), await connections(redis)
    assert await pipe.run(echo, [], "a") == b"a"
    assert await connections(redis) == before + 1
    await until(lambda: pipe._wire is None)
    await until(lambda: not asked.connection_pool._in_use_connections)
    assert await connections(redis) == before
    assert await pipe.run(echo, [], "b") == b"b"


async def test_connections_are_the_clients_and_given_back(redis_url: str, echo: Script, redis: Redis) -> None:
    client = connect(redis_url, connections_max=1, timeout_s=5)
    for _ in range(3):
        assert await Pipe(client, PATIENT_S).run(echo, [], "a") == b"a"
        await call(redis, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        # The only one that there may be is free again.
        await until(lambda: not client.connection_pool._in_use_connections)
    began = time.perf_counter()
    await client.aclose()
    assert time.perf_counter() - began < 2


async def test_closing_the_client_closes_what_a_pipe_holds(redis_url: str, echo: Script) -> None:
    client = connect(redis_url)
    pipe = Pipe(client, PATIENT_S)
    await pipe.run(echo, [], "a")
    wire = pipe._wire
    assert wire is not None
    async with asyncio.timeout(2):
        await client.aclose()
    assert wire._transport is not None
    assert wire._transport.is_closing()


async def test_passwords_and_databases_are_those_of_the_url(valkey: Valkey, read: Script) -> None:
    plain = connect(valkey.url())
    await call(plain, "CONFIG", "SET", "requirepass", "sesame")
    await plain.aclose()
    separator = "&" if "?" in valkey.url() else "?"
    client = connect(f"{valkey.url()}{separator}db=3&password=sesame")
    await call(client, "SET", "here", "three")
    assert await Pipe(client, PATIENT_S).run(read, ["here"]) == b"three"
    await client.aclose()


def test_all_who_ask_one_client_share_a_pipe() -> None:
    one, other = connect("redis://127.0.0.1:1"), connect("redis://127.0.0.1:1")
    assert shared_pipe(one, 1.0) is shared_pipe(one, 1.0)
    assert shared_pipe(one, 1.0) is not shared_pipe(one, 2.0)
    assert shared_pipe(one, 1.0) is not shared_pipe(other, 1.0)


async def connections(redis: Redis) -> int:
    listed = await call(redis, "CLIENT", "LIST", "TYPE", "normal")
    return len(listed.splitlines())


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
