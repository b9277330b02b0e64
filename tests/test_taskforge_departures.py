"""What happens in the very moment in which somebody is deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from commands.context import SYSTEM
from commands.users import ChangeUser
from events.instants import now
from events.log import Appended, Metadata
from events.store import Append
from tests.http import Taskflow, caught_up
from tests.test_taskforge_tags import check_confirmed, check_refused, somebody
from tests.test_taskforge_users import OWNS, of

Intruder = Callable[[], Awaitable[object]]


def before_next_append(taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch, intruder: Intruder) -> None:
    """Let somebody in between a decision and its way into the log, once."""
    store = taskflow.core.store
    append = store.append

    async def intruded(wanted: Append) -> Appended:
        monkeypatch.setattr(store, "append", append)
        await intruder()
        return await append(wanted)

    monkeypatch.setattr(store, "append", intruded)


async def told(taskflow: Taskflow, stream: str) -> list[Any]:
    return await taskflow.core.store.read_stream(stream)


async def test_a_project_given_to_whoever_is_being_deleted_becomes_the_admins(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, mia = await taskflow.forge_admin(), await somebody(taskflow, "mia", "manager")
    for name in ("P", "Q", "R"):
        await taskflow.admin.made("/api/projects", {"name": name})

    async def given() -> None:
        for number in (1, 2):
            assert (await taskflow.admin.put(f"/api/projects/{number}", {"owner_id": mia.id})).status == 200
        assert (await taskflow.admin.put("/api/projects/2", {"status": "completed"})).status == 200

    before_next_append(taskflow, monkeypatch, given)
    deleted = await admin.delete(of(mia))
    check_confirmed(deleted, "User deleted successfully")
    for number in (1, 2):
        project = (await taskflow.admin.get(f"/api/projects/{number}")).data["project"]
        assert project["owner"]["username"] == "admin"
        last = (await told(taskflow, f"project-{number}"))[-1]
        assert (last.event.TOPIC, last.actor_id, last.dialect) == ("project.owner_changed", 1, "taskforge")
        assert last.request_id == (await told(taskflow, f"user-{mia.id}"))[-1].request_id
    assert int(deleted.headers["X-Event-Position"]) == await taskflow.core.store.head()
    assert [record.event.TOPIC for record in await told(taskflow, "project-3")] == ["project.created"]


async def test_a_project_that_cannot_be_handed_over_keeps_nobody_from_being_deleted(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The admin who deletes is locked out in the same moment, so the project cannot be theirs."""
    admin, mia = await taskflow.forge_admin(), await somebody(taskflow, "mia", "manager")
    ada = await somebody(taskflow, "ada", "admin")
    await taskflow.admin.made("/api/projects", {"name": "P"})

    async def given() -> None:
        assert (await taskflow.admin.put("/api/projects/1", {"owner_id": mia.id})).status == 200
        locked_out = ChangeUser(user_id=ada.id, active=False)
        await taskflow.core.dispatcher.dispatch(locked_out, SYSTEM, Metadata(), now=now())

    before_next_append(taskflow, monkeypatch, given)
    check_confirmed(await ada.delete(of(mia)), "User deleted successfully")
    assert "project_lacks_an_owner" in caplog.text
    check_refused(await admin.get(of(mia)), 404, "User not found")
    assert (await taskflow.admin.get("/api/projects/1")).data["project"]["owner"] is None


async def test_when_the_read_model_falls_behind_the_deletion_stands_and_operators_are_told(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    admin, mia = await taskflow.forge_admin(), await somebody(taskflow, "mia", "manager")
    before_next_append(taskflow, monkeypatch, taskflow.stop_projector)
    object.__setattr__(taskflow.core.settings, "caught_up_timeout_s", 0.2)
    answer = await admin.delete(of(mia))
    check_confirmed(answer, "User deleted successfully")
    assert answer.headers["X-Read-Model"] == "behind"
    assert "projects_may_lack_an_owner" in caplog.text
    assert (await mia.get("/api/tasks")).status == 404


async def test_who_owned_projects_before_is_not_deleted(taskflow: Taskflow) -> None:
    admin, mia = await taskflow.forge_admin(), await somebody(taskflow, "mia", "manager")
    await taskflow.admin.made("/api/projects", {"name": "P", "owner_id": mia.id})
    check_refused(await admin.delete(of(mia)), 409, OWNS)
    assert (await taskflow.admin.get("/api/projects/1")).data["project"]["owner"]["username"] == "mia"


@pytest.mark.parametrize("end", ["deleted", "deactivated"])
async def test_who_goes_while_making_a_task_has_no_account(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    admin, uma = await taskflow.forge_admin(), await taskflow.forge_user("uma")

    async def gone() -> object:
        return await (admin.delete(of(uma)) if end == "deleted" else admin.post(of(uma, "/deactivate")))

    before_next_append(taskflow, monkeypatch, gone)
    refused = await uma.post("/api/tasks", {"title": "Late"})
    check_refused(refused, 404, "User account not found or inactive")
    await caught_up(taskflow.core)
    assert (await admin.get("/api/tasks")).data["pagination"]["total"] == 0
