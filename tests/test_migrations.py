"""Migrations: applied once, in order, by whoever comes first; and what the schema refuses."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from datetime import timedelta
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from events import migrate as migrations
from events.arrays import Array, ArrayDumper
from events.group import parameters
from events.log import Metadata, RawAppend, RawEvent
from events.migrate import FOLDER, MigrationChanged, migrate, pending
from events.store import Append, open_store
from events.tasks import TaskDeleted
from tests.servers import Servers

NAMES = [path.name for path in migrations.files()]
MASTER_KEY = bytes(32)


def execute(database_url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_every_migration_is_applied_in_order_and_once(empty_database_url: str) -> None:
    assert [name[:4] for name in NAMES] == [f"{number:04}" for number in range(1, len(NAMES) + 1)]
    assert pending(empty_database_url) == NAMES
    assert migrate(empty_database_url) == NAMES
    assert migrate(empty_database_url) == []
    assert pending(empty_database_url) == []
    applied = execute(empty_database_url, "select name from schema_migrations order by applied_at")
    assert [name for (name,) in applied] == NAMES


def test_processes_that_migrate_at_once_agree(empty_database_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    pipes: list[Pipe] = []
    processes = []
    for _ in range(3):
        here, there = context.Pipe()
        process = context.Process(target=migrate_elsewhere, args=(empty_database_url, there))
        process.start()
        pipes.append(here)
        processes.append(process)
    applied = [pipe.recv() for pipe in pipes]
    for process in processes:
        process.join(10)
    assert sorted(applied) == [[], [], NAMES]


def migrate_elsewhere(database_url: str, pipe: Pipe) -> None:
    try:
        pipe.send(migrate(database_url))
    except Exception as error:
        pipe.send([repr(error)])
        raise


@pytest.fixture
def own_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations, to be changed."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrations.FOLDER, folder)
    monkeypatch.setattr(migrations, "FOLDER", folder)
    return folder


def test_an_applied_migration_must_not_change(empty_database_url: str, own_migrations: Path) -> None:
    migrate(empty_database_url)
    with (own_migrations / NAMES[1]).open("a") as file:
        file.write("create table afterthought ();")
    for attempt in (migrate, pending):
        with pytest.raises(MigrationChanged, match=rf"{NAMES[1]} was changed .* new migration"):
            attempt(empty_database_url)
    assert execute(empty_database_url, "select to_regclass('afterthought')") == [(None,)]


def test_a_migration_that_fails_leaves_nothing_and_can_be_mended(
    empty_database_url: str, own_migrations: Path
) -> None:
    mended = own_migrations / "9000_mended.sql"
    mended.write_text("create table half_done (); select 1/0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty_database_url)
    assert execute(empty_database_url, "select to_regclass('half_done')") == [(None,)]
    assert pending(empty_database_url) == [mended.name]
    mended.write_text("create table half_done ();")
    assert migrate(empty_database_url) == [mended.name]


def test_an_owner_who_may_not_make_roles_keeps_working(
    test_servers: Servers, empty_database_url: str
) -> None:
    """The cluster has the role from other databases; this owner just may not become it."""
    owner = f"owner_{uuid4().hex[:8]}"
    name = execute(empty_database_url, "select current_database()")[0][0]
    execute(test_servers.postgres, f'create role {owner} login; alter database "{name}" owner to {owner}')
    url = make_conninfo(empty_database_url, user=owner)
    try:
        execute(empty_database_url, "grant all on schema public to " + owner)
        assert migrate(url) == NAMES
        assert migrate(url) == []
        assert role_of_the_store(url) == owner
    finally:
        execute(empty_database_url, f"reassign owned by {owner} to current_user; drop owned by {owner}")
        execute(test_servers.postgres, f'alter database "{name}" owner to current_user; drop role {owner}')


def role_of_the_store(database_url: str) -> str:
    import asyncio

    from events.connections import connect

    async def ask() -> str:
        connection = await connect(database_url, connect_timeout_s=5, call_timeout_s=5)
        async with connection:
            row = await (await connection.execute("select current_user")).fetchone()
            assert row is not None
            return str(row[0])

    return asyncio.run(ask())


def test_the_application_works_as_a_role_that_only_adds(database_url: str) -> None:
    assert role_of_the_store(database_url) == "taskledger_app"
    rights = execute(
        database_url,
        "select string_agg(privilege_type, ',' order by privilege_type) "
        "from information_schema.role_table_grants "
        "where grantee = 'taskledger_app' and table_name = 'stored_events'",
    )
    assert rights == [("INSERT,SELECT",)]


@pytest.fixture
async def with_an_event(database_url: str) -> str:
    who = Metadata(7, "admin", "taskflow", "req_1", "cause", "DeleteTask", "10.0.0.1", "curl/8")
    async with open_store(database_url, MASTER_KEY) as store:
        await store.append(Append("c", ((TaskDeleted(5), 1),), metadata=who))
    return database_url


def test_whoever_does_not_know_of_moments_keeps_appending(database_url: str) -> None:
    """Servers of the version before run on for a moment while the schema is already the new one."""
    before = (FOLDER.parent / "sql" / "append_group.sql").read_text()
    before = before.replace(", %(asked_moments)s::timestamptz[]", "")
    assert "asked" not in before
    event = RawEvent("task-1", 1, "task.deleted", b'{"task_id":1}', "00000000-0000-4000-8000-000000000001")
    values = parameters([RawAppend("c", (event,))])
    with psycopg.connect(database_url) as connection:
        connection.adapters.register_dumper(Array, ArrayDumper)
        row = connection.execute(before.encode(), values).fetchone()
        moment = connection.execute("select recorded_at, now() - recorded_at from stored_events").fetchone()
    assert row is not None
    assert moment is not None
    assert row == ("appended", 1, moment[0])
    assert abs(moment[1]) < timedelta(minutes=1)


CHANGES = {
    "update": "update stored_events set topic = 'rewritten'",
    "update of nothing": "update stored_events set topic = 'rewritten' where false",
    "delete": "delete from stored_events",
    "truncate": "truncate stored_events",
    "merge": "merge into stored_events s using (select 1) x on true when matched then delete",
    "upsert": "insert into stored_events select * from stored_events "
    "on conflict (notification_id) do update set topic = 'rewritten'",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("before", ["", "set session_replication_role = replica; "])
def test_not_even_the_owner_changes_what_happened(with_an_event: str, change: str, before: str) -> None:
    with pytest.raises(psycopg.errors.RestrictViolation, match="takes new events only"):
        execute(with_an_event, before + change)
    assert execute(with_an_event, "select topic from stored_events") == [("task.deleted",)]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_the_application_has_no_right_to_try(with_an_event: str, change: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        execute(with_an_event, "set role taskledger_app; " + change)


def test_operators_read_everything_in_one_view(with_an_event: str) -> None:
    with psycopg.connect(with_an_event) as connection, connection.cursor() as cursor:
        cursor.execute("select * from events")
        columns = [column.name for column in cursor.description or ()]
        [row] = cursor.fetchall()
    shown = dict(zip(columns, row, strict=True))
    assert shown.pop("event_id")
    assert shown.pop("recorded_at")
    assert shown == {
        "position": 1,
        "stream": "task-5",
        "category": "task",
        "version": 1,
        "type": "task.deleted",
        "schema_version": 1,
        "data": {"task_id": 5},
        "actor_id": 7,
        "actor_role": "admin",
        "dialect": "taskflow",
        "request_id": "req_1",
        "causation_id": "cause",
        "command": "DeleteTask",
        "address": "10.0.0.1",
        "user_agent": "curl/8",
    }


def test_the_view_shows_other_versions_and_survives_what_is_no_json(database_url: str) -> None:
    states = [json.dumps({"grams": 1, "class_version": 3}).encode(), b"\xff no json", b'"\\u0000"']
    with psycopg.connect(database_url, autocommit=True) as connection:
        for version, state in enumerate(states, 1):
            connection.execute(
                "insert into stored_events (originator_id, originator_version, topic, state, "
                "notification_id) values ('scales', %s, 'weighed', %s, %s)",
                (version, state, version),
            )
        shown = connection.execute("select schema_version, data from events order by position").fetchall()
        assert shown == [(3, {"grams": 1}), (1, None), (1, None)]
        assert connection.execute("select position from events where data->>'grams' = '1'").fetchall() == [
            (1,)
        ]


def test_text_ids_sort_by_bytes(database_url: str) -> None:
    """A collation of the system's could change under an index with the system's next update."""
    collation = execute(
        database_url,
        "select collname from pg_attribute a join pg_collation c on c.oid = a.attcollation "
        "where attrelid = 'stored_events'::regclass and attname = 'originator_id'",
    )
    assert collation == [("C",)]
