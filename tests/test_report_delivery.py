"""Reports on their way to the client: a worker process that may die, clients that may go away."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson
import psutil
import pytest
from structlog.testing import capture_logs

from api.errors import TryLater
from api.reports.delivery import Reports
from api.reports.order import Form, Order
from api.reports.process import WorkerDied, WorkerProcess
from api.reports.rendering import render
from api.reports.spool import Spool
from readmodels.model import NotReady
from tests.http import Client, Taskflow, taskflow_running
from tests.made_reports import Stubborn, after_dying, after_sleep, budgets, documents, failing, order

ROOT = Path(__file__).parent.parent
SNAPSHOT = documents(["Website Redesign", "=1+1"], [(5000000, 3250000)])
FORMS: tuple[Form, ...] = ("json", "csv", "pdf")
THIS: Final = psutil.Process()


@asynccontextmanager
async def reports(queue_max: int = 5, timeout_s: float = 30) -> AsyncIterator[Reports]:
    opened = Reports(queue_max, timeout_s)
    try:
        yield opened
    finally:
        await opened.close()


async def made(reports: Reports, order: Order) -> bytes:
    with await reports.make(order) as spool:
        return await asyncio.to_thread(spool.read, 0, 1_000_000)


async def eventually(holds: Callable[[], bool], within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - nobody would set an event
            await asyncio.sleep(0.02)


async def open_files() -> int:
    return await asyncio.to_thread(THIS.num_fds)


async def lives(pid: int | None) -> bool:
    assert pid is not None
    return await asyncio.to_thread(psutil.pid_exists, pid)


def written(form: Form) -> bytes:
    file = io.BytesIO()
    render(budgets(SNAPSHOT), form, file)
    return file.getvalue()


# Made here and now: to do so within a test would block its event loop.
WRITTEN: Final = {form: written(form) for form in FORMS}


def slow(begun: Path, seconds: float = 60) -> Order:
    return Order(partial(after_sleep, seconds, str(begun), SNAPSHOT), "csv")


async def test_the_worker_writes_what_this_process_would() -> None:
    async with reports() as opened:
        for form in FORMS:
            assert await made(opened, order(SNAPSHOT, form)) == WRITTEN[form]


async def test_there_is_no_worker_before_the_first_report_and_one_for_all_of_them() -> None:
    async with reports() as opened:
        assert opened.worker_pid is None
        await made(opened, order(SNAPSHOT, "csv"))
        first = opened.worker_pid
        await made(opened, order(SNAPSHOT, "csv"))
        assert opened.worker_pid == first
    assert not await lives(first)


async def test_a_report_leaves_no_file_open() -> None:
    async with reports() as opened:
        await made(opened, order(SNAPSHOT, "pdf"))
        before = await open_files()
        for form in FORMS:
            await made(opened, order(SNAPSHOT, form))
        assert await open_files() == before


async def test_a_worker_that_dies_is_replaced_and_its_report_made_again(tmp_path: Path) -> None:
    async with reports() as opened:
        await made(opened, order(SNAPSHOT, "csv"))
        first = opened.worker_pid
        before = await open_files()
        dies_once = Order(partial(after_dying, 1, str(tmp_path / "deaths"), SNAPSHOT), "csv")
        assert await made(opened, dies_once) == WRITTEN["csv"]
        assert opened.worker_pid != first
        assert await open_files() == before


async def test_a_worker_that_is_killed_while_it_works_is_replaced(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    async with reports() as opened:
        running = asyncio.create_task(made(opened, slow(begun, 1)))
        await eventually(begun.exists)
        assert opened.worker_pid is not None
        os.kill(opened.worker_pid, signal.SIGKILL)
        assert await running == WRITTEN["csv"]


async def test_a_report_that_kills_every_worker_is_given_up(tmp_path: Path) -> None:
    deaths = tmp_path / "deaths"
    async with reports() as opened:
        with pytest.raises(TryLater):
            await made(opened, Order(partial(after_dying, 9, str(deaths), SNAPSHOT), "csv"))
        assert await asyncio.to_thread(deaths.read_text) == "xx"
        assert await made(opened, order(SNAPSHOT, "csv")) == WRITTEN["csv"]


async def test_a_report_that_takes_too_long_ends_with_its_worker(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    async with reports() as opened:
        await made(opened, order(SNAPSHOT, "csv"))
        worker = opened.worker_pid
        before = await open_files()
        opened._timeout_s = 1
        with pytest.raises(TryLater, match="not ready within 1 seconds"):
            await made(opened, slow(begun))
        opened._timeout_s = 30
        assert await asyncio.to_thread(begun.exists)
        assert not await lives(worker)
        assert await open_files() <= before
        assert await made(opened, order(SNAPSHOT, "csv")) == WRITTEN["csv"]


async def test_no_more_wait_than_may(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    async with reports(queue_max=2) as opened:
        first = asyncio.create_task(made(opened, slow(begun, 1)))
        await eventually(begun.exists)
        second = asyncio.create_task(made(opened, order(SNAPSHOT, "csv")))
        await asyncio.sleep(0)
        with pytest.raises(TryLater) as refused:
            await opened.make(order(SNAPSHOT, "csv"))
        assert refused.value.retry_after_s > 0
        assert await first == await second == WRITTEN["csv"]
        assert await made(opened, order(SNAPSHOT, "csv")) == WRITTEN["csv"]


async def test_a_report_that_nobody_waits_for_any_more_leaves_nothing(tmp_path: Path) -> None:
    begun, never = tmp_path / "begun", tmp_path / "never"
    async with reports(queue_max=2) as opened:
        await made(opened, order(SNAPSHOT, "csv"))
        before = await open_files()
        running = asyncio.create_task(opened.make(slow(begun, 1)))
        await eventually(begun.exists)
        waiting = asyncio.create_task(opened.make(slow(never)))
        await asyncio.sleep(0)
        for task in (running, waiting):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        # The one that was running still had the worker to itself.
        assert await made(opened, order(SNAPSHOT, "csv")) == WRITTEN["csv"]
        assert not await asyncio.to_thread(never.exists)
        assert await open_files() == before


@pytest.mark.parametrize(
    ("error", "words", "raised"),
    [
        (NotReady, ("project 7 is missing",), NotReady),
        (ValueError, ("odd",), ValueError),
        (Stubborn, ("a", "b"), RuntimeError),
    ],
)
async def test_what_goes_wrong_in_the_worker_goes_wrong_here(
    error: type[Exception], words: tuple[str, ...], raised: type[Exception]
) -> None:
    async with reports() as opened:
        with pytest.raises(raised) as caught:
            await made(opened, Order(partial(failing, error, *words), "csv"))
        assert type(caught.value) is raised
        told = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
        assert "in failing" in told
        assert "".join(words) in told
        assert await made(opened, order(SNAPSHOT, "csv")) == WRITTEN["csv"]


async def test_a_full_disk_is_answered_503_and_told_to_operators() -> None:
    async with reports() as opened:
        with capture_logs() as said, pytest.raises(TryLater, match="operators are told") as caught:
            await made(opened, Order(partial(failing, OSError, "No space left on device"), "csv"))
        assert caught.value.retry_after_s == 60
        assert [each["log_level"] for each in said] == ["error"]
        assert await made(opened, order(SNAPSHOT, "csv")) == WRITTEN["csv"]


async def test_closing_ends_what_is_running(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    opened = Reports(5, 60)
    running = asyncio.create_task(opened.make(slow(begun)))
    await eventually(begun.exists)
    waiting = asyncio.create_task(opened.make(order(SNAPSHOT, "csv")))
    await asyncio.sleep(0)
    worker = opened.worker_pid
    async with asyncio.timeout(10):
        await opened.close()
    for task in (running, waiting):
        with pytest.raises(TryLater):
            await task
    assert not await lives(worker)


def test_a_worker_that_starts_while_its_server_closes_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = WorkerProcess()

    class Late(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            worker.close()

    monkeypatch.setattr(subprocess, "Popen", Late)
    with Spool() as spool:
        for _ in range(2):
            with pytest.raises(WorkerDied):
                worker.work(b"no order at all", spool, 20)
    assert worker.pid is None


async def test_the_worker_leaves_ctrl_c_to_its_server(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    async with reports() as opened:
        running = asyncio.create_task(made(opened, slow(begun, 1)))
        await eventually(begun.exists)
        worker = opened.worker_pid
        assert worker is not None
        os.kill(worker, signal.SIGINT)
        assert await running == WRITTEN["csv"]
        assert opened.worker_pid == worker


def test_a_worker_ends_with_its_server_however_that_ends(tmp_path: Path) -> None:
    """It is at work when its server is killed."""
    script = (
        "import asyncio, functools, os, sys\n"
        "from api.reports.delivery import Reports\n"
        "from api.reports.order import Order\n"
        "from tests.made_reports import after_sleep, documents\n"
        "async def main():\n"
        "    reports, begun = Reports(5, 60), sys.argv[1]\n"
        "    order = Order(functools.partial(after_sleep, 60, begun, documents(['A'])), 'csv')\n"
        "    task = asyncio.create_task(reports.make(order))\n"
        "    while not os.path.exists(begun):\n"
        "        await asyncio.sleep(0.02)\n"
        "    print(reports.worker_pid, flush=True)\n"
        "    await task\n"
        "asyncio.run(main())\n"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", script, tmp_path / "begun"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    assert server.stdout
    with server.stdout as said:
        worker = psutil.Process(int(said.readline()))
        server.kill()
        server.wait()
        gone, _ = psutil.wait_procs([worker], timeout=5)
    assert gone == [worker]


async def report(client: Client, path: str = "/api/reports/budget-analysis", **query: str) -> bytes:
    answer = await client.get(path, params=query)
    assert answer.status == 200, answer.raw
    return answer.raw


@pytest.mark.parametrize(
    ("form", "media_type"), [("csv", "text/csv; charset=utf-8"), ("pdf", "application/pdf")]
)
async def test_a_report_comes_as_a_file_with_a_name(taskflow: Taskflow, form: str, media_type: str) -> None:
    await taskflow.admin.made("/api/projects", {"name": "=1+1", "budget": 12.5})
    answer = await taskflow.admin.get(f"/api/reports/budget-analysis?format={form}")
    assert answer.status == 200
    day = answer.headers["X-Report-Moment"][:10]
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Content-Disposition"] == f'attachment; filename="budget-analysis-{day}.{form}"'
    assert answer.headers["Content-Length"] == str(len(answer.raw))
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["X-Request-Id"].startswith("req_")
    assert answer.raw == await report(taskflow.admin, format=form)
    assert (b"1,'=1+1,12.50,0.00,12.50,-100.0\r\n" in answer.raw) == (form == "csv")
    made_at = "".join(filter(str.isdigit, answer.headers["X-Report-Moment"][:19]))
    assert (f"/CreationDate (D:{made_at}+00'00')".encode() in answer.raw) == (form == "pdf")


@pytest.mark.parametrize("form", ["json", "csv", "pdf"])
async def test_head_tells_a_reports_headers_and_leaves_the_connection_usable(
    database_url: str, redis_url: str, logs: None, form: str
) -> None:
    async with taskflow_running(database_url, redis_url, report_inline_bytes_max=1) as taskflow:
        path, cookies = f"/api/reports/budget-analysis?format={form}", await session_of(taskflow.admin)
        reader, writer = await asyncio.open_connection(*taskflow.url.removeprefix("http://").split(":"))
        for method in ("HEAD", "GET"):
            writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookies}\r\n\r\n".encode())
        first, second = await headers_from(reader), await headers_from(reader)
        body = await reader.readexactly(int(second["content-length"]))
        writer.close()
    assert first["content-type"] == second["content-type"]
    assert first["content-length"] == second["content-length"] == str(len(body))


async def session_of(client: Client) -> str:
    (cookie,) = [each for each in client.session.cookie_jar if each.key == "session"]
    return f"session={cookie.value}"


async def headers_from(reader: asyncio.StreamReader) -> dict[str, str]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    status, *lines = head.strip().split("\r\n")
    assert status == "HTTP/1.1 200 OK", head
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}


async def test_json_of_the_worker_is_json_of_the_server(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with taskflow_running(database_url, redis_url, report_inline_bytes_max=1) as taskflow:
        await taskflow.admin.made("/api/projects", {"name": "Überbau", "budget": 12.5})
        by_worker = await taskflow.admin.get("/api/reports/projects")
        assert taskflow.core.reports.worker_pid is not None
        object.__setattr__(taskflow.core.settings, "report_inline_bytes_max", 1_000_000)
        by_server = await taskflow.admin.get("/api/reports/projects")
    for answer in (by_worker, by_server):
        assert answer.headers["Content-Type"] == "application/json"
        assert "Content-Disposition" not in answer.headers
        assert answer.body["meta"].keys() == {"timestamp", "version", "request_id"}
        assert answer.body["meta"]["request_id"] == answer.headers["X-Request-Id"]
    assert list(by_worker.body) == list(by_server.body)
    first, second = (answer.raw.partition(b',"meta":')[0] for answer in (by_worker, by_server))
    assert first == second
    assert orjson.loads(first + b"}")["data"]["projects"][0]["name"] == "Überbau"


async def test_a_full_queue_is_answered_503(taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taskflow.core.reports, "_queue_max", 0)
    answer = await taskflow.admin.get("/api/reports/projects?format=pdf")
    assert (answer.status, answer.code) == (503, "UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) > 0
    assert (await taskflow.admin.get("/api/reports/projects")).status == 200
