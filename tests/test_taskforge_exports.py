"""Exports: what stands in the file, and that it is whole or visibly broken, however long it is."""

from __future__ import annotations

import asyncio
import csv
import io
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from aiohttp import ClientPayloadError, ClientSession, web
from aiohttp.test_utils import TestServer

from api.limits.allowances import DEFAULT_LIMITS
from api.scans import SCAN_DOCUMENTS_MAX, SCAN_IDS_MAX, scanned
from api.streams import STRETCH_BYTES, StreamedResponse
from api.taskforge.export_rows import COLUMNS
from events.store import Append
from events.tasks import TaskCreated
from readmodels.connecting import connect
from readmodels.documents import Ref
from readmodels.memory import MemoryModel
from readmodels.model import Page, Query
from tests.http import ForgeClient, Taskflow, caught_up, taskflow_running
from tests.test_report_large import (
    MEGABYTE,
    MemoryWatch,
    ends,
    ends_back_to,
    half_read,
    less_time_to_take,
    server_of_its_own,
)

EXPORT: Final = "/api/tasks/export"
ROWS: Final = 100_000
BATCH: Final = 1000
PAST: Final = "2020-01-01T00:00:00"


class Counting(MemoryModel):
    """Counts what it is asked for."""

    asked = 0

    async def page(self, query: Query) -> Page:
        self.asked += 1
        assert query.limit <= SCAN_DOCUMENTS_MAX
        return await super().page(query)


def holding(own: Iterable[int], others: Iterable[int] = ()) -> Counting:
    """A model with tasks of these numbers; `own` stand in the index `own`, too."""
    model = Counting()
    for number in own:
        stand(model, number)
        model.indexes["own"][str(number)] = number
    for number in others:
        stand(model, number)
    return model


def stand(model: MemoryModel, number: int) -> None:
    model.documents[Ref("task", str(number))] = {"id": number}
    model.indexes["task:sort:id"][str(number)] = number


async def found(model: Counting, query: Query) -> list[list[int]]:
    return [[each["id"] for each in page] async for page in scanned(model, query)]


OWN: Final = Query("task", where=(("own",),))


@pytest.mark.parametrize(
    "own",
    [
        pytest.param([], id="nothing"),
        pytest.param([7], id="one"),
        pytest.param(range(1, SCAN_DOCUMENTS_MAX + 1), id="one page exactly"),
        pytest.param(range(1, SCAN_DOCUMENTS_MAX + 2), id="one more"),
        pytest.param(range(1, 2001), id="dense"),
        pytest.param(range(3, 30_000, 29), id="sparse"),
        pytest.param([*range(1, 300), *range(100_000, 101_000), 300_000], id="with wide gaps"),
        pytest.param([*range(1, 300_000, 1200), *range(300_000, 302_000)], id="sparse, then dense"),
    ],
)
async def test_a_scan_finds_everything_once_by_ascending_ids(own: Iterable[int]) -> None:
    model = holding(own, others=[1_000, 299_999, 310_000])
    pages = await found(model, OWN)
    assert [number for page in pages for number in page] == list(own)
    assert all(0 < len(page) <= SCAN_DOCUMENTS_MAX for page in pages)
    assert model.asked <= 10 + 4 * len(pages) + 310_000 // SCAN_IDS_MAX


async def test_what_goes_and_comes_during_a_scan_moves_nothing_else() -> None:
    model, made_first = holding(range(1, 2001)), set(range(1, 2001))
    seen: list[int] = []
    gone: set[int] = set()
    async for page in scanned(model, Query("task")):
        seen += [each["id"] for each in page]
        # Everything that was shown goes, as does the next one; somebody makes new ones.
        gone.add(seen[-1] + 1)
        for number in (*seen, seen[-1] + 1):
            model.indexes["task:sort:id"].pop(str(number), None)
        stand(model, 2000 + len(seen))
    assert len(gone) > 5
    assert [number for number in seen if number in made_first] == sorted(made_first - gone)
    assert len(seen) == len(set(seen))


@pytest.fixture
async def ana(taskflow: Taskflow) -> ForgeClient:
    return await taskflow.forge_user("ana")


async def made(client: ForgeClient, title: str = "T", **more: object) -> dict[str, Any]:
    return await client.made("/api/tasks", {"title": title, **more})


def rows(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw.decode(), newline="")))


async def titles(client: ForgeClient, **asked: str) -> list[str]:
    """The titles in an export, the same ones in both forms."""
    in_csv = await client.get(EXPORT, params=asked)
    in_json = await client.get(EXPORT, params=asked | {"format": "json"})
    if in_csv.status == 404:
        assert in_csv.body == in_json.body == {"success": False, "message": "No tasks to export"}
        return []
    told = [row["title"] for row in rows(in_csv.raw)]
    assert told == [task["title"] for task in orjson.loads(in_json.raw)]
    return told


async def test_a_csv_file_byte_by_byte(ana: ForgeClient) -> None:
    tags = [await ana.made("/api/tags", {"name": name}) for name in ("zeal", "home, work")]
    one = await made(
        ana,
        'Say "yes"',
        description="two\nlines",
        status="completed",
        priority="urgent",
        due_date=PAST,
        tags=[tag["id"] for tag in tags],
    )
    two = await made(ana, "Späth", due_date="2999-12-31T23:59:59.5Z")
    answer = await ana.get(EXPORT)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == "attachment; filename=tasks.csv"
    assert answer.raw.decode() == (
        "id,title,description,status,priority,due_date,completed_at,is_overdue,is_completed,created_at,"
        "updated_at,user_id,user_username,user_email,tags\r\n"
        f'{one["id"]},"Say ""yes""","two\nlines",completed,urgent,2020-01-01T00:00:00,{one["completed_at"]},'
        f"False,True,{one['created_at']},{one['updated_at']},{ana.id},ana,ana@example.com,"
        '"zeal, home, work"\r\n'
        f"{two['id']},Späth,,pending,medium,2999-12-31T23:59:59.500000,,False,False,{two['created_at']},"
        f"{two['updated_at']},{ana.id},ana,ana@example.com,\r\n"
    )


async def test_a_json_file_byte_by_byte(ana: ForgeClient) -> None:
    tag = await ana.made("/api/tags", {"name": "home"})
    late = await made(ana, "Späth", due_date=PAST, tags=[tag["id"]])
    plain = await made(ana, "=1+1", description="-1")
    answer = await ana.get(EXPORT, params={"format": "JSON"})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Disposition"] == "attachment; filename=tasks.json"
    person = {"user_username": "ana", "user_email": "ana@example.com"}
    expected = [late | person | {"tags": "home"}, plain | person | {"tags": ""}]
    in_order = [{name: each[name] for name in COLUMNS} for each in expected]
    assert answer.raw == orjson.dumps(in_order, option=orjson.OPT_INDENT_2)
    assert orjson.loads(answer.raw)[0]["is_overdue"] is True
    assert orjson.loads(answer.raw)[1]["due_date"] is None


FORMULAS: Final = ("=1+1", "+1", "-1", "@SUM(A1)", "＝1", " -2", "\u00a0@x")  # noqa: RUF001


async def test_texts_that_a_spreadsheet_would_run_are_told_apart_and_nothing_else_is(
    taskflow: Taskflow,
) -> None:
    dash = await taskflow.forge_user("dash")
    assert (await dash.put(f"/api/users/{dash.id}", {"username": "-dash"})).status == 200
    for text in FORMULAS:
        tag = await dash.made("/api/tags", {"name": text})
        await made(dash, text, description=text, tags=[tag["id"]], due_date=PAST)
    read = rows((await dash.get(EXPORT)).raw)
    assert [row["title"] for row in read] == [f"'{text.strip()}" for text in FORMULAS]
    assert [row["tags"] for row in read] == [row["description"] for row in read]
    assert [row["tags"] for row in read] == [row["title"] for row in read]
    assert {(row["user_username"], row["user_email"]) for row in read} == {("'-dash", "dash@example.com")}
    for row in read:
        assert row["id"].isdecimal()
        assert row["user_id"] == str(dash.id)
        assert row["due_date"] == PAST
        assert not any(row[name].startswith("'") for name in COLUMNS if name.endswith("_at"))


async def test_lines_within_a_title_stay_in_their_cell(ana: ForgeClient) -> None:
    await made(ana, "one\rtwo\r\nthree", description="\ttab")
    (row,) = rows((await ana.get(EXPORT)).raw)
    assert (row["title"], row["description"]) == ("one\rtwo\r\nthree", "tab")


async def test_filters_are_those_four_and_all_of_them_must_hold(ana: ForgeClient) -> None:
    tag = await ana.made("/api/tags", {"name": "x"})
    await made(ana, "late", due_date=PAST, priority="high", tags=[tag["id"]])
    await made(ana, "late and done", due_date=PAST, status="completed", priority="high")
    await made(ana, "late and cancelled", due_date=PAST, status="cancelled")
    await made(ana, "low", priority="low", tags=[tag["id"]])
    everything = ["late", "late and done", "late and cancelled", "low"]
    tag_id = str(tag["id"])
    expected: list[tuple[Mapping[str, str], list[str]]] = [
        ({}, everything),
        ({"status": "completed"}, ["late and done"]),
        ({"priority": "high"}, ["late", "late and done"]),
        ({"tag_id": tag_id}, ["late", "low"]),
        ({"overdue": "TRUE"}, ["late"]),
        ({"overdue": "no"}, everything),
        ({"status": "pending", "priority": "low", "tag_id": tag_id}, ["low"]),
        ({"status": "pending", "overdue": "true", "tag_id": tag_id, "priority": "high"}, ["late"]),
        ({"status": "weird"}, []),
        ({"status": ""}, []),
        ({"tag_id": "x"}, []),
        ({"tag_id": str(10**30)}, []),
        ({"search": "low", "tag_name": "nothing", "user_id": "99"}, everything),
        ({"page": "2", "per_page": "1", "sort_by": "title", "sort_order": "desc"}, everything),
        ({"format": "xml"}, everything),
    ]
    for asked, wanted in expected:
        told = await ana.get(EXPORT, params=asked)
        assert [row["title"] for row in rows(told.raw)] == wanted if wanted else told.status == 404, asked
        if "format" not in asked:
            assert await titles(ana, **asked) == wanted


async def test_everybody_gets_what_their_list_shows(taskflow: Taskflow, ana: ForgeClient) -> None:
    bob, admin = await taskflow.forge_user("bob"), await taskflow.forge_admin()
    assert await titles(ana) == []
    await made(ana, "ana's")
    await made(bob, "bob's")
    project = await taskflow.admin.made("/api/projects", {"name": "P"})
    path = f"/api/projects/{project['id']}/tasks"
    await taskflow.admin.made(path, {"title": "assigned", "assigned_to": [ana.id]})
    await taskflow.admin.made(path, {"title": "nobody's"})
    assert await titles(ana) == ["ana's", "assigned"]
    assert await titles(bob) == ["bob's"]
    assert await titles(admin) == ["ana's", "bob's", "assigned", "nobody's"]
    read = rows((await ana.get(EXPORT)).raw)
    assert [row["user_username"] for row in read] == ["ana", "admin"]


async def test_a_creator_whose_account_is_gone_is_a_number_without_a_name(taskflow: Taskflow) -> None:
    admin, manager = await taskflow.forge_admin(), await taskflow.user("max", "manager")
    client = await taskflow.signed_in("max")
    project = await client.made("/api/projects", {"name": "P"})
    await client.made(f"/api/projects/{project['id']}/tasks", {"title": "left behind"})
    answer = await taskflow.admin.put(f"/api/projects/{project['id']}", {"owner_id": 1})
    assert answer.status == 200, answer.raw
    assert (await admin.delete(f"/api/users/{manager}")).status == 200
    (row,) = rows((await admin.get(EXPORT)).raw)
    assert (row["user_id"], row["user_username"], row["user_email"]) == (str(manager), "", "")
    (task,) = orjson.loads((await admin.get(EXPORT, params={"format": "json"})).raw)
    assert (task["user_id"], task["user_username"], task["user_email"]) == (manager, None, None)


async def test_a_tag_that_is_gone_or_renamed_is_so_in_the_next_file(
    taskflow: Taskflow, ana: ForgeClient
) -> None:
    admin = await taskflow.forge_admin()
    first, second = [await ana.made("/api/tags", {"name": name}) for name in ("first", "second")]
    await made(ana, tags=[first["id"], second["id"]])
    assert (await admin.put(f"/api/tags/{first['id']}", {"name": "renamed"})).status == 200
    assert rows((await ana.get(EXPORT)).raw)[0]["tags"] == "renamed, second"
    assert (await admin.delete(f"/api/tags/{first['id']}")).status == 200
    assert rows((await ana.get(EXPORT)).raw)[0]["tags"] == "second"
    assert await titles(ana, tag_id=str(first["id"])) == []


async def test_its_head_alone_can_be_asked_for(ana: ForgeClient) -> None:
    assert (await ana.send("HEAD", EXPORT)).status == 404
    await made(ana)
    for _ in range(2):
        answer = await ana.send("HEAD", EXPORT, params={"format": "json"})
        assert (answer.status, answer.raw) == (200, b"")
        assert answer.headers["Content-Disposition"] == "attachment; filename=tasks.json"
    assert (await ana.get("/api/tasks")).status == 200, "the connection is still good"


async def test_at_both_ports_with_the_headers_of_every_answer(taskflow: Taskflow, ana: ForgeClient) -> None:
    await made(ana)
    mounted = await (await taskflow.forge("/taskforge")).log_in("ana@example.com", "Secret-123")
    for client in (ana, mounted):
        answer = await client.get(EXPORT, headers={"Origin": "http://localhost:3000"})
        assert len(rows(answer.raw)) == 1
        assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
        assert "Content-Disposition" in answer.headers["Access-Control-Expose-Headers"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Request-Id"]


async def test_it_counts_against_the_default_limits(database_url: str, redis_url: str, logs: None) -> None:
    async with taskflow_running(database_url, redis_url) as taskflow:
        token = (await taskflow.forge_admin()).token
    async with taskflow_running(database_url, redis_url, rate_limits=DEFAULT_LIMITS) as taskflow:
        client = await taskflow.forge()
        client.token = token
        answer = await client.get(EXPORT)
        assert (answer.headers["X-RateLimit-Limit"], answer.headers["X-RateLimit-Remaining"]) == ("50", "49")
        answers = [await client.get(EXPORT) for _ in range(50)]
        assert [each.status for each in answers] == [404] * 49 + [429]
        assert answers[-1].body == {"message": "429 Too Many Requests: 50 per 1 hour"}


async def test_without_a_read_model_there_is_no_file_but_an_honest_answer(
    taskflow: Taskflow, ana: ForgeClient
) -> None:
    await made(ana)
    await taskflow.stop_projector()
    await lose_redis(taskflow)
    answer = await ana.get(EXPORT)
    assert (answer.status, answer.body["success"]) == (503, False)
    assert answer.headers["Retry-After"]
    assert "Content-Disposition" not in answer.headers


async def lose_redis(taskflow: Taskflow) -> None:
    redis = connect(taskflow.core.settings.redis_url)
    try:
        await redis.flushdb()
    finally:
        await redis.aclose()


async def fill(
    taskflow: Taskflow, tasks: int, description: str, within_s: float = 60, creators: Sequence[int] = (1,)
) -> None:
    """Tasks of the admin's, or of several people in turn, straight into the log."""
    for start in range(1, tasks + 1, BATCH):
        batch = [
            (created(number, creators[number % len(creators)], description), 1)
            for number in range(start, min(start + BATCH, tasks + 1))
        ]
        await taskflow.core.store.append(Append(f"fill-{start}", tuple(batch)))
    await caught_up(taskflow.core, within_s)


def created(number: int, creator_id: int, description: str) -> TaskCreated:
    title = f"Task {number}"
    return TaskCreated(number, None, creator_id, title, description, "medium", "pending", None, None, ())


async def test_somebodys_tasks_are_found_among_many(taskflow: Taskflow, ana: ForgeClient) -> None:
    """Of everything, every fifth is theirs, in several pages; filters go through the pages, too."""
    await fill(taskflow, 3000, "", creators=(ana.id, 1, 1, 1, 1))
    hers = list(range(5, 3001, 5))
    done = (await ana.put("/api/tasks/2000", {"status": "completed"})).data["id"]
    expected: list[tuple[Mapping[str, str], list[int]]] = [
        ({}, hers),
        ({"status": "pending"}, [number for number in hers if number != done]),
        ({"status": "completed"}, [done]),
    ]
    for asked, numbers in expected:
        read = rows((await ana.get(EXPORT, params=asked)).raw)
        assert [int(row["id"]) for row in read] == numbers


LONG_ROWS: Final = 4000
SEND_TIMEOUT_S: Final = 3.0
LONG_BYTES_MIN: Final = 20_000_000
"""More than connections take up before anybody reads, and more than one stretch."""


@pytest.fixture
async def long(database_url: str, redis_url: str, logs: None) -> AsyncIterator[Taskflow]:
    async with taskflow_running(database_url, redis_url) as taskflow:
        await fill(taskflow, LONG_ROWS, "x" * 5000)
        yield taskflow


async def test_a_client_that_goes_or_takes_nothing_is_let_go(long: Taskflow) -> None:
    admin = await long.forge_admin()
    assert len((await admin.get(EXPORT)).raw) > LONG_BYTES_MIN
    header, before = f"Authorization: Bearer {admin.token}", await ends(long.forge_url)

    _, gone = await half_read(long.forge_url, EXPORT, header)
    assert await ends(long.forge_url) == before + 2, "both ends of a connection"
    gone.transport.abort()
    await ends_back_to(long.forge_url, before)

    with less_time_to_take(long, SEND_TIMEOUT_S):
        reader, slow = await half_read(long.forge_url, EXPORT, header)
    await ends_back_to(long.forge_url, before + 1)
    received = b""
    with suppress(ConnectionError):
        while piece := await reader.read(65536):
            received += piece
    assert len(received) < LONG_BYTES_MIN
    assert not received.endswith(b"0\r\n\r\n"), "a file that looks whole"
    slow.close()
    await ends_back_to(long.forge_url, before)


async def test_clients_that_leave_are_nothing_to_log(
    long: Taskflow, caplog: pytest.LogCaptureFixture
) -> None:
    admin = await long.forge_admin()
    assert len((await admin.get(EXPORT)).raw) > LONG_BYTES_MIN
    header, before = f"Authorization: Bearer {admin.token}", await ends(long.forge_url)
    for _ in range(5):
        _, gone = await half_read(long.forge_url, EXPORT, header)
        gone.transport.abort()
        await ends_back_to(long.forge_url, before)
    await asyncio.sleep(0.1)
    assert "aiohttp" not in {record.name.split(".")[0] for record in caplog.records}
    assert all(record.levelno <= logging.INFO for record in caplog.records)


async def received(piece_bytes: int) -> int:
    """How much arrives of an answer of three pieces that each take 60 % of the time for a stretch."""

    async def pieces() -> AsyncGenerator[bytes, None]:
        for _ in range(3):
            await asyncio.sleep(SEND_TIMEOUT_S * 0.6)
            yield bytes(piece_bytes)

    async def handle(_: web.Request) -> web.StreamResponse:
        return StreamedResponse(pieces(), {}, SEND_TIMEOUT_S)

    app = web.Application()
    app.router.add_get("/", handle)
    async with (
        TestServer(app) as server,
        ClientSession() as session,
        session.get(server.make_url("/")) as answer,
    ):
        return len(await answer.read())


async def test_a_long_answer_may_take_longer_than_one_stretch_of_it() -> None:
    assert await received(STRETCH_BYTES) == 3 * STRETCH_BYTES


async def test_a_short_answer_may_not() -> None:
    with pytest.raises(ClientPayloadError):
        await received(1000)


@pytest.mark.parametrize("form", ["csv", "json"])
async def test_a_failure_in_the_middle_breaks_the_connection(long: Taskflow, form: str) -> None:
    """The read model goes away while the file is sent: nobody may take what came for all of it."""
    admin = await long.forge_admin()
    answer = await admin.session.get(
        EXPORT, params={"format": form}, headers={"Authorization": f"Bearer {admin.token}"}
    )
    assert answer.status == 200
    assert await answer.content.read(1000)
    await long.stop_projector()
    await lose_redis(long)
    with pytest.raises(ClientPayloadError):
        await answer.read()
    long.start_projector()
    async with asyncio.timeout(30):
        while (again := await admin.get(EXPORT, params={"format": form})).status == 503:  # noqa: ASYNC110 - nobody would set an event
            await asyncio.sleep(0.1)
    told = rows(again.raw) if form == "csv" else orjson.loads(again.raw)
    assert [int(row["id"]) for row in told] == list(range(1, LONG_ROWS + 1))


async def over_http_1_0(taskflow: Taskflow) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Such a client cannot read chunks; this one would even keep the connection."""
    admin = await taskflow.forge_admin()
    host, port = taskflow.forge_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    headers = f"Host: {host}\r\nConnection: keep-alive\r\nAuthorization: Bearer {admin.token}"
    writer.write(f"GET {EXPORT} HTTP/1.0\r\n{headers}\r\n\r\n".encode())
    return reader, writer


async def test_to_clients_of_http_1_0_the_end_of_the_connection_is_that_of_the_file(long: Taskflow) -> None:
    reader, writer = await over_http_1_0(long)
    async with asyncio.timeout(15):
        head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
    assert b"chunked" not in head.lower()
    assert len(rows(body)) == LONG_ROWS
    writer.close()


async def test_a_failure_resets_the_connection_of_clients_of_http_1_0(long: Taskflow) -> None:
    reader, writer = await over_http_1_0(long)
    assert b" 200 OK" in await reader.readline()
    await long.stop_projector()
    await lose_redis(long)
    with pytest.raises(ConnectionResetError):
        await reader.read(-1)
    writer.close()


async def timed(session: ClientSession, form: str) -> tuple[bytes, float, list[float]]:
    """An export, the seconds that it took, and those that each probe took meanwhile."""
    probes: list[float] = []

    async def probe() -> None:
        while True:
            started = time.perf_counter()
            async with session.get("/livez") as answer:
                assert answer.status == 200
            probes.append(time.perf_counter() - started)
            await asyncio.sleep(0.01)

    probing = asyncio.create_task(probe())
    started = time.perf_counter()
    async with session.get(EXPORT, params={"format": form}) as answer:
        assert answer.status == 200
        raw = await answer.read()
    took = time.perf_counter() - started
    probing.cancel()
    return raw, took, probes


@pytest.mark.timeout(300)
async def test_a_hundred_thousand_rows(database_url: str, redis_url: str, logs: None, tmp_path: Path) -> None:
    """In a real process: every row once in both forms, in little memory, and no time of other requests."""
    async with taskflow_running(database_url, redis_url) as taskflow:
        await fill(taskflow, ROWS, "A description of the usual length, as people write them", within_s=150)
        token = (await taskflow.forge_admin()).token
        server = await asyncio.to_thread(server_of_its_own, taskflow, tmp_path)
        try:
            async with ClientSession(
                server.forge_url, headers={"Authorization": f"Bearer {token}"}
            ) as session:
                async with session.get("/api/tasks") as answer:
                    assert answer.status == 200
                watch = await asyncio.to_thread(MemoryWatch, server.process.pid)
                in_csv, took, probes = await timed(session, "csv")
                in_json, _, _ = await timed(session, "json")
                grown = await asyncio.to_thread(watch.grown)
        finally:
            await asyncio.to_thread(server.stop)
    print(f"{took:.1f} s, {len(in_csv):,} bytes, {grown / MEGABYTE:.0f} MB more, probes {max(probes):.3f} s")
    assert grown < 50 * MEGABYTE
    assert max(probes) < took / 4, "an export that keeps everybody else waiting"
    told = await asyncio.to_thread(lambda: (rows(in_csv), orjson.loads(in_json)))
    assert [int(row["id"]) for row in told[0]] == list(range(1, ROWS + 1))
    assert told[0] == [{name: as_cell(value) for name, value in task.items()} for task in told[1]]


def as_cell(value: object) -> str:
    return "" if value is None else str(value)
