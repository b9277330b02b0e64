"""The read models over HTTP, for admins: rebuilt by the projector, verified, paused, rolled back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from api.operators import rebuilding
from api.operators.instruments import instruments_of
from commands.context import SYSTEM
from commands.errors import Invalid
from events.errors import Unavailable
from events.log import Metadata
from events.operations import GenerationSwitched, RebuildStarted
from projections.comparing import Comparison
from projections.rebuilds import Wish
from readmodels.connecting import call, connect
from readmodels.documents import Ref
from readmodels.keys import Keys
from tests.http import Client, Taskflow, caught_up

URL = "/ops/api/projections"
WHY = {"reason": "to see"}


async def status(admin: Client) -> dict[str, Any]:
    answer = await admin.get(URL)
    assert answer.status == 200, answer.raw
    found: dict[str, Any] = answer.data["projections"]
    return found


async def finished(admin: Client) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            rebuild = (await status(admin))["rebuild"]
            if rebuild["state"] not in ("requested", "running"):
                return dict(rebuild)
            await asyncio.sleep(0.05)


async def test_the_projector_rebuilds_and_readers_follow_and_go_back(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    await admin.made("/api/projects", {"name": "Bridge"})
    before = taskflow.core.announcements.generation
    asked = await admin.post(f"{URL}/rebuild", WHY)
    assert (asked.status, asked.data["rebuild"]["state"]) == (202, "requested")
    number = asked.data["rebuild"]["generation"]
    done = await finished(admin)
    assert (done["state"], done["generation"], done["report"]["differences"]) == ("done", number, 0)
    assert (done["asked_by"], done["reason"], done["runs_in"]) == (1, "to see", "projector")

    async with asyncio.timeout(2):
        while taskflow.core.announcements.generation != number:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert (await admin.get("/api/projects/1")).data["project"]["name"] == "Bridge"
    assert (await admin.put("/api/projects/1", {"name": "Dam"})).status == 200
    back = await admin.post(f"{URL}/rollback", WHY)
    assert back.data["rollback"] == {"from_generation": number, "to_generation": before}
    async with asyncio.timeout(2):
        while taskflow.core.announcements.generation != before:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert (await admin.get("/api/projects/1")).data["project"]["name"] == "Dam"

    operations = [record.event for record in await taskflow.core.store.read_stream("operations")]
    assert operations[:2] == [
        RebuildStarted(number, "to see"),
        GenerationSwitched(before, number, "to see"),
    ]


async def test_a_rebuild_that_fails_says_so_and_the_projector_feeds_on(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def mistaken(_: Comparison) -> None:
        raise KeyError("mistake")

    admin = taskflow.admin
    with monkeypatch.context() as patched:
        patched.setattr(Comparison, "run", mistaken)
        asked = (await admin.post(f"{URL}/rebuild", WHY)).data["rebuild"]
        failed = await finished(admin)
    assert (failed["state"], failed["error"]) == ("failed", "KeyError: 'mistake'")
    assert (await admin.post(f"{URL}/cancel", WHY)).status == 404
    await admin.made("/api/projects", {"name": "Meanwhile"})
    await caught_up(taskflow.core)
    assert (await admin.get("/api/projects/1")).status == 200
    assert (await admin.post(f"{URL}/rebuild", WHY)).data["rebuild"]["id"] != asked["id"]
    assert (await finished(admin))["state"] == "done"


async def test_going_on_with_a_rebuild_shows_the_last_reason(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    first = (await admin.post(f"{URL}/rebuild", WHY | {"switch_if": "never"})).data["rebuild"]
    assert (await finished(admin))["state"] == "kept"
    user_id = await taskflow.user("mia", "admin")
    again = await (await taskflow.signed_in("mia")).post(f"{URL}/rebuild", {"reason": " it is equal "})
    done = await finished(admin)
    assert (done["id"], done["state"]) == (first["id"], "done")
    assert (done["asked_by"], done["reason"]) == (user_id, "it is equal")
    assert (again.data["rebuild"]["asked_by"], again.data["rebuild"]["reason"]) == (user_id, "it is equal")


async def test_verifying_names_what_is_wrong(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    await admin.made("/api/projects", {"name": "Bridge"})
    await caught_up(taskflow.core)
    found = (await admin.post(f"{URL}/verify", WHY | {"documents": 100})).data["verification"]
    assert (found["differences"], found["keys"]) == (0, 3)
    keys = Keys(taskflow.core.announcements.generation)
    await call(taskflow.core.redis, "ZREM", keys.index("project:status:active"), "a1")
    found = (await admin.post(f"{URL}/verify", WHY)).data["verification"]
    assert found["listed"] == [
        {"what": "index", "name": "project:status:active", "field": "1", "live": None, "rebuilt": "1"}
    ]
    assert (await admin.post(f"{URL}/verify", WHY | {"all": True})).status == 202
    done = await finished(admin)
    assert done["state"] == "done"
    assert [each["name"] for each in done["report"]["listed"]] == ["project:status:active"]
    living = (await status(admin))["generations"]
    assert [each["generation"] for each in living] == [taskflow.core.announcements.generation]


async def test_paused_it_is_told_by_status_and_readyz(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    paused = await admin.post(f"{URL}/pause", WHY)
    assert paused.data["paused"]["reason"] == "to see"
    assert (await admin.post(f"{URL}/pause", WHY)).status == 409
    assert (await status(admin))["paused"]["by"] == 1
    ready = await admin.get("/readyz")
    assert ready.status == 503
    assert b"paused" in ready.raw
    await asyncio.sleep(1)
    answer = await admin.post("/api/projects", {"name": "Meanwhile"})
    assert (answer.status, answer.headers.get("X-Read-Model")) == (201, "behind")
    assert (await admin.post(f"{URL}/resume", WHY)).data["paused"] is None
    await caught_up(taskflow.core)
    assert (await admin.get("/api/projects/1")).status == 200
    assert (await admin.post(f"{URL}/resume", WHY)).status == 409


async def test_what_was_recorded_is_not_denied(taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database goes away between the event and the look at what came of it."""

    async def away(_: object) -> None:
        raise Unavailable("gone")

    with monkeypatch.context() as patched:
        patched.setattr("api.ops.projections.projections.paused", away)
        answer = await taskflow.admin.post(f"{URL}/pause", WHY)
        assert answer.status == 503
        assert "It may have been done" in answer.body["message"]
        patched.setattr("api.operators.instruments.Instruments.record", lambda *_: away(None))
        answer = await taskflow.admin.post(f"{URL}/resume", WHY)
        assert answer.status == 503
        assert "may have been done" not in answer.body["message"]
    assert (await status(taskflow.admin))["paused"]["reason"] == "to see"
    assert (await taskflow.admin.post(f"{URL}/resume", WHY)).status == 200


@pytest.mark.parametrize("path", ["rebuild", "verify", "cancel", "rollback", "pause", "resume"])
async def test_only_admins_and_only_with_a_reason(taskflow: Taskflow, path: str) -> None:
    await taskflow.user("mia", "manager")
    manager, nobody = await taskflow.signed_in("mia"), await taskflow.anybody()
    hostile: dict[str, object] = {"reason": "x", "documents": 0, "switch_if": "perhaps"}
    for body in (WHY, {}, {"reason": " "}, hostile):
        assert (await nobody.post(f"{URL}/{path}", body)).status == 401
        assert (await manager.post(f"{URL}/{path}", body)).status == 403
    bodies: list[dict[str, object]] = [{}, {"reason": " "}, {"reason": "x" * 501}, {"reason": 7}]
    for wrong in bodies:
        assert (await taskflow.admin.post(f"{URL}/{path}", wrong)).status == 422
    assert (await status(taskflow.admin))["rebuild"] is None
    assert (await status(taskflow.admin))["paused"] is None


async def test_what_cannot_be_done_is_refused(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    assert (await admin.post(f"{URL}/cancel", WHY)).status == 404
    refused = await admin.post(f"{URL}/rollback", WHY)
    assert refused.status == 409
    assert "rebuild" in refused.body["message"]
    assert (await admin.post(f"{URL}/rebuild", WHY | {"switch_if": "perhaps"})).status == 422


async def test_a_rebuild_that_is_refused_leaves_no_generation_behind(taskflow: Taskflow) -> None:
    tools = instruments_of(taskflow.core, SYSTEM, Metadata(dialect="cli"))
    wish = Wish(purpose="rebuild", runs_in="command", switch_if="never")
    before = (await status(taskflow.admin))["generations"]
    for reason in ("", " ", "x" * 501):
        with pytest.raises(Invalid):
            await rebuilding.ask(tools, wish, reason)
    assert [each["generation"] for each in (await status(taskflow.admin))["generations"]] == [
        each["generation"] for each in before
    ]
    asked = await rebuilding.ask(tools, wish, " with a reason ")
    assert asked.reason == "with a reason"
    with pytest.raises(Invalid):
        await rebuilding.ask(tools, wish, "", is_fresh=True)
    left = (await status(taskflow.admin))["rebuild"]
    assert (left["generation"], left["state"]) == (asked.generation, "requested"), "nor is one thrown away"


async def test_a_plan_changes_nothing(taskflow: Taskflow) -> None:
    head, before = await taskflow.core.store.head(), await status(taskflow.admin)
    answer = await taskflow.admin.post(f"{URL}/rebuild", WHY | {"dry_run": True})
    assert (answer.status, [*answer.data]) == (200, ["plan"])
    assert (answer.data["plan"]["events"], answer.data["plan"]["expected_s"]) == (head, None)
    assert await taskflow.core.store.head() == head
    assert (await status(taskflow.admin))["rebuild"] is before["rebuild"] is None


async def test_pausing_says_whether_projectors_stand_still(taskflow: Taskflow) -> None:
    assert (await taskflow.admin.post(f"{URL}/pause", WHY)).data["standing_still"] is True
    keys = Keys(taskflow.core.announcements.generation)
    position = await call(taskflow.core.redis, "HGET", keys.checkpoint, "position")
    await taskflow.admin.post("/api/projects", {"name": "Meanwhile"})
    assert await call(taskflow.core.redis, "HGET", keys.checkpoint, "position") == position
    await taskflow.admin.post(f"{URL}/resume", WHY)
    await taskflow.stop_projector()

    async def move() -> None:
        while True:
            await call(taskflow.core.redis, "HINCRBY", keys.checkpoint, "position", 1)
            await asyncio.sleep(0.02)

    moving = asyncio.create_task(move())
    answer = await taskflow.admin.post(f"{URL}/pause", WHY)
    moving.cancel()
    assert (answer.status, answer.data["standing_still"]) == (200, False)
    assert answer.data["paused"]["reason"] == "to see"


async def test_a_generation_that_is_damaged_is_told(taskflow: Taskflow) -> None:
    await taskflow.stop_projector()
    keys = Keys(taskflow.core.announcements.generation)
    redis: Redis = connect(taskflow.core.settings.redis_url)
    await call(redis, "HSET", keys.checkpoint, "state", "torn")
    await call(redis, "SET", keys.document(Ref("user", "1")), "{}")
    await redis.aclose()
    (shown,) = (await status(taskflow.admin))["generations"]
    assert (shown["state"], shown["is_current"]) == ("torn", True)
    assert (await taskflow.admin.post(f"{URL}/verify", WHY)).status == 409
