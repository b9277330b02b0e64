"""One key, one effect, one answer: at once, later, on another process, and after a crash."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import orjson
import pytest
from psycopg.rows import TupleRow

from api.database import Database
from api.idempotency import Repetitions
from events.errors import OutcomeUnknown, Unavailable
from tests.http import Client, Reply, Taskflow
from tests.test_http_auth import in_database
from tests.test_http_envelope import check_error

NEW = {"name": "Only once", "budget": 12.5}


async def keyed(client: Client, key: str, path: str = "/api/projects", body: object = NEW) -> Reply:
    return await client.post(path, body, headers={"Idempotency-Key": key})


async def projects(taskflow: Taskflow) -> int:
    return int((await taskflow.admin.get("/api/projects")).body["pagination"]["total"])


def is_repeated(answer: Reply) -> bool:
    return answer.headers.get("Idempotency-Replayed") == "true"


async def test_the_same_key_answers_the_first_answer_again(taskflow: Taskflow) -> None:
    first = await keyed(taskflow.admin, "a-key")
    again = await keyed(taskflow.admin, "a-key")
    assert (first.status, is_repeated(first)) == (201, False)
    assert (again.status, is_repeated(again)) == (201, True)
    assert again.raw == first.raw
    for name in ("ETag", "X-Event-Position", "Content-Type"):
        assert again.headers[name] == first.headers[name]
    assert await projects(taskflow) == 1
    # Without the key the same request is another one.
    assert (await taskflow.admin.post("/api/projects", NEW)).status == 201
    assert await projects(taskflow) == 2


async def test_another_body_is_422(taskflow: Taskflow) -> None:
    await keyed(taskflow.admin, "a-key")
    answer = await keyed(taskflow.admin, "a-key", body={"name": "Another"})
    assert answer.status == 422
    assert set(answer.errors) == {"Idempotency-Key"}
    assert await projects(taskflow) == 1


async def test_a_key_belongs_to_user_method_and_path(taskflow: Taskflow) -> None:
    await taskflow.user("ana", "manager")
    ana = await taskflow.signed_in("ana")
    assert (await keyed(taskflow.admin, "a-key")).status == 201
    mine = await keyed(ana, "a-key")
    assert (mine.status, is_repeated(mine)) == (201, False)
    elsewhere = await keyed(taskflow.admin, "a-key", "/api/departments", {"name": "Sales"})
    assert (elsewhere.status, is_repeated(elsewhere)) == (201, False)


async def test_keys_are_1_to_255_visible_characters(taskflow: Taskflow) -> None:
    assert (await keyed(taskflow.admin, "~" * 255)).status == 201
    for key in ("", "x" * 256, "with space", "tab\there", "ünïcödé"):
        check_error(await keyed(taskflow.admin, key), 400, "BAD_REQUEST")
    assert await projects(taskflow) == 1


async def test_refusals_by_the_rules_are_repeated_too(taskflow: Taskflow) -> None:
    await taskflow.user("ana")
    ana = await taskflow.signed_in("ana")
    for path, body, status in (
        ("/api/projects", {"name": ""}, 422),
        ("/api/projects/99/tasks", {"title": "T"}, 404),
    ):
        first = await keyed(taskflow.admin, f"key-{status}", path, body)
        again = await keyed(taskflow.admin, f"key-{status}", path, body)
        assert (first.status, is_repeated(first)) == (status, False)
        assert (again.status, is_repeated(again), again.raw) == (status, True, first.raw)
    first, again = await keyed(ana, "key-403"), await keyed(ana, "key-403")
    check_error(first, 403, "PERMISSION_DENIED")
    assert (again.status, is_repeated(again), again.raw) == (403, True, first.raw)


async def test_nothing_is_kept_of_what_may_go_better_next_time(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = await taskflow.anybody()
    check_error(await keyed(nobody, "a-key"), 401, "AUTH_REQUIRED")
    with monkeypatch.context() as patch:

        async def away(*_: object) -> None:
            raise Unavailable("the database is away")

        patch.setattr(taskflow.core.store, "append", away)
        check_error(await keyed(taskflow.admin, "a-key"), 503, "UNAVAILABLE")
    answer = await keyed(taskflow.admin, "a-key")
    assert (answer.status, is_repeated(answer)) == (201, False)
    assert await projects(taskflow) == 1


async def test_fifty_at_once_on_two_servers_have_one_effect_and_equal_answers(taskflow: Taskflow) -> None:
    other = await taskflow.twin()
    await other.admin.sign_in()
    clients = [taskflow.admin, other.admin]
    answers = await asyncio.gather(*(keyed(clients[turn % 2], "a-key") for turn in range(50)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.raw for answer in answers}) == 1
    assert sum(not is_repeated(answer) for answer in answers) == 1
    assert await projects(taskflow) == 1


async def test_answers_of_many_are_kept_in_few_commits(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = list[int]()
    changed = Database.changed

    async def counted(database: Database, query: str, **values: Any) -> list[TupleRow]:
        if query == "keep_answers":
            kept.append(len(values["command_ids"]))
            await asyncio.sleep(0.05)
        return await changed(database, query, **values)

    monkeypatch.setattr(Database, "changed", counted)
    first = await asyncio.gather(*(keyed(taskflow.admin, f"key-{number}") for number in range(40)))
    assert sum(kept) == 40
    assert len(kept) <= 10
    again = await asyncio.gather(*(keyed(taskflow.admin, f"key-{number}") for number in range(40)))
    assert [answer.raw for answer in again] == [answer.raw for answer in first]


async def test_one_answer_that_cannot_be_kept_keeps_nobody_elses_from_being_kept(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse = "check (body is null or position('Poison' in convert_from(body, 'UTF8')) = 0)"
    await in_database(taskflow, f"alter table commands add constraint no_poison {refuse}")
    sizes = list[int]()
    changed = Database.changed

    async def slowly(database: Database, query: str, **values: Any) -> list[TupleRow]:
        sizes.append(len(values["command_ids"]))
        await asyncio.sleep(0.05)
        return await changed(database, query, **values)

    monkeypatch.setattr(Database, "changed", slowly)
    names = ["Poison" if number == 7 else f"Fine-{number}" for number in range(20)]
    answers = await asyncio.gather(
        *(keyed(taskflow.admin, f"key-of-{name}", body={"name": name}) for name in names)
    )
    assert max(sizes) > 10
    assert [answer.status for answer in answers] == [503 if name == "Poison" else 201 for name in names]
    assert await projects(taskflow) == 20


async def test_a_conflict_with_ones_own_first_try_is_no_answer(taskflow: Taskflow) -> None:
    """On another server the name is taken already: by the very request that is being repeated."""
    other = await taskflow.twin()
    await other.admin.sign_in()
    clients = [taskflow.admin, other.admin]
    new = {"name": "Sales"}
    answers = await asyncio.gather(
        *(keyed(clients[turn % 2], "a-key", "/api/departments", new) for turn in range(20))
    )
    assert {answer.status for answer in answers} == {201}
    assert len({answer.raw for answer in answers}) == 1


async def test_a_refusal_on_another_server_in_the_same_moment_is_the_answer(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the name was still taken; here it is free by now, but the key is used up."""
    other = await taskflow.twin()
    await other.admin.sign_in()
    append = taskflow.core.store.append
    new = {"name": "Sales"}
    refused: list[Reply] = []

    async def after_the_other(*arguments: object) -> object:
        monkeypatch.undo()
        await taskflow.admin.made("/api/departments", new)
        refused.append(await keyed(other.admin, "a-key", "/api/departments", new))
        await taskflow.admin.put("/api/departments/2", {"name": "Marketing"})
        return await append(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(taskflow.core.store, "append", after_the_other)
    answer = await keyed(taskflow.admin, "a-key", "/api/departments", new)
    assert (answer.status, is_repeated(answer)) == (422, True)
    assert [answer.raw] == [each.raw for each in refused]


async def test_others_wait_for_the_first_and_then_are_told_to_ask_again(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    repetitions = Repetitions(taskflow.core.database, wait_s=0.3)
    object.__setattr__(taskflow.core, "repetitions", repetitions)
    append = taskflow.core.store.append
    reached, proceed = asyncio.Event(), asyncio.Event()

    async def slowly(*arguments: object) -> object:
        reached.set()
        await proceed.wait()
        return await append(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(taskflow.core.store, "append", slowly)
    first = asyncio.create_task(keyed(taskflow.admin, "a-key"))
    await reached.wait()
    other_body = await keyed(taskflow.admin, "a-key", body={"name": "Another"})
    assert other_body.status == 422
    waiting = await keyed(taskflow.admin, "a-key")
    check_error(waiting, 409, "CONFLICT")
    assert waiting.headers["Retry-After"] == "1"
    proceed.set()
    again = await keyed(taskflow.admin, "a-key")
    assert again.raw == (await first).raw
    assert is_repeated(again)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/projects", NEW, 201),
        ("/api/projects/1/tasks", {"title": "T", "assigned_to": [1], "actual_hours": 1}, 201),
        ("/api/tasks/1/assign", {"user_ids": [1], "estimated_hours": 3}, 200),
        ("/api/departments", {"name": "Sales"}, 201),
        ("/api/users", {"username": "bob", "email": "bobby@example.com", "password": "bobs password"}, 201),
    ],
)
async def test_after_a_crash_between_commit_and_answer_the_answer_is_made_again(
    taskflow: Taskflow, path: str, body: dict[str, object], status: int
) -> None:
    await taskflow.admin.made("/api/projects", {"name": "First"})
    await taskflow.admin.made("/api/projects/1/tasks", {"title": "First"})
    first = await keyed(taskflow.admin, "a-key", path, body)
    assert first.status == status, first.raw
    head = await taskflow.core.store.head()
    forget = "update commands set status = null, headers = null, body = null,"
    forget += " created_at = created_at - interval '1 minute'"
    await in_database(taskflow, forget)
    again = await keyed(taskflow.admin, "a-key", path, body)
    assert (again.status, again.data) == (status, first.data)
    assert again.headers["X-Event-Position"] == first.headers["X-Event-Position"]
    assert await taskflow.core.store.head() == head
    # From now on this is the answer.
    third = await keyed(taskflow.admin, "a-key", path, body)
    assert (third.raw, is_repeated(third)) == (again.raw, True)


async def test_no_answer_is_made_again_to_what_a_failover_might_take_back(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command can be seen in the log, but the synchronous standby may never have heard of it."""
    first = await keyed(taskflow.admin, "a-key", "/api/projects", {"name": "First"})
    forget = "update commands set status = null, headers = null, body = null,"
    await in_database(taskflow, f"{forget} created_at = created_at - interval '1 minute'")

    async def nobody_can_tell(_command_id: str) -> None:
        raise OutcomeUnknown("the standby does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(taskflow.core.store.log, "outcome", nobody_can_tell)
        again = await keyed(taskflow.admin, "a-key", "/api/projects", {"name": "First"})
        assert (again.status, again.headers["Retry-After"]) == (503, "1")
    again = await keyed(taskflow.admin, "a-key", "/api/projects", {"name": "First"})
    assert (again.status, again.data) == (201, first.data)


async def test_who_cannot_look_up_what_was_kept_is_not_told_that_nothing_was_done(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks while the answer is kept: it is, the next try finds it so, and asks in vain."""
    changed, row = Database.changed, Database.row
    tries = 0

    async def is_cut_off(database: Database, query: str, **values: Any) -> list[TupleRow]:
        nonlocal tries
        tries += 1
        kept = await changed(database, query, **values)
        if tries == 1:
            raise OutcomeUnknown("the connection broke")
        return kept

    async def is_away(database: Database, query: str, **values: Any) -> TupleRow | None:
        if query == "find_answer" and tries:
            raise Unavailable("the database cannot be reached")
        return await row(database, query, **values)

    with monkeypatch.context() as patched:
        patched.setattr(Database, "changed", is_cut_off)
        patched.setattr(Database, "row", is_away)
        answer = await keyed(taskflow.admin, "a-key")
    check_error(answer, 503, "UNAVAILABLE")
    assert answer.body["message"].endswith("the same request with the same Idempotency-Key tells")
    assert tries == 2
    again = await keyed(taskflow.admin, "a-key")
    assert (again.status, is_repeated(again)) == (201, True)
    assert await projects(taskflow) == 1


async def test_a_request_that_changes_nothing_is_repeated_too(taskflow: Taskflow) -> None:
    await taskflow.admin.made("/api/projects", {"name": "First"})
    await taskflow.admin.made("/api/projects/1/tasks", {"title": "First", "assigned_to": [1]})
    first = await keyed(taskflow.admin, "a-key", "/api/tasks/1/assign", {"user_ids": [1]})
    await taskflow.admin.post("/api/tasks/1/assign", {"user_ids": []})
    again = await keyed(taskflow.admin, "a-key", "/api/tasks/1/assign", {"user_ids": [1]})
    assert (first.status, again.raw, is_repeated(again)) == (200, first.raw, True)
    assert (await taskflow.admin.get("/api/tasks/1")).data["task"]["assignees"] == []


async def test_authentication_ignores_keys(taskflow: Taskflow) -> None:
    client = await taskflow.anybody()
    credentials = {"username": "admin", "password": "admin123"}
    first = await keyed(client, "a-key", "/api/auth/login", credentials)
    again = await keyed(client, "a-key", "/api/auth/login", credentials)
    assert (first.status, again.status, is_repeated(again)) == (200, 200, False)
    assert first.headers["Set-Cookie"] != again.headers["Set-Cookie"]


async def test_no_password_can_be_guessed_from_what_is_kept(taskflow: Taskflow) -> None:
    new = {"username": "bob", "email": "bobby@example.com", "password": "bobs password"}
    await keyed(taskflow.admin, "a-key", "/api/users", new)
    ((kept,),) = await in_database(
        taskflow,
        "select string_agg(commands::text || convert_from(body, 'UTF8'), '') from commands where status > 0",
    )
    assert "bobby" in kept
    assert "bobs password" not in kept
    assert hashlib.sha256(orjson.dumps(new)).hexdigest() not in kept
