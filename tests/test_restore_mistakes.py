"""What may be wrong around a backup or a restore: keys, erasures, extensions, schemas, whoever still runs."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from pathlib import Path

import psycopg
import pytest

from api.data_folder import DataFolder
from api.embedded import has_own_key
from api.exits import CannotRun, InConflict
from api.opening import ledger_at, must_have_its_key
from api.operators.drafts import Draft
from readmodels.keys import PROCESSES
from tests.folding import client
from tests.http import Taskflow, served, taskflow_running
from tests.test_backup import backed_up, restored, rows, settings_for


async def test_a_backup_with_another_master_key_is_refused(taskflow: Taskflow, tmp_path: Path) -> None:
    wrong = dataclasses.replace(taskflow.core.settings, master_key=bytes(32))
    with pytest.raises(CannotRun, match="master key is not the one of this ledger"):
        await backed_up(wrong, tmp_path / "backup")
    assert not await asyncio.to_thread(lambda: [*tmp_path.iterdir()])


async def test_no_key_is_made_for_a_ledger_that_has_people(taskflow: Taskflow, tmp_path: Path) -> None:
    folder, given = DataFolder(tmp_path / "data"), {"DATABASE_URL": taskflow.core.settings.database_url}
    with pytest.raises(CannotRun, match="there is no master key for the ledger"):
        await asyncio.to_thread(must_have_its_key, folder, given)
    with pytest.raises(CannotRun, match="there is no master key for the ledger"):
        await asyncio.to_thread(ledger_at, folder.path, given)
    assert not await asyncio.to_thread(folder.path.exists)
    assert has_own_key({})
    assert not has_own_key({"TASKLEDGER_MASTER_KEY": "ee" * 32})


async def test_who_is_erased_by_a_restore_is_deleted_and_frees_the_names(
    database_url: str, redis_url: str, tmp_path: Path, logs: None
) -> None:
    settings = settings_for(database_url, redis_url)
    async with taskflow_running(database_url, redis_url) as taskflow:
        await taskflow.user("ana")
        await backed_up(settings, tmp_path / "backup")
    with pytest.raises(CannotRun, match="the backup has no user 99"):
        await restored(settings, tmp_path / "backup", is_replacing=True, erased=(99,))
    done = await restored(settings, tmp_path / "backup", is_replacing=True, is_latest=True, erased=(2,))
    assert (done.people_erased, done.people_not_deleted) == ((2,), ())
    for table in ("credentials", "sessions", "known_places", "user_keys"):
        found = await asyncio.to_thread(rows, database_url, f"select 1 from {table} where user_id = 2")
        assert found == [], table
    async with served(settings) as taskflow:
        users = (await taskflow.admin.get("/api/users")).data["users"]
        assert [each["username"] for each in users] == ["admin"]
        assert await taskflow.user("ana") > 2, "the name is free"


async def test_lost_keys_erase_nobody(database_url: str, redis_url: str, tmp_path: Path, logs: None) -> None:
    settings = settings_for(database_url, redis_url)
    async with taskflow_running(database_url, redis_url) as taskflow:
        await taskflow.user("ana")
        await backed_up(settings, tmp_path / "backup")
    await asyncio.to_thread(rows, database_url, "delete from user_keys")
    with pytest.raises(InConflict, match=r"never deleted \(1, 2\)"):
        await restored(settings, tmp_path / "backup", is_replacing=True)
    done = await restored(settings, tmp_path / "backup", is_replacing=True, keeps_people=True)
    assert (done.people_without_key, done.people_erased) == (0, ())


async def test_nothing_is_taken_from_under_processes_that_run(
    database_url: str, empty_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    settings = settings_for(database_url, redis_url)
    await backed_up(settings, tmp_path / "backup")
    other = dataclasses.replace(settings, database_url=empty_database_url)
    async with client(redis_url) as redis:
        await redis.zadd(PROCESSES, {"tl:process:server:x:1": time.time()})
        with pytest.raises(InConflict, match="1 processes of a ledger use this Redis"):
            await restored(other, tmp_path / "backup")
        await redis.zadd(PROCESSES, {"tl:process:server:x:1": time.time() - 60})
    with pytest.raises(CannotRun, match="Redis takes no writes"):
        await restored(dataclasses.replace(other, redis_url="redis://127.0.0.1:1"), tmp_path / "backup")
    assert (
        await asyncio.to_thread(
            rows, empty_database_url, "select 1 from pg_tables where schemaname = 'public'"
        )
        == []
    )
    assert (await restored(other, tmp_path / "backup")).position == 0


async def test_extensions_and_other_schemas_are_left_alone(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """As where an administrator made an extension in each database before anybody used it."""
    settings = settings_for(database_url, redis_url)
    extend = "create extension if not exists pg_stat_statements"
    try:
        await asyncio.to_thread(rows, database_url, extend)
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("this PostgreSQL comes without the extension")
    await asyncio.to_thread(rows, database_url, "create schema theirs create table secret (a int)")
    made = await backed_up(settings, tmp_path / "backup")
    assert "pg_stat_statements" not in made.backup.rows
    await restored(settings, tmp_path / "backup", is_replacing=True)
    assert await asyncio.to_thread(rows, database_url, "select count(*) from theirs.secret") == [(0,)]
    kept = "select count(*) from pg_extension where extname = 'pg_stat_statements'"
    assert await asyncio.to_thread(rows, database_url, kept) == [(1,)]


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    (tmp_path / ".backup.abcdefgh.draft").mkdir()
    (tmp_path / ".backup.mine").mkdir()
    first = Draft(tmp_path / "backup")
    second = Draft(tmp_path / "backup")
    assert {each.name for each in tmp_path.iterdir()} == {".backup.mine", first.path.name, second.path.name}
    for each in (first, second):
        each.remove()
    assert [each.name for each in tmp_path.iterdir()] == [".backup.mine"]
