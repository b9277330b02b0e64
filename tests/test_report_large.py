"""Large reports through real servers: little memory, a loop that goes on, clients that let go."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import re
import socket
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final

import orjson
import psutil
import pytest
from aiohttp import ClientSession
from pypdf import PdfReader

from events.expenses import ExpenseRecorded
from events.projects import ProjectCreated
from events.store import Append
from tests.http import JWT_SECRET, MASTER_KEY, Client, Taskflow, caught_up, taskflow_running
from tests.running import UNLIMITED, Running, free_port
from tests.test_http_auth import token_of

PROJECTS: Final = 10_000
BATCH: Final = 500
MEGABYTE: Final = 2**20
MEMORY_MAX: Final = 200 * MEGABYTE
BUDGET, SPENT = 10_000_33, 7_001_01
LONG: Final = "/api/reports/projects?format=csv"
LONG_BYTES_MIN: Final = 10_000_000
"""More than connections take up before anybody reads."""

THIS: Final = psutil.Process()
DAY: Final = "2025-07-01T00:00:00.000000Z"


async def fill(taskflow: Taskflow, projects: int, description: str) -> None:
    """Projects with a budget and an expense each, straight into the log."""

    def events(number: int) -> tuple[tuple[ProjectCreated | ExpenseRecorded, int], ...]:
        name = f"Project {number}"
        project = ProjectCreated(number, 1, name, description, BUDGET * number, DAY, None, "active")
        return (project, 1), (ExpenseRecorded(number, number, SPENT * number, "", "", DAY), 1)

    for start in range(1, projects + 1, BATCH):
        batch = [each for number in range(start, min(start + BATCH, projects + 1)) for each in events(number)]
        await taskflow.core.store.append(Append(f"fill-{start}", tuple(batch)))
    await caught_up(taskflow.core, within_s=60)


def server_of_its_own(taskflow: Taskflow, folder: Path) -> Running:
    """A server process on the same data; reports may take their time on a busy machine."""
    environment = UNLIMITED | {
        "DATABASE_URL": taskflow.core.settings.database_url,
        "REDIS_URL": taskflow.core.settings.redis_url,
        "TASKLEDGER_MASTER_KEY": MASTER_KEY.hex(),
        "TASKLEDGER_JWT_SECRET": JWT_SECRET.hex(),
        "TASKLEDGER_REPORT_TIMEOUT_S": "60",
        "TASKLEDGER_REQUEST_DEADLINE_S": "60",
    }
    server = Running(["serve"], free_port(), folder / "server.log", environment=environment).start()
    try:
        return server.wait_until_ready()
    except BaseException:
        server.stop()
        raise


def cookie(taskflow: Taskflow) -> dict[str, str]:
    return {"Cookie": f"session={token_of(taskflow.admin)}"}


class MemoryWatch:
    """The most memory that a process and its children held together, looked at in a thread."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.before = self.most = self._held()
        self._thread.start()

    def grown(self) -> int:
        self._stop.set()
        self._thread.join()
        return self.most - self.before

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self.most = max(self.most, self._held())

    def _held(self) -> int:
        held = 0
        for process in (self._process, *self._process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                held += process.memory_info().rss
        return held


async def timed(client: Client, form: str) -> tuple[bytes, float, list[float]]:
    """A report, the seconds that it took, and those that each probe took meanwhile."""
    probes: list[float] = []

    async def probe() -> None:
        while True:
            started = time.perf_counter()
            assert (await client.get("/livez")).status == 200
            probes.append(time.perf_counter() - started)
            await asyncio.sleep(0.01)

    probing = asyncio.create_task(probe())
    started = time.perf_counter()
    answer = await client.get("/api/reports/projects", params={"format": form})
    took = time.perf_counter() - started
    probing.cancel()
    assert answer.status == 200, answer.raw
    return answer.raw, took, probes


async def test_ten_thousand_projects(database_url: str, redis_url: str, logs: None, tmp_path: Path) -> None:
    """In real processes: all forms agree to the cent, take little memory, and no time of other requests."""
    async with taskflow_running(database_url, redis_url) as taskflow:
        await fill(taskflow, PROJECTS, "About it")
        server = await asyncio.to_thread(server_of_its_own, taskflow, tmp_path)
        try:
            async with ClientSession(server.url, headers=cookie(taskflow)) as session:
                client = Client(session)
                assert (await client.get("/api/projects")).data["projects"]
                watch = await asyncio.to_thread(MemoryWatch, server.process.pid)
                in_json, _, _ = await timed(client, "json")
                in_csv, _, _ = await timed(client, "csv")
                in_pdf, took, probes = await timed(client, "pdf")
                grown = await asyncio.to_thread(watch.grown)
                again, _, _ = await timed(client, "pdf")
        finally:
            await asyncio.to_thread(server.stop)
    slowest = max(probes)
    print(f"{took:.1f} s, {len(in_pdf):,} bytes, {grown / MEGABYTE:.0f} MB more, probes {slowest:.3f} s")
    assert grown < MEMORY_MAX
    assert slowest < took / 2, "a report that is made in the event loop keeps everybody else waiting"
    assert in_pdf == again
    check_totals(in_json, in_csv, in_pdf)


def check_totals(in_json: bytes, in_csv: bytes, in_pdf: bytes) -> None:
    numbers = PROJECTS * (PROJECTS + 1) // 2
    budget, spent = (Decimal(cents * numbers).scaleb(-2) for cents in (BUDGET, SPENT))
    summary = orjson.loads(in_json)["data"]["summary"]
    assert [Decimal(repr(summary[name])) for name in ("total_budget", "total_spent")] == [budget, spent]
    rows = list(csv.DictReader(io.StringIO(in_csv.decode(), newline="")))
    assert len(rows) == PROJECTS
    assert sum(Decimal(row["budget"]) for row in rows) == budget
    assert sum(Decimal(row["spent_budget"]) for row in rows) == spent
    pages = PdfReader(io.BytesIO(in_pdf)).pages
    assert re.search(rf"^Budget\n{budget:,}\nSpent\n{spent:,}$", pages[0].extract_text(), re.MULTILINE)
    last = pages[-1].extract_text()
    assert f"Page {len(pages)} of {len(pages)}" in last
    assert re.search(rf"^{PROJECTS} Project {PROJECTS} ", last, re.MULTILINE)


async def half_read(url: str, path: str, header: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which a long answer has begun to arrive; its client takes no more for now."""
    host, port = url.removeprefix("http://").split(":")
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.setblocking(False)
    await asyncio.get_running_loop().sock_connect(narrow, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=narrow, limit=4096)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n".encode())
    assert b" 200 OK" in await reader.readline()
    return reader, writer


async def ends(url: str) -> int:
    """How many sockets in this process belong to connections with a server's port, its own and clients'."""
    port = int(url.rpartition(":")[2])
    found = await asyncio.to_thread(THIS.net_connections, "tcp")
    return sum(
        port in (each.laddr[1], *each.raddr[1:]) for each in found if each.status != psutil.CONN_LISTEN
    )


async def ends_back_to(url: str, count: int, within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while await ends(url) > count:  # noqa: ASYNC110 - nobody would set an event
            await asyncio.sleep(0.05)


@pytest.fixture
def spooled(monkeypatch: pytest.MonkeyPatch) -> list[IO[bytes]]:
    """The files in which reports are kept until they are sent."""
    files: list[IO[bytes]] = []

    def recorded(*arguments: Any, **options: Any) -> IO[bytes]:
        files.append(TemporaryFile(*arguments, **options))  # noqa: SIM115 - the spool closes it
        return files[-1]

    monkeypatch.setattr("api.reports.spool.tempfile.TemporaryFile", recorded)
    return files


@contextlib.contextmanager
def less_time_to_take(taskflow: Taskflow, seconds: float) -> Iterator[None]:
    """Who asks for a file inside takes it in time or is let go; all others have the usual time."""
    settings, usual = taskflow.core.settings, taskflow.core.settings.report_send_timeout_s
    object.__setattr__(settings, "report_send_timeout_s", seconds)
    yield
    object.__setattr__(settings, "report_send_timeout_s", usual)


async def all_closed(files: list[IO[bytes]], within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while not all(file.closed for file in files):  # noqa: ASYNC110 - nobody would set an event
            await asyncio.sleep(0.05)


async def test_clients_that_let_go_leave_nothing_behind(
    database_url: str, redis_url: str, logs: None, spooled: list[IO[bytes]]
) -> None:
    """One goes away in the middle, another takes no more and is not waited for."""
    async with taskflow_running(database_url, redis_url) as taskflow:
        await fill(taskflow, 2000, "x" * 5000)
        assert (await taskflow.admin.get("/api/reports/projects?format=pdf")).status == 200
        url, before = taskflow.url, await ends(taskflow.url)
        await all_closed(spooled)

        _, gone = await half_read(url, LONG, f"Cookie: {cookie(taskflow)['Cookie']}")
        gone.transport.abort()
        await ends_back_to(url, before)
        await all_closed(spooled)

        with less_time_to_take(taskflow, 2.0):
            reader, slow = await half_read(url, LONG, f"Cookie: {cookie(taskflow)['Cookie']}")
        assert await ends(url) == before + 2, "both ends of a connection"
        assert not spooled[-1].closed
        # The server lets go of its end and of the file; the client still has its own.
        await ends_back_to(url, before + 1)
        await all_closed(spooled)
        received = 0
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(65536):
                received += len(piece)
        assert received < LONG_BYTES_MIN
        slow.close()
        await ends_back_to(url, before)

        again = await taskflow.admin.get(LONG)
        assert len(again.raw) > LONG_BYTES_MIN
        assert len(spooled) == 4
        await all_closed(spooled)
