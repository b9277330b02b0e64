"""The benchmarks themselves: that they measure what they say, tell it as it is, and leave nothing behind."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil
import psycopg
import pytest
import uvloop

from api import house
from api.exits import CannotRun
from benchmarks import __main__ as command
from benchmarks import visitor
from benchmarks.bench import Effort, ServerBench, bench
from benchmarks.catalogue import FIGURES
from benchmarks.figures import Bench, Figure, Row, Target
from benchmarks.load import always, closed_loop, request
from benchmarks.run import Measured, measured
from benchmarks.sides import Side, bare, rate
from benchmarks.table import markdown
from benchmarks.writing_figures import must_be_durable, must_be_same, tasks_in_log
from tests.running import ROOT, Running

TINY: Final = Effort(is_quick=True, repeats=2, seconds=0.1)
WAIT_S: Final = 60.0
PIECE: Final = b"HTTP/1.1 201 Created\r\nX: 1\r\ncontent-length: 3\r\n\r\nabc"


@pytest.fixture
def never_blocking() -> None:
    """Benchmarks start servers and look at databases while nobody waits for their event loop."""


@pytest.fixture(scope="module")
def given() -> Iterator[ServerBench]:
    with bench(TINY) as made:
        yield made


async def steady(_: Bench) -> Sequence[Row]:
    return (
        Row("slow", "/s", (2.0, 30.0, 4.0), (10.0, 10.0, 10.0), "theirs", Target(0.4), "3 clients"),
        Row("late", "ms", (7.0, 5.0, 6.0), target=Target(6, is_at_least=False)),
        Row("told only", "MB", (1234.0,)),
    )


async def broken(_: Bench) -> Sequence[Row]:
    raise RuntimeError("it was answered 500 | once")


def test_a_target_is_about_the_median_of_pairs_or_of_our_own_values() -> None:
    assert Row("", "/s", (1, 9, 2), (1, 3, 4), "", Target(1)).measured == 1
    assert Row("", "/s", (1, 9, 2), target=Target(2)).holds
    assert Row("", "ms", (1, 9, 2), target=Target(1.9, is_at_least=False)).holds is False
    assert Row("", "ms", (1, 9, 2)).holds is None


def test_all_figures_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == [figure.name for figure in FIGURES]
    assert len(set(listed)) == len(listed) >= 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["nope"], "there is no figure nope: choose from"), (["--json", "/nowhere/x"], "cannot be written")],
)
def test_wrong_usage_is_told(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_run_is_told_as_a_table_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = [Figure("steady", "Three rows", steady)]
    assert command.measure(figures, TINY, tmp_path / "all.json", tmp_path / "table.md") == 0
    told = json.loads((tmp_path / "all.json").read_text())
    assert told.keys() == {
        "taskledger", "measured_at", "quick", "repeats", "seconds_per_measurement", "machine", "figures",
    }  # fmt: skip
    assert told["machine"]["cores"] >= 1
    assert told["machine"]["postgres"].startswith("18.")
    assert told["machine"]["valkey"].startswith("9.")
    [figure] = told["figures"]
    assert figure["failed"] is None
    assert figure["rows"][0] == {
        "what": "slow",
        "unit": "/s",
        "ours": [2.0, 30.0, 4.0],
        "base": [10.0, 10.0, 10.0],
        "base_what": "theirs",
        "measured": 0.4,
        "target": {"value": 0.4, "is_at_least": True},
        "holds": True,
        "note": "3 clients",
    }
    assert (tmp_path / "table.md").read_text().splitlines()[2:] == [
        "| slow | 4.00 /s | 10.0 /s theirs | 0.4 | ≥ 0.4 | yes | 3 clients |",
        "| late | 6.00 ms |  |  | ≤ 6 ms | yes |  |",
        "| told only | 1,234 MB |  |  |  |  |  |",
    ]
    assert "10.0 /s theirs" in capsys.readouterr().out


def test_a_figure_that_fails_is_told_and_the_others_are_measured(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    figures = [Figure("broken", "Broken", broken), Figure("steady", "Three rows", steady)]
    assert command.measure(figures, TINY, tmp_path / "all.json", None) == 1
    first, second = json.loads((tmp_path / "all.json").read_text())["figures"]
    assert (first["failed"], first["rows"]) == ("RuntimeError: it was answered 500 | once", [])
    assert len(second["rows"]) == 3
    assert "Traceback" in capsys.readouterr().err
    [line] = markdown([Measured(figures[0], 1.0, failed="a | b")]).splitlines()[2:]
    assert line == "| Broken |  |  |  |  | failed | a \\| b |"


def test_a_run_that_is_interrupted_before_its_first_figure_tells_no_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def interrupted(_: Bench) -> Sequence[Row]:
        raise KeyboardInterrupt

    assert command.measure([Figure("broken", "Broken", interrupted)], TINY, None, None) == 130
    told = capsys.readouterr()
    assert told.out == ""
    assert "interrupted" in told.err


def test_a_target_that_is_missed_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    row = Row("slow", "/s", (1.0,), (10.0,), "theirs", Target(0.4))

    async def slow(_: Bench) -> Sequence[Row]:
        return [row]

    assert command.measure([Figure("slow", "Slow", slow)], TINY, None, None) == 0
    assert "NO" in capsys.readouterr().out


def test_figures_get_databases_of_their_own(given: ServerBench) -> None:
    seen: list[tuple[str, int, int]] = []

    async def look(asked: Bench) -> Sequence[Row]:
        for servers in (await asked.empty(), await asked.with_log(150), await asked.with_log(150)):
            with psycopg.connect(servers.database_url) as connection:
                (name, events) = connection.execute(
                    "select current_database(), count(*) from stored_events"
                ).fetchone() or ("", 0)
            seen.append((servers.redis_url, name, events))
        with psycopg.connect((await asked.without_schema()).database_url) as connection:
            assert connection.execute("select to_regclass('stored_events')").fetchone() == (None,)
        return [Row("looked", "", (1.0,))]

    [found] = measured([Figure("look", "Look", look)], given)
    assert found.failed == ""
    assert [events for _, _, events in seen] == [0, 150, 150]
    assert len({url for url, _, _ in seen}) == len({name for _, name, _ in seen}) == 3
    with psycopg.connect(given._postgres.url("postgres")) as connection:
        left = connection.execute("select datname from pg_database where datname like 'bench%'").fetchall()
    assert left == []


@pytest.mark.parametrize("figure", ["list", "detail", "budget", "post"])
def test_http_figures_are_measured(figure: str, given: ServerBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitor, "PROJECTS", 2)
    monkeypatch.setattr(visitor, "TASKS_OF_EACH", 2)
    [found] = measured([each for each in FIGURES if each.name == figure], given)
    assert found.failed == ""
    names = [(row.base_what, row.unit) for row in found.rows]
    expected = [("bare aiohttp", "/s"), ("bare aiohttp", "µs"), ("Flask", "/s")]
    assert names == (expected[:2] if figure == "budget" else expected)
    for row in found.rows:
        assert len(row.ours) == len(row.base) == TINY.repeats
        assert min(*row.ours, *row.base) > 0


def test_no_other_answer_is_counted(given: ServerBench) -> None:
    async def loaded() -> None:
        async with bare(given.folder) as (port, process):
            right = Side("bare", port, process, always(request("GET", "/", {})))
            assert (await right.load(4, 0.1)).per_s > 10
            wrong = Side("bare", port, process, always(request("POST", "/", {}, b"{}")))
            with pytest.raises(RuntimeError, match=r"bare answered \{201: \d+\}, and not 200 only"):
                await wrong.load(4, 0.1)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(loaded())


async def test_refusals_are_no_answers_and_are_told() -> None:
    statuses = itertools.cycle((b"200 OK", b"503 Service Unavailable"))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 " + next(statuses) + b"\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        side = Side("half", port, psutil.Process(), always(request("GET", "/", {})))
        taken = await side.load(1, 0.1)
        assert 0 <= taken.answers - taken.refused <= 1
        assert taken.refused > 1
        assert taken.per_s == taken.answers / taken.seconds
        side.taken.append(taken)
        row = rate("GET", side, side, 1.0, clients=1)
        assert f"{2 * taken.refused:,} requests were refused" in row.note
        side.status = 404
        with pytest.raises(RuntimeError, match="not 404 only"):
            await side.load(1, 0.1)


def test_a_task_that_reads_differently_than_it_was_answered_is_noticed() -> None:
    must_be_same({"task": {"id": 1}}, {"task": {"id": 1}})
    with pytest.raises(RuntimeError, match="read as"):
        must_be_same({"task": {"id": 1}}, {"task": {"id": 2}})


def test_a_task_that_is_not_in_the_log_is_noticed(database_url: str) -> None:
    assert tasks_in_log(database_url) == 0
    must_be_durable(0, 0)
    with pytest.raises(RuntimeError, match="1,000 tasks were answered, 999 are in the log"):
        must_be_durable(1000, 999)


async def test_an_answer_may_come_in_pieces() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                for each in PIECE:
                    writer.write(bytes([each]))
                    await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        taken = await closed_loop(port, always(request("GET", "/", {})), clients=2, seconds=0.05)
    assert set(taken.statuses) == {201}
    assert taken.statuses[201] == len(taken.took_s) >= 2
    assert all(0 < each < 5 for each in taken.took_s)


async def test_a_connection_that_is_closed_is_an_error() -> None:
    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ConnectionError):
            await closed_loop(port, always(request("GET", "/", {})), clients=1, seconds=0.05)


def test_ctrl_c_ends_everything(tmp_path: Path) -> None:
    running = Running(["bench", "list", "--json", str(tmp_path / "all.json")], 0, tmp_path / "said").start()
    deadline = time.monotonic() + WAIT_S
    while not running.descendants_named("project"):
        assert running.process.poll() is None, running.said()
        assert time.monotonic() < deadline, running.said()
        time.sleep(0.05)
    family = running.descendants()
    folders = {
        Path(each).parent for process in family for each in process.cmdline() if "taskledger-test-" in each
    }
    assert folders
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(timeout=30) == 130
    assert psutil.wait_procs(family, timeout=5)[1] == []
    assert [folder for folder in folders if folder.exists()] == []
    assert "interrupted" in running.said()
    assert "Traceback" not in running.said()


def test_without_packages_to_compare_with_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house, "find_spec", lambda name: None if name == "flask" else object())
    with pytest.raises(CannotRun, match=r"not installed \(flask\): run ./taskledger bench"):
        house.bench(["--list"])
    monkeypatch.setattr(house, "ROOT", ROOT / "docs")
    with pytest.raises(CannotRun, match="in the checkout"):
        house.bench(["--list"])
