"""`taskledger events …` as processes, on one small ledger: looking, following, exporting, importing."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from api.exits import CannotRun, ExitCode, InConflict
from api.operators.event_import import import_log
from api.version import version
from commands.accounts import RegisterUser
from commands.context import SYSTEM, Actor
from commands.dispatcher import Dispatcher
from commands.ledger import PrepareLedger
from commands.projects import ChangeProject, CreateProject, DeleteProject
from commands.risks import RaiseRisk
from commands.tasks import ChangeTask, CreateTask
from events.log import Metadata
from events.migrate import migrate
from events.store import Append, open_store
from events.tasks import TaskStatusChanged
from tests.golden.cli import must_be_golden
from tests.http import ADMIN_HASH, MASTER_KEY
from tests.servers import Servers
from tests.test_cli_audit import Here, Tool, here

__all__ = ["here"]

NAME: Final = "taskledger_inspected"
COPY: Final = "taskledger_imported"
WHY: Final = ("--reason", "for the auditors")
SIZES: Final = ("log_bytes", "index_bytes", "database_bytes", "bytes_per_day")
MANAGER: Final = Actor(2, "manager")
ADMIN: Final = Actor(1, "admin")

STORY: Final = (
    ("09:00", SYSTEM, PrepareLedger(username="admin", email="admin@taskflow.com", password_hash=ADMIN_HASH)),
    ("10:00", ADMIN, RegisterUser(username="dana", email="d@example.com", password_hash="h", role="manager")),
    ("11:00", MANAGER, CreateProject(name="Bridge", budget_cents=5_000_000)),
    ("12:00", MANAGER, CreateTask(project_id=1, title="Dig", estimated_centihours=850, assigned_to=(2,))),
    ("13:00", MANAGER, ChangeTask(task_id=1, status="in_progress", actual_centihours=125)),
    ("14:00", ADMIN, ChangeProject(project_id=1, budget_cents=5_000_050)),
    ("15:00", MANAGER, RaiseRisk(project_id=1, title="Late steel")),
    ("16:00", ADMIN, ChangeProject(project_id=1, status="completed")),
    ("17:00", ADMIN, CreateProject(name="Short")),
    ("18:00", ADMIN, DeleteProject(project_id=2)),
)  # fmt: skip


@pytest.fixture(scope="module")
def tool(
    test_servers: Servers, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tool]:
    recreate(test_servers, NAME, template_database)
    url = test_servers.database(NAME)
    asyncio.run(tell(url))
    yield Tool(url, tmp_path_factory.mktemp("inspected"))
    drop(test_servers, NAME)


async def tell(url: str) -> None:
    async with open_store(url, MASTER_KEY) as store:
        dispatcher = Dispatcher(store, store.keyring.claim_key)
        for number, (hour, actor, command) in enumerate(STORY):
            at = f"2025-07-01T{hour}:00.000000Z"
            where = Metadata(
                dialect="taskflow",
                request_id=f"story-{number}",
                address="198.51.100.7",
                user_agent="a browser",
            )
            await dispatcher.dispatch(command, actor, where, now=at, recorded_at=at)
        [cause] = await store.log.read(await store.head() - 1, 1)
        assert cause.topic == "project.deleted"
        effect = ((TaskStatusChanged(1, "completed"), 4),)
        await store.append(Append("effect", effect, metadata=Metadata(causation_id=cause.event_id)))


@pytest.fixture(scope="module")
def exported(tool: Tool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "whole"
    printed = tool("events", "export", str(folder), *WHY, "--json").out
    must_be_golden("events_export", printed.replace(f'"{version()}"', '"<version>"'))
    return folder


@pytest.fixture
def empty(test_servers: Servers, tmp_path: Path) -> Iterator[Tool]:
    """A ledger that not even has its tables."""
    recreate(test_servers, COPY, "template0")
    yield Tool(test_servers.database(COPY), tmp_path)
    drop(test_servers, COPY)


def recreate(servers: Servers, name: str, template: str) -> None:
    drop(servers, name)
    with psycopg.connect(servers.postgres, autocommit=True) as connection:
        names = sql.Identifier(name), sql.Identifier(template)
        connection.execute(sql.SQL("create database {} template {}").format(*names))


def drop(servers: Servers, name: str) -> None:
    with psycopg.connect(servers.postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def ask(tool: Tool, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(tool.database_url, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_list_shows_pages_and_says_where_they_go_on(tool: Tool, here: Here) -> None:
    printed = tool("events", "list", "--type", "project.*", "--limit", "2", "--json")
    page = must_be_golden("events_list", printed.out)
    assert [event["type"] for event in page["events"]] == ["project.deleted", "project.created"]
    assert f"--before {page['next']}" in printed.err
    rest = here("events", "list", "--type", "project.*", "--before", str(page["next"]), "-o", "ndjson").out
    assert [event["type"] for event in lines(rest)] == [
        "project.status_changed", "project.details_changed", "project.created",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "types"),
    [
        (("--stream", "risk-1"), ["risk.raised"]),
        (("--actor", "2", "--type", "task.created,risk.*"), ["task.created", "risk.raised"]),
        (("--request", "story-3"), ["task.created"]),
        (("--where", "data.title=Dig"), ["task.created"]),
        (("--where", "data.assignee_ids=2", "--where", "data.estimated_centihours=850"), ["task.created"]),
        (("--where", 'data.estimated_centihours="850"'), []),
        (
            ("--from", "2025-07-01T15:00", "--to", "2025-07-01T16:00:00Z"),
            ["risk.raised", "project.status_changed"],
        ),
    ],
)
def test_list_takes_every_filter(here: Here, arguments: tuple[str, ...], types: list[str]) -> None:
    printed = here("events", "list", *arguments, "--oldest-first", "-o", "csv").out
    assert [row["type"] for row in csv.DictReader(printed.splitlines())] == types


def test_list_is_a_table_for_people(here: Here) -> None:
    printed = here("events", "list", "--stream", "project-1").out
    assert "project.created" in printed
    assert "\x1b" not in printed
    # Names of people are in no list.
    assert "dana" not in here("events", "list", "--stream", "user-2").out
    assert "(personal)" in here("events", "list", "--stream", "user-2").out
    assert not any(line.endswith(" ") for line in printed.splitlines())


def test_a_list_of_nothing_says_so(here: Here) -> None:
    found = here("events", "list", "--stream", "project-99", "-o", "csv")
    assert len(found.out.splitlines()) == 1
    assert found.err == "No event meets all of that.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--where", "title"),
        ("--since", "soon"),
        ("--until", "2025-13-01"),
        ("--limit", "0"),
        ("--actor", "dana"),
        ("--type", "x" * 1001),
        ("--type", ""),
        ("--type", "task.*,,risk.raised"),
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(here: Here, arguments: tuple[str, ...]) -> None:
    assert here("events", "list", *arguments, code=2).out == ""


def test_show_tells_all_about_an_event(tool: Tool, here: Here) -> None:
    [position] = [row[0] for row in ask(tool, "select position from events where type = 'task.created'")]
    shown = must_be_golden("events_show", tool("events", "show", str(position), "--json").out)
    assert shown["request"]["address"] == "198.51.100.7"
    changes = {each["field"]: each for each in shown["changes"][0]["changes"]}
    assert changes["title"] == {"field": "title", "old": None, "new": "Dig"}
    by_id = here("events", "show", shown["event_id"], "--json").json
    assert by_id == shown
    assert "Dig" in here("events", "show", str(position)).out


def test_show_knows_cause_and_effects(tool: Tool, here: Here) -> None:
    [(cause,)] = ask(tool, "select event_id::text from events where type = 'project.deleted'")
    [(effect,)] = ask(tool, "select position from events where causation_id is not null")
    shown = here("events", "show", str(effect), "--json").json
    assert (shown["cause"]["type"], shown["cause"]["event_id"]) == ("project.deleted", cause)
    back = here("events", "show", cause, "--json").json
    assert [each["position"] for each in back["effects"]] == [effect]


def test_show_opens_what_identifies_people_unless_it_is_masked_or_erased(tool: Tool, here: Here) -> None:
    query = "select position from events where type = 'user.registered' and stream = 'user-2'"
    position = str(ask(tool, query)[0][0])
    clear = here("events", "show", position, "--json").json
    assert (clear["data"]["username"], clear["data"]["email"]) == ("dana", "d@example.com")
    masked = here("events", "show", position, "--masked", "--json")
    assert "dana" not in masked.out
    with psycopg.connect(tool.database_url) as connection:
        kept = connection.execute("delete from user_keys where user_id = 2 returning wrapped_key").fetchone()
    assert kept is not None
    erased = here("events", "show", position, "--json")
    with psycopg.connect(tool.database_url) as connection:
        connection.execute("insert into user_keys (user_id, wrapped_key) values (2, %s)", kept)
    assert erased.json["data"]["username"] == "erased"
    assert "dana" not in erased.out


@pytest.mark.parametrize(
    "event", ["999999", "0", "00000000-0000-4000-8000-000000000000", "nothing", "9" * 40]
)
def test_what_is_not_there_is_not_found(here: Here, event: str) -> None:
    assert "not found" in here("events", "show", event, "--json", code=3).err


def test_stats_count_everything(tool: Tool, here: Here) -> None:
    printed = tool("events", "stats", "--json").out
    today = json.loads(printed)["by_day"][0]["value"]
    stats = must_be_golden("events_stats", printed.replace(f'"{today}"', '"<today>"'), SIZES)
    total = ask(tool, "select count(*)::int from events")[0][0]
    assert stats["events"] == stats["complete_to"] == total
    for name, column in (("by_type", "type"), ("by_category", "category"), ("by_actor", "actor_id::text")):
        query = f"select {column}, count(*)::int from events where {column} is not null group by 1"
        assert {line["value"]: line["events"] for line in stats[name]} == dict(ask(tool, query)), name
    assert [line["value"] for line in stats["by_day"]][-1] == "2025-07-01"
    assert stats["size"]["database_bytes"] > stats["size"]["log_bytes"] > 0
    assert "project.created" in here("events", "stats").out
    assert "type,project.deleted,1" in here("events", "stats", "-o", "csv").out


def test_tail_shows_the_latest_in_their_order(tool: Tool, here: Here) -> None:
    every = lines(here("events", "list", "--oldest-first", "--limit", "1000", "-o", "ndjson").out)
    printed = tool("events", "tail", "-n", "3", "--type", "project.*", "--json").out
    events = [event for event in every if event["type"].startswith("project.")][-3:]
    assert must_be_golden("events_tail", printed) == {"events": events, "position": len(every)}
    rest = here("events", "tail", "--from-position", "5", "-o", "ndjson").out
    assert lines(rest) == every[4:]
    assert "project.deleted" in here("events", "tail", "-n", "100").out
    end = str(len(every) + 1)
    assert here("events", "tail", "--from-position", end, "-o", "ndjson").out == ""
    for more in ((), ("-f",)):
        refused = here("events", "tail", "--from-position", f"{end}0", *more, code=2)
        assert f"the log ends at {len(every)}" in refused.err
    assert here("events", "tail", "-f", "--json", code=2).out == ""


def following(tool: Tool, output: Path, *arguments: str) -> subprocess.Popen[bytes]:
    with output.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "api.cli", "events", "tail", "-f", "-o", "ndjson", *arguments],
            env=os.environ | tool.environment(),
            cwd=tool.folder,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.PIPE,
        )


def positions(output: Path) -> list[int]:
    whole, _, _ = output.read_bytes().rpartition(b"\n")
    return [json.loads(line)["position"] for line in whole.splitlines()]


def wait_for(output: Path, count: int) -> list[int]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if len(found := positions(output)) >= count:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{len(positions(output))} of {count} events after 60 s")


def test_whoever_follows_goes_on_where_it_was_stopped_or_killed(
    test_servers: Servers, template_database: str, tmp_path: Path
) -> None:
    recreate(test_servers, COPY, template_database)
    tool = Tool(test_servers.database(COPY), tmp_path)
    output = tmp_path / "followed"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITING, tool.database_url], env=os.environ | tool.environment()
    )
    process = following(tool, output, "--from-position", "1")
    try:
        found = wait_for(output, 40)
        process.kill()
        process.communicate()
        found = positions(output)
        output.write_bytes(b"".join(output.read_bytes().splitlines(keepends=True)[: len(found)]))
        process = following(tool, output, "--from-position", str(found[-1] + 1))
        wait_for(output, len(found) + 40)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[1].decode()
        assert process.returncode == 130, said
        last = positions(output)[-1]
        assert f"--from-position {last + 1}" in said
        process = following(tool, output, "--from-position", str(last + 1))
        assert writer.wait(60) == 0
        assert wait_for(output, 300) == list(range(1, 301))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    finally:
        for each in (writer, process):
            each.kill()
            each.wait()
        drop(test_servers, COPY)


def test_whoever_has_read_enough_ends_it(tool: Tool) -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "api.cli", "events", "tail", "--from-position", "1", "-o", "ndjson"],
        env=os.environ | tool.environment(),
        cwd=tool.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(30), said) == (0, b"")


WRITING: Final = """
import asyncio, sys
from events.store import Append, open_store
from events.tasks import TaskStatusChanged

async def write():
    async with open_store(sys.argv[1], bytes(32)) as store:
        for version in range(1, 301):
            await store.append(Append(f"c{version}", ((TaskStatusChanged(7, "blocked"), version),)))
            await asyncio.sleep(0.01)

asyncio.run(write())
"""


def test_an_export_says_what_is_in_it(here: Here, exported: Path, tmp_path: Path) -> None:
    manifest = json.loads((exported / "manifest.json").read_text())
    events = lines((exported / "events.ndjson").read_text())
    assert [event["position"] for event in events] == list(range(1, manifest["last_position"] + 1))
    assert exported.stat().st_mode & 0o077 == 0
    target = str(tmp_path / "part")
    few = ("--from", "3", "--to", "4", "--without-keys")
    part = here("events", "export", target, *few, *WHY, "--json").json
    assert (part["first_position"], part["last_position"], part["user_keys"]) == (3, 4, None)
    assert sorted(path.name for path in (tmp_path / "part").iterdir()) == ["events.ndjson", "manifest.json"]
    assert lines((tmp_path / "part" / "events.ndjson").read_text()) == events[2:4]
    recorded = here("events", "list", "--type", "operator.log_exported", "--json").json["events"]
    assert [each["data"] for each in recorded[:2]] == [
        {"first": 3, "last": 4, "with_keys": False, "reason": "for the auditors"},
        {
            "first": 1,
            "last": manifest["last_position"],
            "with_keys": True,
            "reason": "for the auditors",
        },
    ]


@pytest.mark.parametrize("more", [(), ("--zstd",)])
def test_an_import_makes_the_same_log(
    tool: Tool, empty: Tool, exported: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    folder = tmp_path / "whole" if more else exported
    if more:
        tool("events", "export", str(folder), *more, *WHY)
    printed = empty("events", "import", str(folder), "--json")
    assert "set-password" in printed.err
    last_position = json.loads((folder / "manifest.json").read_text())["last_position"]
    every = f"select * from stored_events where notification_id <= {last_position} order by notification_id"
    assert ask(empty, every) == ask(tool, every)
    assert ask(empty, "select count(*) from stored_events") == [(last_position,)]
    for query in ("select log_id from log_identity", "select * from user_keys order by user_id"):
        assert ask(empty, query) == ask(tool, query)
    for name in ("user", "project", "task", "risk"):
        [(last,)] = ask(tool, f"select last_value from {name}_ids")
        assert ask(empty, f"select nextval('{name}_ids')")[0][0] > ask(
            tool,
            f"select coalesce(max(split_part(stream, '-', 2)::int), 0) from events where category = '{name}'",
        )[0][0] - (last < 0), name
    if not more:
        must_be_golden("events_import", printed.out)
    again = empty("events", "import", str(folder), "--json", code=4)
    assert "never ran" in again.err
    assert ask(empty, every) == ask(tool, every)


def test_a_copy_may_be_another_log(tool: Tool, exported: Path, empty_database_url: str) -> None:
    migrate(empty_database_url)
    done = import_log(empty_database_url, MASTER_KEY, exported, is_another_log=True)
    with psycopg.connect(empty_database_url) as connection:
        kept = connection.execute("select log_id::text from log_identity").fetchone()
    assert kept == (done.log_id,)
    assert ask(tool, "select log_id::text from log_identity") != [kept]


def spoil_manifest(folder: Path, **changes: Any) -> None:
    file = folder / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def spoil_events(folder: Path, change: str, into: str) -> None:
    """Change the events and the manifest's idea of them: what is wrong must be found by other means."""
    import hashlib

    file = folder / "events.ndjson"
    file.write_text(file.read_text().replace(change, into, 1))
    raw = file.read_bytes()
    events = {
        "file": file.name,
        "lines": raw.count(b"\n"),
        "bytes": len(raw),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    spoil_manifest(folder, events=events)


SPOILED: Final[Mapping[str, tuple[Callable[[Path], Any], int, str]]] = {
    "no export": (shutil.rmtree, 3, "holds no export"),
    "a changed byte": (
        lambda folder: (folder / "events.ndjson").write_text(
            (folder / "events.ndjson").read_text().replace("Dig", "Dug")
        ),
        5,
        "SHA-256",
    ),
    "no file of keys": (lambda folder: (folder / "user_keys.ndjson").unlink(), 5, "which is not in it"),
    "a changed key": (lambda folder: (folder / "user_keys.ndjson").write_text(""), 5, "SHA-256"),
    "a missing file": (lambda folder: (folder / "events.ndjson").unlink(), 5, "which is not in it"),
    "no manifest": (lambda folder: (folder / "manifest.json").write_text("{}"), 5, "no manifest"),
    "another format": (lambda folder: spoil_manifest(folder, format=2), 1, "format 2"),
    "a part": (lambda folder: spoil_manifest(folder, first_position=2), 2, "begins at position 2"),
    "a gap": (lambda folder: spoil_events(folder, '"position":5,', '"position":6,'), 5, "out of order"),
    "a moment too early": (lambda folder: spoil_events(folder, "T12:00", "T08:00"), 5, "out of order"),
    "a version that is missing": (
        lambda folder: spoil_events(folder, '"project-1","version":2', '"project-1","version":9'),
        5,
        "versions of project-1",
    ),
    "a version twice": (
        lambda folder: spoil_events(folder, '"project-1","version":2', '"project-1","version":1'),
        1,
        "refused the import",
    ),
    "no event": (lambda folder: spoil_events(folder, '"stream":', '"strom":'), 5, "no event"),
    "another end": (lambda folder: spoil_manifest(folder, last_position=3), 5, "ends at position"),
    "nothing of the events": (lambda folder: spoil_manifest(folder, events=None), 5, "no manifest"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILED)
def test_what_was_spoiled_is_not_imported(
    exported: Path, empty_database_url: str, tmp_path: Path, name: str
) -> None:
    spoil, code, said = SPOILED[name]
    migrate(empty_database_url)
    folder = tmp_path / "whole"
    shutil.copytree(exported, folder)
    spoil(folder)
    with pytest.raises(CannotRun, match=said) as refusal:
        import_log(empty_database_url, MASTER_KEY, folder)
    assert refusal.value.code is ExitCode(code)
    with psycopg.connect(empty_database_url) as connection:
        counts = "select (select count(*) from stored_events), (select count(*) from user_keys)"
        assert connection.execute(counts).fetchone() == (0, 0)


def test_a_ledger_that_ran_takes_no_import(exported: Path, tool: Tool) -> None:
    with pytest.raises(InConflict, match="never ran"):
        import_log(tool.database_url, MASTER_KEY, exported)


def test_an_import_needs_the_master_key_of_the_log(exported: Path, empty_database_url: str) -> None:
    migrate(empty_database_url)
    with pytest.raises(CannotRun, match="master key"):
        import_log(empty_database_url, bytes(32), exported)
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("select count(*) from stored_events").fetchone() == (0,)


def test_an_export_is_whole_or_not_there(tool: Tool, here: Here, tmp_path: Path) -> None:
    target = tmp_path / "there"
    target.mkdir()
    recorded = "select count(*) from stored_events where topic = 'operator.log_exported'"
    before = ask(tool, recorded)
    assert "exists already" in here("events", "export", str(target), *WHY, code=4).err
    assert list(target.iterdir()) == []
    new = str(tmp_path / "new")
    assert "cannot be written" in here("events", "export", str(tmp_path / "no" / "folder"), *WHY, code=1).err
    assert "ends at position" in here("events", "export", new, "--from", "5000", *WHY, code=3).err
    assert "--reason" in here("events", "export", new, code=2).err
    assert "reason" in here("events", "export", new, "--reason", " ", code=2).err
    full = subprocess.run(
        [
            "prlimit",
            "--fsize=1000",
            sys.executable,
            "-P",
            "-m",
            "api.cli",
            "events",
            "export",
            str(tmp_path / "full"),
            *WHY,
        ],
        env=os.environ | tool.environment(),
        cwd=tool.folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert full.returncode == 1
    assert "the disk is full" in full.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there"]
    assert ask(tool, recorded) == before, "what did not leave is not said to have left"
