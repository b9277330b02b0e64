"""`taskledger dead-letters …` as processes, beside a projector that is one, too."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from events.event import Record
from events.log import RawAppend, RawEvent
from events.operations import DeadLettersRetried, EventDiscarded
from events.projects import ProjectCreated
from events.store import Append, open_store
from events.tasks import TaskCreated, TaskStatusChanged
from tests.folding import client
from tests.golden.cli import must_be_golden
from tests.projecting import MASTER_KEY, model_in, until_at
from tests.running import ROOT
from tests.servers import Servers

NAME: Final = "taskledger_dead_letters"
UNKNOWN, HELD_BACK, BROKEN, GONE, WELL = 4, 5, 6, 7, 8
REASON: Final = ("--reason", "as agreed")


@dataclass(frozen=True)
class Tool:
    database_url: str
    redis_url: str
    folder: Path

    def __call__(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        found = subprocess.run(
            [sys.executable, "-P", "-m", "api.cli", "dead-letters", *arguments],
            env=os.environ | self.environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert found.returncode == code, found
        assert "Traceback" not in found.stderr
        return found

    def environment(self) -> dict[str, str]:
        return {
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "TASKLEDGER_MASTER_KEY": MASTER_KEY.hex(),
            "NO_COLOR": "1",
        }

    def recorded(self) -> list[Any]:
        """What operators did, without who and when."""

        async def read() -> list[Any]:
            async with open_store(self.database_url, MASTER_KEY) as store:
                found = await store.histories(["operations"])
                return [record.event for record in found if isinstance(record, Record)]

        return asyncio.run(read())


@pytest.fixture(scope="module")
def tool(
    test_servers: Servers, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tool]:
    database = sql.Identifier(NAME)
    with psycopg.connect(test_servers.postgres, autocommit=True) as connection:
        template = sql.Identifier(template_database)
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(database))
        connection.execute(sql.SQL("create database {} template {}").format(database, template))
    tool = Tool(
        test_servers.database(NAME), test_servers.redis_database(900), tmp_path_factory.mktemp("dead")
    )
    asyncio.run(happen(tool))
    command = [sys.executable, "-m", "tests.projector", tool.database_url, tool.redis_url]
    projector = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        asyncio.run(caught_up(tool))
        yield tool
    finally:
        projector.kill()
        projector.wait()
    with psycopg.connect(test_servers.postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(database))


async def happen(tool: Tool) -> None:
    """Of three tasks one meets an unknown event, one a broken one; one event is of nothing known."""
    async with client(tool.redis_url) as redis:
        await redis.flushdb()
    async with open_store(tool.database_url, MASTER_KEY) as store:
        project = ProjectCreated(9, 7, "Bridge", "", 0, None, None, "active")
        tasks = [TaskCreated(number, 9, 7, "Dig", "", "low", "pending", None, None, ()) for number in (1, 2)]
        for event in (project, *tasks):
            await store.append(Append(event.stream, ((event, 1),)))
        await store.log.append_group([raw("task-1", "task.imagined", b'{"task_id":1,"mood":"fine"}')])
        await store.append(Append("later", ((TaskStatusChanged(1, "completed"), 3),)))
        await store.log.append_group([raw("task-2", "task.status_changed", b'{"task_id":2,')])
        await store.log.append_group([raw("weather-1", "weather.changed", b"{}", version=1)])
        await store.append(
            Append("well", ((TaskCreated(3, 9, 7, "Go", "", "low", "pending", None, None, ()), 1),))
        )


def raw(stream: str, topic: str, state: bytes, version: int = 2) -> RawAppend:
    event_id = f"00000000-0000-4000-8000-00000000000{stream[-1]}"
    return RawAppend(f"raw-{stream}", (RawEvent(stream, version, topic, state, event_id),))


async def caught_up(tool: Tool) -> None:
    async with client(tool.redis_url) as redis:
        await until_at(await model_in(redis, tool.database_url), WELL, within_s=30)


def test_from_the_list_to_the_end_of_a_dead_letter(tool: Tool) -> None:
    """One after the other: what is settled is in the list no more."""
    must_list(tool)
    must_show(tool)
    must_fail_again(tool)
    must_settle(tool)


def must_list(tool: Tool) -> None:
    groups = must_be_golden("dead_letters_list", tool("list", "--json").stdout)["groups"]
    assert [group["first_position"] for group in groups] == [UNKNOWN, BROKEN, GONE]
    assert groups[0]["parked"] == [{"document": "task:1", "held_back": 1}]
    table = tool("list").stdout
    assert "task.imagined" in table
    assert "task:1 (+1)" in table
    lines = tool("list", "-o", "csv").stdout.splitlines()
    assert [lines[0].split(",")[:3], len(lines)] == [["group", "type", "error"], 4]
    assert len(tool("list", "-o", "ndjson").stdout.splitlines()) == 3


def must_show(tool: Tool) -> None:
    event = must_be_golden("dead_letters_show", tool("show", str(UNKNOWN), "--json").stdout)
    assert event["payload"] == {"task_id": 1, "mood": "fine"}
    held_back = json.loads(tool("show", str(HELD_BACK), "--json").stdout)
    assert [letter["is_held_back"] for letter in held_back["letters"]] == [True]
    assert "task.imagined" in tool("show", str(UNKNOWN)).stdout
    for unknown in ("1", "999"):
        assert "not found" in tool("show", unknown, code=3).stderr


def must_fail_again(tool: Tool) -> None:
    before = tool.recorded()
    answer = tool("retry", "--position", str(UNKNOWN), *REASON, "--json", code=4)
    must_be_golden("dead_letters_retry", answer.stdout)
    assert json.loads(answer.stdout)["failed_again"] == [UNKNOWN]
    assert "failed again" in answer.stderr
    assert tool.recorded()[len(before) :] == [DeadLettersRetried((UNKNOWN,), "as agreed")]


def must_settle(tool: Tool) -> None:
    answer = tool("discard", "--position", str(BROKEN), *REASON, "--yes", "--json")
    must_be_golden("dead_letters_discard", answer.stdout)
    assert json.loads(answer.stdout)["settled"] == [BROKEN]
    assert tool.recorded()[-1] == EventDiscarded(BROKEN, "as agreed")
    left = json.loads(tool("list", "--json").stdout)["groups"]
    assert [group["first_position"] for group in left] == [UNKNOWN, GONE]


def test_discard_has_to_be_meant(tool: Tool) -> None:
    before = tool.recorded()
    answer = tool("discard", "--position", str(GONE), *REASON, code=2)
    assert "--yes" in answer.stderr
    assert tool.recorded() == before


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("retry", *REASON), 2),
        (("retry", "--all", "--group", "x", *REASON), 2),
        (("retry", "--all"), 2),
        (("retry", "--position", "0", *REASON), 2),
        (("retry", "--position", str(2**63), *REASON), 2),
        (("retry", "--all", "--reason", " "), 2),
        (("retry", "--position", "999", *REASON), 3),
        (("retry", "--group", "nonsense", *REASON), 3),
        (("retry", "--position", "1", *REASON), 4),
        (("retry", "--position", str(HELD_BACK), *REASON), 4),
        (("discard", "--position", "999", *REASON, "--yes"), 3),
        (("discard", "--position", "1", *REASON, "--yes"), 4),
        (("discard", "--position", str(GONE), "--yes"), 2),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    tool: Tool, arguments: tuple[str, ...], code: int
) -> None:
    before = tool.recorded()
    answer = tool(*arguments, code=code)
    assert answer.stdout == ""
    assert answer.stderr
    assert tool.recorded() == before
