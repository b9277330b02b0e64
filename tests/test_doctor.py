"""The doctor: what it finds in a ledger that is well, and in ledgers that are broken in one way each."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import resource
import subprocess
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg
import pytest
import redis

from api.exits import ExitCode
from api.operators.doctor import database as of_database
from api.operators.doctor import machine as of_machine
from api.operators.doctor import read_models as of_redis
from api.operators.doctor.clocks import clock
from api.operators.doctor.examination import Patient, examined, patient_of, report
from api.operators.doctor.findings import Finding
from api.operators.doctor.machine import ports
from api.settings import Settings
from tests.golden.cli import must_be_golden
from tests.http import JWT_SECRET, MASTER_KEY, Taskflow
from tests.running import ROOT, free_port
from tests.servers import Servers
from tests.test_http_auth import in_database

NOWHERE: Final = "postgresql://nobody@127.0.0.1:1/nothing"
NO_REDIS: Final = "redis://127.0.0.1:1/0"


def given(database_url: str, redis_url: str, **more: Any) -> Settings:
    secrets: dict[str, Any] = {"master_key": MASTER_KEY, "jwt_secret": JWT_SECRET}
    return Settings(database_url=database_url, redis_url=redis_url, **secrets | more)


async def found_in(taskflow: Taskflow, **more: Any) -> dict[str, Finding]:
    settings = dataclasses.replace(taskflow.core.settings, **more)
    return await asyncio.to_thread(lambda: by_name(settings))


def by_name(settings: Settings) -> dict[str, Finding]:
    return {each.check: each for each in examined(patient_of(settings))}


def wrong(found: dict[str, Finding]) -> dict[str, str]:
    return {name: each.state for name, each in found.items() if each.state in ("failed", "skipped")}


async def test_a_ledger_that_is_well(taskflow: Taskflow) -> None:
    found = await found_in(taskflow)
    assert wrong(found) == {}
    assert report([*found.values()])["is_well"]
    assert {"versions", "postgresql", "redis", "migrations", "role", "append_only", "triggers", "lag"} <= {
        *found
    }
    assert found["role"].detail.endswith("working as taskledger_app")
    assert found["master_key"].detail == "it opens the keys of users"
    assert found["lag"].detail.startswith("0 events behind")
    assert "held by" in found["projector"].detail
    assert all(each.mend is None for each in found.values() if each.state in ("ok", "skipped"))
    assert all(each.mend for each in found.values() if each.state in ("warning", "failed"))


DISABLED: Final = "alter table stored_events disable trigger stored_events_are_forever"
DROPPED: Final = "drop trigger stored_events_are_forever on stored_events"
LETTER: Final = (
    "insert into dead_letters (generation, position, stream, error) select id, 1, 'task-1', 'broken'"
    " from generations where is_current"
)
BROKEN: Final = {
    "triggers": (
        DISABLED,
        "alter table stored_events enable trigger stored_events_are_forever",
        DROPPED,
    ),
    "append_only": (
        f"grant update on stored_events to taskledger_app; {DISABLED}",
        f"grant delete on stored_events to taskledger_app; {DROPPED}",
    ),
    "migrations": (
        "delete from schema_migrations where name like '0006%%'",
        "update schema_migrations set checksum = 'x' where name like '0006%%'",
    ),
    "role": ("revoke select on dead_letters from taskledger_app",),
    "master_key": ("update user_keys set wrapped_key = decode(repeat('00', 60), 'hex')",),
    "dead_letters": (LETTER,),
}


@pytest.mark.parametrize(
    ("name", "damage"), [(name, damage) for name, every in BROKEN.items() for damage in every]
)
async def test_what_is_broken_in_the_database_is_named(taskflow: Taskflow, name: str, damage: str) -> None:
    await in_database(taskflow, damage)
    found = await found_in(taskflow)
    assert found[name].state == "failed", found[name]
    assert found[name].mend
    assert not report([*found.values()])["is_well"]


async def test_the_examination_changes_nothing(taskflow: Taskflow) -> None:
    def content() -> list[Any]:
        with psycopg.connect(taskflow.core.settings.database_url) as connection:
            return connection.execute("select * from stored_events order by notification_id").fetchall()

    before = await asyncio.to_thread(content)
    await in_database(
        taskflow,
        f"grant update, delete on stored_events to taskledger_app; {DISABLED}",
    )
    await found_in(taskflow)
    assert before == await asyncio.to_thread(content)


async def test_another_master_key_is_named(taskflow: Taskflow) -> None:
    found = await found_in(taskflow, master_key=b"x" * 32)
    assert found["master_key"].state == "failed"


async def test_production_refuses_the_development_password(taskflow: Taskflow) -> None:
    assert (await found_in(taskflow))["first_password"].state == "ok"
    found = await found_in(taskflow, env="production")
    assert found["first_password"].state == "failed"
    assert "set-password" in str(found["first_password"].mend)


async def test_a_projector_that_does_not_work_is_named(taskflow: Taskflow) -> None:
    await taskflow.stop_projector()
    await in_database(taskflow, "update projector_lease set until = clock_timestamp() - interval '1 minute'")
    found = await found_in(taskflow)
    assert found["projector"].state == "warning"
    assert "no projector has been at work for 60 seconds" in found["projector"].detail


async def test_a_lag_is_named(taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_redis, "LAG_MAX_S", 0.1)
    await taskflow.stop_projector()
    await taskflow.admin.post("/api/projects", {"name": "P"})
    await asyncio.sleep(0.2)
    found = await found_in(taskflow)
    assert found["lag"].state == "failed"
    assert found["lag"].detail.startswith("1 events behind")


async def test_a_read_model_that_is_lost_is_named(taskflow: Taskflow) -> None:
    await taskflow.stop_projector()
    await taskflow.core.redis.flushdb()
    assert (await found_in(taskflow))["lag"].state == "failed"


def test_without_postgresql_the_rest_is_examined(redis_url: str) -> None:
    found = by_name(given(NOWHERE, redis_url))
    assert found["postgresql"].state == "failed"
    assert found["redis"].state == "ok"
    assert {found[name].state for name in of_database.DATABASE_CHECKS} == {"skipped"}
    assert found["projector"].state == "skipped"


def test_without_redis_the_rest_is_examined(database_url: str) -> None:
    found = by_name(given(database_url, NO_REDIS))
    assert found["redis"].state == "failed"
    assert found["postgresql"].state == found["triggers"].state == "ok"
    assert {found[name].state for name in of_redis.REDIS_CHECKS} == {"skipped"}


def test_a_database_without_tables_is_a_row_for_each_check(empty_database_url: str, redis_url: str) -> None:
    found = by_name(given(empty_database_url, redis_url))
    assert found["migrations"].state == "failed"
    assert "taskledger migrate" in str(found["migrations"].mend)
    assert found["triggers"].state == "failed"


class Told:
    """A Redis that says what a test wants of itself."""

    def __init__(self, **info: Any) -> None:
        self.examined = of_redis.Examined(redis.Redis(), info)


@pytest.mark.parametrize(
    ("check", "info", "state"),
    [
        ("eviction", {"maxmemory_policy": "allkeys-lru"}, "failed"),
        ("eviction", {"maxmemory_policy": "noeviction"}, "ok"),
        ("eviction", {}, "failed"),
        ("persistence", {"aof_enabled": 0}, "warning"),
        ("persistence", {"aof_enabled": 1, "aof_last_write_status": "err"}, "failed"),
        ("persistence", {"aof_enabled": 1, "rdb_last_bgsave_status": "ok"}, "ok"),
        ("redis_memory", {"used_memory": 95, "maxmemory": 100}, "failed"),
        ("redis_memory", {"used_memory": 50, "maxmemory": 100}, "ok"),
        ("redis", {"redis_version": "6.2.1"}, "failed"),
        ("redis", {"redis_version": "7.2.4", "valkey_version": "8.1.0"}, "ok"),
    ],
)
def test_what_redis_says_of_itself(check: str, info: dict[str, Any], state: str) -> None:
    assert Told(**info).examined.checks()[check]().state == state


@pytest.mark.parametrize(("skew_s", "state"), [(0.4, "ok"), (-0.4, "ok"), (7, "warning"), (-7, "warning")])
def test_clocks_that_differ(skew_s: float, state: str) -> None:
    assert clock("clock", skew_s).state == state


def test_a_slower_event_loop_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    assert of_machine.event_loop().state == "ok"
    monkeypatch.setattr(of_machine, "_installed", lambda _: None)
    assert of_machine.event_loop().state == "warning"


def test_the_limit_of_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    for allowed, state in ((256, "warning"), (4096, "ok")):
        monkeypatch.setattr(resource, "getrlimit", lambda _, allowed=allowed: (allowed, allowed))
        assert of_machine.open_files().state == state


def test_memory_that_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    scarce = psutil.virtual_memory()._replace(available=10_000_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: scarce)
    assert of_machine.memory().state == "warning"


def test_packages_that_are_not_those_of_the_lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lock = tmp_path / "run.txt"
    monkeypatch.setattr(of_machine, "LOCK", lock)
    lock.write_text(f"aiohttp=={version_of('aiohttp')} \\\n    --hash=sha256:00\n")
    assert of_machine.packages().state == "ok"
    lock.write_text("aiohttp==0.0.1 \\\n    --hash=sha256:00\n")
    found = of_machine.packages()
    assert found.state == "warning"
    assert "not 0.0.1" in found.detail


def test_a_package_that_is_pinned_for_each_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lock = tmp_path / "run.txt"
    monkeypatch.setattr(of_machine, "LOCK", lock)
    older, newer = "aiohttp=={} ; python_full_version < '3.12'", "aiohttp=={} ; python_full_version >= '3.12'"
    for ours, other in ((older, newer), (newer, older)):
        for lines in ((ours, other), (other, ours)):
            has = {ours: version_of("aiohttp"), other: "0.0.1"}
            lock.write_text("".join(f"{line.format(has[line])} \\\n    --hash=sha256:00\n" for line in lines))
            assert of_machine.packages().state == "ok", lock.read_text()
    lock.write_text(f"{older.format('0.0.1')} \\\n{newer.format('0.0.2')} \\\n")
    assert "not 0.0.1 or 0.0.2" in of_machine.packages().detail


def test_a_patient_shows_no_secret() -> None:
    settings = given("postgresql://me:secret@db", "redis://:secret@r")
    assert "secret@" not in repr(patient_of(settings))


def test_settings_that_production_should_not_have() -> None:
    def state(**more: Any) -> list[str]:
        return [each.state for each in of_machine.settings(given("d", "r", env="production", **more))]

    assert state(public_url="https://tasks.example.com") == ["ok", "ok"]
    assert state() == ["warning", "ok"]
    assert state(public_url="https://tasks.example.com", rate_limits=None) == ["warning", "ok"]
    assert state(public_url="https://tasks.example.com", jwt_secret=b"") == ["ok", "warning"]


async def test_a_port_is_free_or_ours_or_somebody_elses(taskflow: Taskflow) -> None:
    ours = int(taskflow.url.rpartition(":")[2])
    theirs = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with theirs:
        taken = theirs.sockets[0].getsockname()[1]
        wanted = {"--port": ours, "--taskforge-port": taken, "--third": free_port()}
        found = await asyncio.to_thread(lambda: [*ports("127.0.0.1", wanted)])
    assert found[0].detail == "a TaskLedger server answers"
    assert [each.state for each in found] == ["ok", "warning", "ok"]


def test_what_came_to_light_on_the_way_is_told(database_url: str) -> None:
    cause = Finding("ledger", "failed", "no Redis", "start it")
    found = [*examined(Patient(database_url=database_url, found=(cause,)))]
    assert found[0] == cause
    assert {each.check: each.state for each in found}["triggers"] == "ok"
    assert {each.check: each.state for each in found}["master_key"] == "skipped"


async def test_admins_ask_a_server(taskflow: Taskflow) -> None:
    answer = await taskflow.admin.get("/ops/api/doctor")
    assert answer.status == 200, answer.raw
    assert answer.data["is_well"] is True
    assert {each["check"] for each in answer.data["checks"]} >= {"postgresql", "redis", "lag"}


def doctor(*arguments: str, **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "api.cli", "doctor", *arguments],
        capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def named(database_url: str, redis_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "TASKLEDGER_MASTER_KEY": MASTER_KEY.hex(),
        "TASKLEDGER_JWT_SECRET": JWT_SECRET.hex(),
    }


def shape(out: str) -> str:
    """The checks with their states; what they say in detail is the machine's, and of some the state, too."""
    told = json.loads(out)
    states = {each["check"]: each["state"] for each in told["checks"]}
    of_machines = ("packages", "event_loop", "open_files", "memory", "disk", "persistence")
    states |= dict.fromkeys(of_machines, "<machine>")
    return json.dumps({**told, "checks": states})


def test_the_command_on_a_new_ledger(database_url: str, redis_url: str, tmp_path: Path) -> None:
    """Nobody has projected it yet, which is a warning only; the ports are whoever's."""
    ports_ = ("--port", str(free_port()), "--taskforge-port", str(free_port()))
    code, out, err = doctor("--json", "--data", str(tmp_path), *ports_, **named(database_url, redis_url))
    assert code == ExitCode.DONE, out
    assert err == ""
    steady = shape(out)
    for option, name in ((ports_[1], "port_a"), (ports_[3], "port_b")):
        steady = steady.replace(f"port_{option}", name)
    must_be_golden("doctor", steady)


def test_the_command_while_everything_is_broken(tmp_path: Path) -> None:
    code, out, err = doctor("--json", "--data", str(tmp_path), **named(NOWHERE, NO_REDIS))
    assert code == ExitCode.FAILURE
    assert err == ""
    failed = {each["check"] for each in json.loads(out)["checks"] if each["state"] == "failed"}
    assert failed == {"postgresql", "redis"}
    assert all(each["mend"] for each in json.loads(out)["checks"] if each["state"] == "failed")


def test_the_command_where_there_is_no_ledger(tmp_path: Path) -> None:
    code, out, err = doctor("--data", str(tmp_path / "none"), DATABASE_URL="", REDIS_URL="")
    assert code == ExitCode.FAILURE
    assert "there is no ledger in" in out
    assert err == ""
    assert not (tmp_path / "none").exists(), "looking makes nothing"


def test_the_command_with_a_setting_that_makes_no_sense(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    environment = named(database_url, redis_url) | {"TASKLEDGER_APPEND_BATCH_MAX": "many"}
    code, out, err = doctor("--json", "--data", str(tmp_path), **environment)
    told = {each["check"]: each for each in json.loads(out)["checks"]}
    assert code == ExitCode.FAILURE
    assert "TASKLEDGER_APPEND_BATCH_MAX" in told["ledger"]["detail"]
    assert told["triggers"]["state"] == "ok", "the rest is examined"
    assert err == ""


def test_what_is_printed_holds_no_secret(test_servers: Servers, redis_url: str, tmp_path: Path) -> None:
    url = "postgresql://ledger:very-secret@127.0.0.1:1/ledger"
    _, out, err = doctor("--json", "--data", str(tmp_path), **named(url, redis_url))
    for secret in ("very-secret", MASTER_KEY.hex(), JWT_SECRET.hex()):
        assert secret not in out + err
