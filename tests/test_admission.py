"""More requests than a server can serve: told so at once, while those that are let in are answered."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from aiohttp import ClientSession, TCPConnector, web
from hypothesis import given
from hypothesis import strategies as st

from api.admission import RESERVED_MAX, Admission, Gate
from api.overload import Overload
from api.plain import first_step, plain_path
from benchmarks.load import always, closed_loop
from benchmarks.load import request as asked
from tests.http import Taskflow, taskflow_running
from tests.test_http_auth import token_of
from tests.test_http_envelope import check_error, exchange

LATE_S = 0.1


def test_whoever_finds_no_room_is_not_let_in_until_somebody_leaves() -> None:
    gate = Gate(limit_max=2)
    assert [gate.enter() for _ in range(3)] == [True, True, False]
    gate.leave()
    assert [gate.enter() for _ in range(2)] == [True, False]


def test_probes_and_operators_have_room_of_their_own() -> None:
    gate = Gate(limit_max=1)
    gate.enter()
    assert not gate.enter()
    let_in = [gate.enter(is_reserved=True) for _ in range(RESERVED_MAX + 1)]
    assert let_in == [True] * RESERVED_MAX + [False]


def test_a_late_event_loop_lets_fewer_in_and_one_in_time_more_again() -> None:
    admission = Admission(1000, delay_max_s=0.03, write_max_s=0.5)
    both = (admission.reads, admission.writes)
    for gate in both:
        filled(gate)

    def after(delay_s: float, windows: int) -> list[int]:
        for _ in range(windows):
            admission.delayed(10 * LATE_S)
            admission.delayed(delay_s)
            admission.adjust()
        return [gate.limit for gate in both]

    assert after(0.045, 1) == [170, 170]
    assert after(LATE_S, 1) == [128, 128]
    assert after(LATE_S, 5) == [128, 128]
    assert after(0.02, 5) == [128, 128], "neither late nor idle"
    assert after(0.001, 60) == [555, 555], "somewhat more than twice of what is used"


def test_slow_writes_let_fewer_writes_in_and_as_many_reads() -> None:
    admission = Admission(1000, delay_max_s=0.03, write_max_s=0.5)
    filled(admission.writes)
    for took_s in (1.0, 0.8, 2.0):
        admission.wrote(took_s)
    admission.delayed(0.0)
    admission.adjust()
    assert (admission.reads.limit, admission.writes.limit) == (256, 160)


def test_a_limit_that_nobody_uses_does_not_grow() -> None:
    gate = Gate(1000)
    for _ in range(100):
        gate.adjust(0.0)
    assert gate.limit == 256


def filled(gate: Gate) -> None:
    """Let in as many as there is room for."""
    while gate.enter():
        pass


PLAIN = b"GET /api/projects?page=2 HTTP/1.1\r\nHost: localhost\r\nCookie: session=x\r\n\r\n"
READ = (
    b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 2\r\n\r\n{}"
)
POSTED = b"POST /api/projects HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (PLAIN, b"/api/projects?page=2"),
        (POSTED, b"/api/projects"),
        (POSTED.replace(b"Content-Length: 2", b"content-length:2"), b"/api/projects"),
        (PLAIN[:-2], None),
        (PLAIN + b"G", None),
        (PLAIN + PLAIN, None),
        (POSTED[:-1], None),
        (POSTED + b"x", None),
        (POSTED.replace(b"{}", b""), None),
        (POSTED.replace(b"Content-Length", b"Content-Length "), None),
        (POSTED.replace(b"Content-Length: 2", b"Content-Length: +2"), None),
        (POSTED.replace(b"Content-Length: 2", b"Content-Length: 2\r\nContent-Length: 2"), None),
        (POSTED.replace(b"Content-Length: 2", b"Content-Length: 2\r\nTransfer-Encoding: chunked"), None),
        (POSTED.replace(b"Content-Length: 2", b"Content-Length: 2\r\nExpect: 100-continue"), None),
        (PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"), None),
        (PLAIN.replace(b"GET", b"OPTIONS"), None),
        (PLAIN.replace(b"\r\n", b"\n"), None),
        (PLAIN.replace(b"Host: localhost", b"Connection: Close"), None),
        (b"", None),
    ],
)
def test_only_one_whole_request_without_anything_unusual_is_plain(data: bytes, path: bytes | None) -> None:
    assert plain_path(data) == path


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_whatever_stands_around_a_plain_request_makes_it_none(before: bytes, after: bytes) -> None:
    if before or after:
        assert plain_path(before + POSTED + after) is None


def test_an_api_is_known_by_the_first_step_of_a_path() -> None:
    paths = (b"/api/projects/1?x=/a", b"/taskforge/api", b"/api", b"/", b"/?a=/b")
    assert [first_step(path) for path in paths] == [b"/api/", b"/taskforge/", b"/api", b"/", b"/"]


async def test_a_full_server_says_so_in_the_envelope_and_serves_again_when_there_is_room(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with taskflow_running(database_url, redis_url, requests_under_way_max=3) as taskflow:
        filled(taskflow.core.admission.reads)
        cookie = f"Cookie: session={token_of(taskflow.admin)}"
        plain = f"GET /api/projects HTTP/1.1\r\nHost: localhost\r\n{cookie}\r\n\r\n".encode()
        unusual = plain.replace(b"Host: localhost", b"Host: localhost\r\nX-Request-Id: of-my-own-1")
        answers = [await exchange(taskflow, each) for each in (plain, plain, unusual)]
        for answer in answers:
            check_error(answer, 503, "UNAVAILABLE")
            assert answer.headers["Retry-After"] == "1"
            assert answer.headers["Cache-Control"] == "private, no-cache"
            assert answer.headers["X-Request-Id"] == answer.body["meta"]["request_id"]
        assert len({answer.headers["X-Request-Id"] for answer in answers}) == 3
        assert taskflow.core.admission.turned_away == 3
        taskflow.core.admission.reads.leave()
        assert (await exchange(taskflow, plain)).status == 200
        assert (
            await taskflow.admin.post("/api/projects", {"name": "Writes come in by another gate"})
        ).status == 201
        assert taskflow.core.admission.reads.under_way == 2


def test_strange_addresses_share_one_answer_and_leave_the_others_theirs() -> None:
    overload = Overload({b"/api/", b"/taskforge/"})
    for number in range(100):
        overload.keep(b"/%d/x" % number, web.Response(body=b"strange"))
    overload.keep(b"/%74askforge/api", web.Response(body=b"forge"))
    overload.keep(b"/api/projects", web.Response(body=b"flow"))

    def body(path: bytes) -> bytes | None:
        answer = overload.answer(path)
        return answer and answer.rpartition(b"\r\n\r\n")[2]

    asked_for = (b"/api/tasks", b"/taskforge/api", b"/nobody/asked", b"/%61pi/x")
    assert [body(path) for path in asked_for] == [b"flow", b"forge", b"strange", b"flow"]


async def test_a_full_server_knows_its_apis_whatever_strangers_ask_for(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with taskflow_running(database_url, redis_url, requests_under_way_max=3) as taskflow:
        filled(taskflow.core.admission.reads)
        for path in (*(f"/s{n}/x" for n in range(20)), "/%74askforge/api/tasks", "/api/projects", "/s99/x"):
            request = PLAIN.replace(b"/api/projects?page=2", path.encode())
            answers = [await exchange(taskflow, request) for _ in range(2)]
            assert [answer.status for answer in answers] == [503, 503]
            is_forge = path.startswith("/%74")
            assert [("success" in answer.body) for answer in answers] == [is_forge] * 2, path


async def test_probes_have_places_that_nothing_else_takes(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with taskflow_running(database_url, redis_url, requests_under_way_max=3) as taskflow:
        reads = taskflow.core.admission.reads
        while reads.enter(is_reserved=True):
            pass
        paths = ("/livez", "/readyz", "/livez?x=1", "/livez/x", "/readyzz", "/metrics", "/ops/api/x")
        statuses = [(await taskflow.admin.get(path)).status for path in paths]
        assert statuses == [200, 200, 200, 503, 503, 503, 503]
        assert taskflow.core.admission.probes.under_way == 0


async def test_who_is_turned_away_keeps_the_connection(database_url: str, redis_url: str, logs: None) -> None:
    async with (
        taskflow_running(database_url, redis_url, requests_under_way_max=3) as taskflow,
        ClientSession(taskflow.url, connector=TCPConnector(limit=1)) as client,
    ):

        async def status(path: str) -> int:
            async with client.get(path) as answer:
                await answer.read()
                return answer.status

        assert await status("/livez") == 200
        opened = taskflow.core.admission.connections
        filled(taskflow.core.admission.reads)
        assert [await status("/api/projects") for _ in range(5)] == [503] * 5
        reserved = ("/livez", "/readyz", "/metrics", "/ops/api/x")
        assert [await status(path) for path in reserved] == [200, 200, 200, 404]
        forged = await (await taskflow.forge()).get("/api/tasks")
        assert (forged.status, forged.body["success"]) == (503, False)
        taskflow.core.admission.reads.leave()
        assert await status("/api/projects") == 401
        assert taskflow.core.admission.connections == opened + 1, "the one to TaskForge"


async def test_who_was_answered_before_is_told_without_the_usual_work(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever aiohttp did on a connection meanwhile: after a body that was read, it calls itself."""
    made = list[bytes]()
    keep = Overload.keep

    def noted(overload: Overload, path: bytes, response: web.Response) -> None:
        made.append(path)
        keep(overload, path, response)

    monkeypatch.setattr(Overload, "keep", noted)
    connections = [await asyncio.open_connection(*address_of(taskflow)) for _ in range(3)]
    for exchanged in (READ, PLAIN, READ):
        for reader, writer in connections:
            await told(reader, writer, exchanged)
    filled(taskflow.core.admission.reads)
    for reader, writer in connections * 3:
        assert (await told(reader, writer, PLAIN)).startswith(b"HTTP/1.1 503 ")
    for _, writer in connections:
        writer.close()
    assert len(made) <= 2, "once a second"


def address_of(taskflow: Taskflow) -> tuple[str, int]:
    host, port = taskflow.url.removeprefix("http://").split(":")
    return host, int(port)


async def told(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    """The first line of the answer, and the rest read as well."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.partition(b":")[2]))
    return head.partition(b"\r\n")[0]


async def test_nobody_keeps_a_place_who_has_gone(taskflow: Taskflow) -> None:
    """Neither who hangs up at once nor whose request only looked like one until it was parsed."""
    for _ in range(20):
        _, writer = await asyncio.open_connection(*address_of(taskflow))
        writer.write(PLAIN)
        writer.transport.abort()
    for _ in range(20):
        check_error(
            await exchange(taskflow, PLAIN.replace(b"Host: localhost", b"no header")), 400, "BAD_REQUEST"
        )
    admission = taskflow.core.admission
    for _ in range(100):
        if not admission.reads.under_way and admission.connections <= 1:
            break
        await asyncio.sleep(0.02)
    assert admission.reads.under_way == 0
    assert admission.connections <= 1, "the one of the test's own client"


async def test_connections_beyond_the_bound_are_told_so(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with taskflow_running(database_url, redis_url, connections_max=3) as taskflow:
        host, port = taskflow.url.removeprefix("http://").split(":")
        idle = [await asyncio.open_connection(host, int(port)) for _ in range(3)]
        refused = await exchange(taskflow, PLAIN)
        check_error(refused, 503, "UNAVAILABLE")
        assert refused.headers["Connection"] == "close"
        for _, writer in idle:
            writer.close()
            await writer.wait_closed()
        while taskflow.core.admission.connections >= 3:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)
        check_error(await exchange(taskflow, PLAIN), 401, "AUTH_REQUIRED")


async def test_many_at_once_are_answered_or_told_to_come_later(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with taskflow_running(database_url, redis_url, requests_under_way_max=8) as taskflow:
        get = asked("GET", "/api/projects", {"Cookie": f"session={token_of(taskflow.admin)}"})
        port = int(taskflow.url.rpartition(":")[2])
        taken = await closed_loop(port, always(get), clients=60, seconds=1.0)
        assert taken.statuses.keys() == {200, 503}
        assert taken.statuses[200] > 5
        assert taskflow.core.admission.reads.under_way == 0
        assert taskflow.core.admission.turned_away == taken.statuses[503]
        afterwards = await closed_loop(port, always(get), clients=4, seconds=0.2)
        assert afterwards.statuses.keys() == {200}, Counter(afterwards.statuses)
