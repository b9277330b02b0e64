"""The commands of auditors, run as processes on one small ledger, with no Redis anywhere."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import psycopg
import pytest
from psycopg import sql

from api.cli.app import main
from api.operators.history import names_of
from commands.accounts import DeleteUser, RegisterUser
from commands.context import SYSTEM, Actor
from commands.dispatcher import Dispatcher
from commands.ledger import PrepareLedger
from commands.projects import ChangeProject, CreateProject, DeleteProject
from commands.risks import RaiseRisk
from commands.tasks import ChangeTask, CreateTask
from events.log import Metadata
from events.store import open_store
from readmodels.kinds import KINDS
from tests.golden.cli import must_be_golden
from tests.http import ADMIN_HASH, MASTER_KEY
from tests.running import ROOT, free_port
from tests.servers import Servers, short_folder

NAME: Final = "taskledger_audited"
MANAGER: Final = Actor(2, "manager")
ADMIN: Final = Actor(1, "admin")

STORY: Final = (
    ("09:00", SYSTEM, PrepareLedger(username="admin", email="admin@taskflow.com", password_hash=ADMIN_HASH)),
    ("10:00", ADMIN, RegisterUser(username="dana", email="d@example.com", password_hash="h", role="manager")),
    ("11:00", MANAGER, CreateProject(name="Bridge", budget_cents=5_000_000)),
    ("12:00", MANAGER, CreateTask(project_id=1, title="Dig", estimated_centihours=850, assigned_to=(2,))),
    ("13:00", MANAGER, ChangeTask(task_id=1, status="in_progress", actual_centihours=125)),
    ("14:00", ADMIN, ChangeProject(project_id=1, budget_cents=5_000_050, name="=Bridge")),
    ("15:00", MANAGER, RaiseRisk(project_id=1, title="Late steel")),
    ("16:00", ADMIN, ChangeProject(project_id=1, status="completed")),
    ("17:00", ADMIN, CreateProject(name="Short")),
    ("18:00", ADMIN, DeleteProject(project_id=2)),
    ("18:10", ADMIN, RegisterUser(username="eve", email="eve@example.com", password_hash="h")),
    ("18:20", ADMIN, DeleteUser(user_id=3, owns_projects=False)),
)  # fmt: skip
DAY: Final = "2025-07-01"

REFUSED: Final = (
    ("10:00", 401, None, "203.0.113.9", "POST", "/api/auth/login"),
    ("11:00", 403, 2, "203.0.113.9", "PUT", "/api/users/1"),
    ("12:00", 422, 2, "203.0.113.8", "POST", "/api/projects"),
    ("13:00", 409, 1, "203.0.113.8", "PUT", "/api/projects/2"),
    ("14:00", 500, 1, "203.0.113.8", "PUT", "/api/projects/1"),
    ("15:00", 200, 1, "203.0.113.8", "PUT", "/api/projects/1"),
)


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Tool:
    """`taskledger` on the ledger of this file, in an environment without a usable Redis."""

    database_url: str
    folder: Path

    def __call__(self, *arguments: str, code: int = 0) -> Said:
        found = subprocess.run(
            [sys.executable, "-P", "-m", "api.cli", *arguments],
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
        return Said(found.returncode, found.stdout, found.stderr)

    def environment(self) -> dict[str, str]:
        return {
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": self.database_url,
            "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
            "TASKLEDGER_MASTER_KEY": MASTER_KEY.hex(),
            "NO_COLOR": "1",
        }


class Here(Protocol):
    """`taskledger` in this process: as `Tool`, in a fraction of the time."""

    def __call__(self, *arguments: str, code: int = 0) -> Said: ...


@pytest.fixture
def here(tool: Tool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    for name, value in tool.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tool.folder)

    def call(*arguments: str, code: int = 0) -> Said:
        monkeypatch.setattr(sys, "argv", ["taskledger", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = Said(int(ended.value.code or 0), *capsys.readouterr())
        assert said.code == code, said
        return said

    return call


@pytest.fixture(scope="module")
def tool(
    test_servers: Servers, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tool]:
    with psycopg.connect(test_servers.postgres, autocommit=True) as connection:
        name, template = sql.Identifier(NAME), sql.Identifier(template_database)
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(name))
        connection.execute(sql.SQL("create database {} template {}").format(name, template))
    url = test_servers.database(NAME)
    asyncio.run(tell(url))
    refuse(url)
    yield Tool(url, tmp_path_factory.mktemp("audited"))
    with psycopg.connect(test_servers.postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(NAME)))


async def tell(url: str) -> None:
    async with open_store(url, MASTER_KEY) as store:
        dispatcher = Dispatcher(store, store.keyring.claim_key)
        for number, (hour, actor, command) in enumerate(STORY):
            at = f"{DAY}T{hour}:00.000000Z"
            where = Metadata(
                dialect="taskflow",
                request_id=f"story-{number}",
                address="198.51.100.7",
                user_agent="a browser",
            )
            await dispatcher.dispatch(command, actor, where, now=at, recorded_at=at)


def refuse(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into requests"
            " (request_id, at, address, user_agent, actor_id, dialect, method, path, status)"
            " values ('refused-' || %s, %s, %s, 'curl', %s, 'taskflow', %s, %s, %s)",
            [
                (str(number), f"{DAY}T{hour}:00Z", address, actor_id, method, path, status)
                for number, (hour, status, actor_id, address, method, path) in enumerate(REFUSED)
            ],
        )


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_the_history_of_a_project_says_who_changed_what_when_and_from_where(tool: Tool) -> None:
    printed = tool("audit", "history", "project", "1", "--json").out
    history = must_be_golden("audit_history", printed)["history"]
    assert [entry["at"][11:16] for entry in history] == ["11:00", "14:00", "16:00"]
    assert history[1]["actor"] == {"id": 1, "name": "admin", "role": "admin"}
    assert history[1]["address"] == "198.51.100.7"
    assert history[1]["changes"] == [
        {"field": "name", "old": "Bridge", "new": "=Bridge"},
        {"field": "budget", "old": "50000.00", "new": "50000.50"},
    ]


def test_a_task_is_told_what_its_project_did_to_it(here: Here) -> None:
    history = here("audit", "history", "task", "1", "-o", "ndjson").out
    entries = [json.loads(line) for line in history.splitlines()]
    assert entries[-1]["stream"] == "project-1"
    assert entries[-1]["changes"] == [{"field": "in_closed_project", "old": False, "new": True}]


def test_a_history_ends_where_it_is_told_to(here: Here) -> None:
    whole = here("audit", "history", "project", "1", "--json").json["history"]
    by_moment = here("audit", "history", "project", "1", "--as-of", f"{DAY}T14:00", "--json").json["history"]
    assert by_moment == whole[:2]
    position = str(whole[0]["position"])
    assert here("audit", "history", "project", "1", "--at-position", position, "--json").json == {
        "history": whole[:1]
    }


def test_tables_and_spreadsheets_have_a_line_for_each_changed_value(here: Here) -> None:
    lines = rows(here("audit", "history", "project", "1", "-o", "csv").out)
    assert [(line["field"], line["new"]) for line in lines[-3:]] == [
        ("name", "'=Bridge"), ("budget", "50000.50"), ("status", "completed"),
    ]  # fmt: skip
    assert {line["actor"] for line in lines} == {"1 admin", "2 dana"}
    table = here("audit", "history", "project", "1").out
    assert "50000.50" in table


def test_a_history_can_be_printed_on_paper_and_nothing_is_written_over_unasked(
    tool: Tool, here: Here
) -> None:
    file = tool.folder / "history.pdf"
    here("audit", "history", "project", "1", "--pdf", str(file))
    first = file.read_bytes()
    assert first.startswith(b"%PDF")
    assert "--yes" in here("audit", "history", "task", "1", "--pdf", str(file), code=2).err
    assert file.read_bytes() == first
    here("audit", "history", "project", "1", "--pdf", str(file), "--yes")
    assert file.read_bytes() == first
    assert [path.name for path in tool.folder.glob("*history*")] == ["history.pdf"]


def test_the_state_of_an_object_at_a_moment(tool: Tool, here: Here) -> None:
    printed = tool("audit", "state", "project", "1", "--as-of", f"{DAY}T13:00", "--json").out
    state = must_be_golden("audit_state", printed)["state"]
    assert (state["name"], state["budget"]) == ("Bridge", "50000.00")
    now = here("audit", "state", "project", "1", "-o", "csv").out
    assert rows(now)[0]["status"] == "completed"
    told = here("audit", "state", "project", "1").out
    assert "completed" in told
    assert not any(line.startswith("state") for line in told.splitlines())


@pytest.mark.parametrize(
    "asked",
    [
        ("state", "project", "1", "--as-of", f"{DAY}T10:59:59"),
        ("state", "project", "2"),
        ("state", "project", "99"),
        ("history", "project", "99"),
        ("history", "project", "1", "--as-of", "2025-06-30"),
        ("diff", "project", "1", "--from", "2025-01-01", "--to", "2025-06-30"),
    ],
)
def test_what_was_not_there_is_not_found(here: Here, asked: tuple[str, ...]) -> None:
    said = here("audit", *asked, code=3)
    assert (said.out, said.err) == ("", "taskledger: Project not found\n")


def test_what_was_deleted_has_a_state_before_that(here: Here) -> None:
    before = here("audit", "state", "project", "2", "--as-of", f"{DAY}T17:30", "--json").json
    assert before["state"]["name"] == "Short"
    assert here("audit", "history", "project", "2", "--json").json["history"][-1]["effect"] == "removed"


def test_the_difference_between_two_moments(tool: Tool, here: Here) -> None:
    between = ("--from", f"{DAY}T13:00", "--to", f"{DAY}T20:00")
    printed = tool("audit", "diff", "project", "1", *between, "--json").out
    assert must_be_golden("audit_diff", printed)["changes"] == [
        {"field": "name", "old": "Bridge", "new": "=Bridge"},
        {"field": "budget", "old": "50000.00", "new": "50000.50"},
        {"field": "status", "old": "active", "new": "completed"},
    ]
    gone = here("audit", "diff", "project", "2", "--from", f"{DAY}T17:30", "--json").json
    assert (gone["from"]["existed"], gone["to"]["existed"]) == (True, False)
    assert {"field": "name", "old": "Short", "new": None} in gone["changes"]
    nothing = here("audit", "diff", "project", "1", "--from", DAY, "-o", "csv").out
    assert nothing == "field,old,new\n"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("state", "project", "1", "--as-of", "yesterday"), "is no moment"),
        (("state", "project", "1", "--as-of", "2999-01-01"), "not over yet"),
        (("state", "project", "1", "--as-of", DAY, "--at-position", "3"), "exclude each other"),
        (("state", "project", "1", "--at-position", "100000"), "the log ends at"),
        (("state", "rocket", "1"), "rocket"),
        (("state", "project", "0"), "0"),
        (("diff", "project", "1", "--to", DAY), "--from"),
        (("attempts", "--status", "200"), "403"),
        (("attempts", "--since", "x"), "is no moment"),
        (("attempts", "--before", "x"), "cursor"),
        (("attempts", "--path", "/api/\x01"), "control characters"),
        (("attempts", "--limit", "0"), "--limit"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(here: Here, asked: tuple[str, ...], said: str) -> None:
    answer = here("audit", *asked, code=2)
    assert answer.out == ""
    assert said in answer.err


def test_a_history_that_is_too_long_says_what_to_do(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKLEDGER_HISTORY_EVENTS_MAX", "3")
    assert "TASKLEDGER_HISTORY_EVENTS_MAX" in here("audit", "history", "task", "1", code=1).err


def test_a_replay_is_the_whole_read_model_and_twice_the_same_bytes(tool: Tool, here: Here) -> None:
    at = ("--as-of", f"{DAY}T16:30")
    printed = tool("audit", "replay", *at, "--out", "first", "--json").out
    manifest = must_be_golden("audit_replay", printed)
    here("audit", "replay", *at, "--out", "deep/second")
    first, second = tool.folder / "first", tool.folder / "deep" / "second"
    assert {path.name: path.read_bytes() for path in first.iterdir()} == {
        path.name: path.read_bytes() for path in second.iterdir()
    }
    assert json.loads((first / "manifest.json").read_bytes()) == manifest
    assert {file["name"] for file in manifest["files"]} == {f"{kind}.ndjson" for kind in KINDS}
    for file in manifest["files"]:
        content = (first / file["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
        assert (len(content), content.count(b"\n")) == (file["bytes"], file["documents"])
    (project,) = map(json.loads, (first / "project.ndjson").read_text().splitlines())
    assert (project["name"], project["status"]) == ("=Bridge", "completed")
    (figures,) = map(json.loads, (first / "project_figures.ndjson").read_text().splitlines())
    assert figures["tasks"] == 1


def test_a_replay_takes_the_place_of_another_one_only_when_told_and_of_nothing_else(
    tool: Tool, here: Here
) -> None:
    out = tool.folder / "replaced"
    here("audit", "replay", "--at-position", "5", "--out", "replaced")
    before = (out / "manifest.json").read_bytes()
    assert "--yes" in here("audit", "replay", "--out", "replaced", code=2).err
    assert (out / "manifest.json").read_bytes() == before
    here("audit", "replay", "--out", "replaced", "--yes")
    assert (out / "manifest.json").read_bytes() != before
    (out / "diary.txt").write_text("mine")
    assert "something else" in here("audit", "replay", "--out", "replaced", "--yes", code=1).err
    assert (out / "diary.txt").read_text() == "mine"
    (tool.folder / "file").write_text("mine")
    assert "cannot be" in here("audit", "replay", "--out", "file", "--yes", code=1).err
    assert [path.name for path in tool.folder.iterdir() if path.name.startswith(".")] == []


def test_refused_and_failed_attempts_newest_first(tool: Tool) -> None:
    printed = tool("audit", "attempts", "--json").out
    found = must_be_golden("audit_attempts", printed)
    assert [attempt["status"] for attempt in found["attempts"]] == [500, 409, 422, 403, 401]
    assert found["attempts"][3]["actor"] == {"id": 2, "name": "dana"}
    assert found["next"] is None


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (("--status", "403"), [403]),
        (("--status", "4xx"), [409, 422, 403, 401]),
        (("--actor", "2"), [422, 403]),
        (("--address", "203.0.113.9"), [403, 401]),
        (("--path", "/api/projects"), [422]),
        (("--path", "/api/projects*"), [500, 409, 422]),
        (("--since", f"{DAY}T12:00"), [500, 409, 422]),
        (("--since", "5000w"), [500, 409, 422, 403, 401]),
        (("--since", "7d"), []),
        (("--until", f"{DAY}T12:00"), [422, 403, 401]),
        (("--since", DAY, "--until", DAY, "--actor", "1", "--status", "5xx"), [500]),
        (("--actor", "77"), []),
    ],
)
def test_attempts_are_found_by(here: Here, asked: tuple[str, ...], expected: list[int]) -> None:
    found = here("audit", "attempts", *asked, "--json").json
    assert [attempt["status"] for attempt in found["attempts"]] == expected


def test_no_attempts_are_told_as_such(here: Here) -> None:
    found = here("audit", "attempts", "--actor", "77")
    assert found.err == "Nothing of that kind was refused or failed.\n"


def test_attempts_come_in_pages(here: Here) -> None:
    first = here("audit", "attempts", "--limit", "2", "-o", "csv")
    assert [row["status"] for row in rows(first.out)] == ["500", "409"]
    cursor = first.err.split("--before ")[1].strip()
    second = here("audit", "attempts", "--limit", "3", "--before", cursor, "-o", "ndjson")
    assert [json.loads(line)["status"] for line in second.out.splitlines()] == [422, 403, 401]
    assert second.err == ""


async def test_who_is_gone_has_no_name_any_more(tool: Tool) -> None:
    async with open_store(tool.database_url, MASTER_KEY) as store:
        assert await names_of(store, {1, 2, 3, 99}) == {1: "admin", 2: "dana"}


def test_the_reports_there_are(tool: Tool) -> None:
    reports = must_be_golden("reports_list", tool("reports", "list", "--json").out)["reports"]
    assert {each["name"]: each["takes_period"] for each in reports}["budget-analysis"] is False


def test_every_command_takes_a_folder(here: Here, tmp_path: Path) -> None:
    assert here("reports", "list", "--data", str(tmp_path)).out == here("reports", "list").out


def test_a_report_of_a_moment_from_the_log_alone(tool: Tool, here: Here) -> None:
    out, at = tool.folder / "budget.json", ("--as-of", f"{DAY}T13:30")
    said = tool("reports", "rebuild", "budget-analysis", *at, "--out", str(out))
    assert (said.out, "2025-07-01T13:30" in said.err) == ("", True)
    report = must_be_golden("reports_rebuild", out.read_text())
    assert report["budget_analysis"]["total_allocated"] == 50000.0
    assert here("reports", "rebuild", "budget-analysis", *at, "--out", "-").out.encode() == out.read_bytes()
    later = here("reports", "rebuild", "budget-analysis", "--as-of", DAY, "--out", "-", "--format", "csv").out
    assert rows(later)[0]["allocated_budget"] == "50000.50"
    assert "--yes" in here("reports", "rebuild", "projects", "--out", str(out), code=2).err
    here("reports", "rebuild", "projects", "--out", str(out), "--format", "pdf", "--yes")
    assert out.read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("asked", "said", "code"),
    [
        (("weather",), "there are projects", 2),
        (("budget-analysis", "--start-date", DAY), "takes no period", 2),
        (("projects", "--start-date", "x"), "is no start_date", 2),
        (("projects", "--start-date", DAY, "--end-date", "2025-01-01"), "not after end_date", 2),
        (("projects", "--as-of", "2999-01-01"), "not over yet", 2),
        (("projects", "--at-position", "999999"), "the log ends at", 2),
    ],
)
def test_reports_that_make_no_sense(here: Here, asked: tuple[str, ...], said: str, code: int) -> None:
    answer = here("reports", "rebuild", *asked, "--out", "-", code=code)
    assert (answer.out, said in answer.err) == ("", True)


def test_a_report_cannot_be_written_into_nowhere(tool: Tool, here: Here) -> None:
    for out in ("nowhere/report.json", str(tool.folder)):
        assert "cannot be written" in here("reports", "rebuild", "projects", "--out", out, code=1).err


def test_a_ledger_that_does_not_run_is_started_for_as_long_as_it_takes() -> None:
    with short_folder() as folder:
        for arguments in (["migrate"], ["audit", "history", "user", "1", "--json"]):
            found = subprocess.run(
                [sys.executable, "-P", "-m", "api.cli", *arguments, "--data", str(folder / "data")],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
                timeout=120,
                stdin=subprocess.DEVNULL,
                check=False,
            )
            assert found.returncode == 0, found
    assert json.loads(found.stdout)["history"][0]["effect"] == "created"
