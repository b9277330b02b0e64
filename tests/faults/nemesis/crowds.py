"""More than a ledger can do: clients that read an export at 1 kB/s, and ten times the usual load."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

from api.processes import own_python
from tests.faults.client_wire import TASKFORGE, Person, Wire
from tests.faults.flood import Flood, Flooded
from tests.faults.schedules import Load, Schedule
from tests.faults.visiting import new_project, visiting

if TYPE_CHECKING:
    from tests.faults.laboratory import Lab
    from tests.faults.parts import Part

READERS: Final = 100
READ_FOR_S: Final = 8.0
PIECE_BYTES: Final = 1024
RECEIVED_AHEAD_BYTES: Final = 4096
BEGUN_AT_ONCE: Final = 4
BEGIN_TRIES_MAX: Final = 50
BEGIN_PAUSE_S: Final = 0.1
TASKS: Final = 40
MADE_AT_ONCE: Final = 10
DESCRIPTION: Final = "\N{MUSICAL SYMBOL G CLEF}" * 5000
"""Four bytes each: an export of such tasks is larger than what the system buffers for a connection."""

GROWTH_MAX_BYTES: Final = 50_000_000
USUAL: Final = Load(writes_per_s=40, reads_per_s=40)
FLOOD_FACTOR: Final = 10
FLOOD_S: Final = 8.0
FLOOD_END_MAX_S: Final = 40.0
PER_S: Final = FLOOD_FACTOR * (USUAL.writes_per_s + USUAL.reads_per_s)
SERVED_SHARE_MIN: Final = 0.25
REFUSED_WITHIN_S: Final = 2.0
"""Far more than on a machine of its own, and far less than a request may take at all."""


async def read_slowly(lab: Lab) -> None:
    """A hundred clients read an export so slowly that it would take hours; memory has to stay bounded."""
    server = lab.chance.choice(lab.servers)
    async with visiting(lab) as (wire, manager):
        await _make_tasks(wire, manager)
        before = (await lab.resources())[server.name]["resident_bytes"]
        lab.note(f"{READERS} clients read an export of {server.name} at {PIECE_BYTES} bytes a second")
        async with AsyncExitStack() as stack:
            readers = await _begin_exports(server, manager, stack)
            read = await asyncio.gather(*(_read_on(reader) for reader in readers))
            grown = (await lab.resources())[server.name]["resident_bytes"] - before
    assert min(read) > 0, f"{sum(not each for each in read)} of {READERS} exports broke off"
    assert grown < GROWTH_MAX_BYTES, f"{server.name} grew by {grown / 1e6:.0f} MB for {READERS} slow clients"
    lab.note(f"{server.name} grew by {grown / 1e6:.1f} MB")


async def _make_tasks(wire: Wire, manager: Person) -> None:
    path, turns = f"{TASKFORGE}/api/tasks", asyncio.Semaphore(MADE_AT_ONCE)

    async def make(number: int) -> None:
        async with turns:
            new = {"title": f"Long {number}", "description": DESCRIPTION}
            await wire.insist(path, new, manager.headers(path))

    await asyncio.gather(*map(make, range(TASKS)))


async def _begin_exports(
    server: Part, manager: Person, stack: AsyncExitStack
) -> Sequence[asyncio.StreamReader]:
    """A few at a time: a server turns away who would wait for too many others."""
    turns = asyncio.Semaphore(BEGUN_AT_ONCE)

    async def begin() -> asyncio.StreamReader:
        async with turns:
            return await _begin_export(server, manager, stack)

    return await asyncio.gather(*(begin() for _ in range(READERS)))


async def _begin_export(server: Part, manager: Person, stack: AsyncExitStack) -> asyncio.StreamReader:
    """An export that has begun. Raises AssertionError where the server never has a moment for it."""
    for _ in range(BEGIN_TRIES_MAX):
        reader, writer = await _connected(server)
        # A writer that nobody holds would close the connection.
        stack.callback(_abort, writer)
        path = f"{TASKFORGE}/api/tasks/export?format=json"
        headers = "".join(f"{name}: {value}\r\n" for name, value in manager.headers(path).items())
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode())
        if b" 200 " in await reader.readline():
            return reader
        await asyncio.sleep(BEGIN_PAUSE_S)
    raise AssertionError(f"{server.name} began no export")


async def _connected(server: Part) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that takes little ahead of what is read from it."""
    taking = socket.socket()
    taking.setblocking(False)
    taking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED_AHEAD_BYTES)
    await asyncio.get_running_loop().sock_connect(taking, ("127.0.0.1", server.port))
    return await asyncio.open_connection(sock=taking, limit=RECEIVED_AHEAD_BYTES)


def _abort(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def _read_on(reader: asyncio.StreamReader) -> int:
    """Bytes that were read within READ_FOR_S; 0 where the export ended, which it should not for hours."""
    loop = asyncio.get_running_loop()
    ends_at, read = loop.time() + READ_FOR_S, 0
    while loop.time() < ends_at:
        data = await reader.read(PIECE_BYTES)
        if not data:
            return 0
        read += len(data)
        await asyncio.sleep(1)
    return read


async def flood(lab: Lab) -> None:
    """Ten times the usual load comes by the clock, from a process of its own, and waits for nobody."""
    ports = [server.port for server in lab.servers]
    async with visiting(lab) as (wire, manager):
        project = await new_project(wire, manager, "Flooded")
        lab.note(f"{PER_S:,.0f} requests a second more")
        asked = Flood(ports, manager.headers("/"), project, PER_S, FLOOD_S)
        _judge(lab, await _made(asked))


async def _made(asked: Flood) -> Flooded:
    command, environment = own_python("-m", "tests.faults.flood")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdin=pipe, stdout=pipe)
    try:
        async with asyncio.timeout(FLOOD_S + FLOOD_END_MAX_S):
            told, _ = await process.communicate(json.dumps(asked._asdict()).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, "the flood could not be made"
    return Flooded(**json.loads(told))


def _judge(lab: Lab, flooded: Flooded) -> None:
    """A good part is served, others are soon told to come back, nobody gets anything else."""
    statuses = flooded.statuses
    lab.note(
        f"the flood was answered {statuses}, nine of ten refusals within {flooded.refused_within_s:.2f} s"
    )
    lab.note(f"{flooded.unsent:,} of its requests were not sent")
    assert statuses.keys() <= {"200", "201", "503"}, f"the flood was answered {statuses}"
    served, least = statuses.get("200", 0) + statuses.get("201", 0), SERVED_SHARE_MIN * PER_S * FLOOD_S
    assert served >= least, f"{served:,} were served, {least:,.0f} at least should be: {statuses}"
    assert statuses.get("201"), f"no write was served: {statuses}"
    assert flooded.refused_within_s <= REFUSED_WITHIN_S, f"refusals took {flooded.refused_within_s:.1f} s"


SCHEDULES: Final = (
    Schedule("slow-readers", "100 clients read an export at 1 kB/s", read_slowly, 16),
    Schedule("overload", "ten times the usual load for 8 s", flood, 12, load=USUAL),
)
