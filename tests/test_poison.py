"""Poison in a running ledger: it stops its own things only, answers say so, and operators have a way out."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from api.operators.dead_letters import Choice, discard, groups, letter, retry
from api.operators.instruments import Instruments, instruments_of
from api.operators.projections import pause, resume
from api.operators.rebuilding import ask, rebuild_tools
from api.operators.users import set_password
from commands.context import SYSTEM
from commands.errors import Conflict, NotFound
from commands.operations import DiscardEvent, Operations
from commands.registry import FOLDS, Fold
from events.event import TYPES, Event, Record
from events.log import Metadata, RawAppend, RawEvent
from events.mapper import shape_of
from events.operations import DeadLettersRetried, EventDiscarded, LeftOut
from events.store import Append
from events.tasks import TaskHoursBooked, TaskStatusChanged
from projections.catalogue import STEPS
from projections.projection import Step
from projections.rebuild import Rebuilding
from projections.rebuilds import Wish
from readmodels.connecting import connect
from tests.http import Taskflow, caught_up
from tests.projecting import is_the_fold_of_the_log, until

BROKEN_CREDIT = TaskHoursBooked(1, 100, ({"user_id": 1},))


@pytest.fixture
async def tools(taskflow: Taskflow) -> Instruments:
    return instruments_of(taskflow.core, SYSTEM, Metadata(dialect="cli"))


@pytest.fixture
async def bridge(taskflow: Taskflow) -> Taskflow:
    """A project with two tasks."""
    await taskflow.admin.made("/api/projects", {"name": "Bridge", "budget": 1000})
    for title in ("Dig", "Pour"):
        await taskflow.admin.made("/api/projects/1/tasks", {"title": title})
    return taskflow


async def happen(ledger: Taskflow, event: Event, version: int) -> int:
    append = Append(f"{event.stream}:{version}", ((event, version),))
    position = (await ledger.core.store.append(append)).position
    await caught_up(ledger.core)
    return position


async def happen_unreadably(
    ledger: Taskflow, stream: str, version: int, topic: str = "task.imagined", state: bytes = b"{}"
) -> int:
    raw = RawEvent(stream, version, topic, state, f"00000000-0000-4000-8000-{version:012}")
    [outcome] = await ledger.core.store.log.append_group([RawAppend(f"{stream}:{version}", (raw,))])
    assert not isinstance(outcome, Exception)
    await caught_up(ledger.core)
    return outcome.position


async def until_folded(ledger: Taskflow, end: int) -> None:
    """Until the checkpoint itself says so, whatever was announced."""

    async def is_there() -> bool:
        return await ledger.core.model.position() >= end

    await until(is_there)


async def is_level(ledger: Taskflow) -> None:
    """Every key is what a fresh fold of the log makes."""
    await until_folded(ledger, await ledger.core.store.head())
    redis = connect(ledger.core.settings.redis_url)
    try:
        await is_the_fold_of_the_log(redis, ledger.core.settings.database_url, ledger.core.store)
    finally:
        await redis.aclose()


def told(answer: Any) -> tuple[str | None, str | None]:
    return answer.headers.get("X-Read-Model"), answer.headers.get("X-Read-Model-Lacks")


async def test_nothing_is_said_while_nothing_is_parked(bridge: Taskflow) -> None:
    for path in ("/api/tasks/1", "/api/projects/1", "/api/tasks", "/api/users/1/stats"):
        answer = await bridge.admin.get(path)
        assert (answer.status, told(answer)) == (200, (None, None))


async def test_answers_that_show_a_parked_task_say_so_in_both_dialects(bridge: Taskflow) -> None:
    forge = await bridge.forge_admin()
    await happen_unreadably(bridge, "task-1", 2)
    for client, path in (
        (bridge.admin, "/api/tasks/1"),
        (bridge.admin, "/api/tasks"),
        (forge, "/api/tasks/1"),
    ):
        assert told(await client.get(path))[0] == "parked"
    assert told(await bridge.admin.get("/api/tasks/2")) == (None, None)
    assert told(await bridge.admin.get("/api/tasks", params={"search": "Pour"})) == (None, None)


async def test_sums_that_may_lack_something_say_so(bridge: Taskflow) -> None:
    await happen_unreadably(bridge, "task-1", 2)
    await happen_unreadably(bridge, "task-2", 2)
    for path in ("/api/projects/1", "/api/projects", "/api/users/1/stats", "/api/reports/budget-analysis"):
        answer = await bridge.admin.get(path)
        assert (answer.status, told(answer)[1]) == (200, "2"), path


async def test_what_never_came_to_life_is_not_found_and_the_answer_says_why(bridge: Taskflow) -> None:
    await happen_unreadably(bridge, "task-3", 1, "task.created")
    answer = await bridge.admin.get("/api/tasks/3")
    assert (answer.status, told(answer)[0]) == (404, "parked")


async def test_a_fold_that_raises_is_mended_and_retried(
    bridge: Taskflow, tools: Instruments, monkeypatch: pytest.MonkeyPatch
) -> None:
    [step] = STEPS[TaskStatusChanged]

    def broken(*_: object) -> None:
        raise KeyError("mistake")

    with monkeypatch.context() as patched:
        patched.setitem(STEPS, TaskStatusChanged, (Step(step.kind, broken, step.touches, step.group),))
        position = await happen(bridge, TaskStatusChanged(1, "completed"), 2)
    later = await happen(bridge, TaskStatusChanged(1, "in_progress"), 3)
    answer = await bridge.admin.get("/api/tasks/1")
    assert (answer.data["task"]["status"], told(answer)[0]) == ("pending", "parked")

    operated = await retry(tools, Choice((position,)), "mended")
    assert (operated.settled, operated.failed_again, operated.pending) == ((position,), (), ())
    answer = await bridge.admin.get("/api/tasks/1")
    assert (answer.data["task"]["status"], told(answer)) == ("in_progress", (None, None))
    for each in (position, later):
        [kept] = (await letter(tools, each))["letters"]
        assert (kept["resolution"], kept["resolved_by"]) == ("retried", operated.operations[0])
    await is_level(bridge)


async def test_an_unknown_type_that_is_known_by_now_is_retried(
    bridge: Taskflow, tools: Instruments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The type says by then that the project has ended: its tasks go with it, which nobody had stopped."""
    ended = TYPES["project.deleted"]
    with monkeypatch.context() as before:
        before.delitem(TYPES, "project.deleted")
        shape_of.cache_clear()
        position = await happen_unreadably(bridge, "project-1", 2, "project.deleted", b'{"project_id":1}')
    assert TYPES["project.deleted"] is ended
    shown = await letter(tools, position)
    assert (shown["type"], shown["payload"]) == ("project.deleted", {"project_id": 1})
    assert "no event type" in shown["letters"][0]["error"]
    assert shown["letters"][0]["waiting"] == ["project:1"]

    operated = await retry(tools, Choice(group=shown["letters"][0]["group"]), "the type is known now")
    assert operated.settled == (position,), operated
    assert (await bridge.admin.get("/api/tasks/1")).status == 404
    assert (await bridge.admin.get("/api/projects/1")).status == 404
    await is_level(bridge)


async def test_an_event_that_nobody_can_read_is_discarded(bridge: Taskflow, tools: Instruments) -> None:
    position = await happen_unreadably(bridge, "task-1", 2, "task.status_changed", b"{")
    await happen(bridge, TaskStatusChanged(1, "completed"), 3)
    [group] = await groups(tools)
    assert (group["events"], group["documents"]) == (1, 1)
    assert group["parked"] == [{"document": "task:1", "held_back": 1}]
    assert (group["event"]["position"], group["event"]["payload"]) == (position, "{")

    again = await retry(tools, Choice(), "who knows")
    assert (again.failed_again, again.settled) == ((position,), ())
    assert (await letter(tools, position))["letters"][0]["failed_again_by"] == again.operations[0]

    operated = await discard(tools, position, "no use")
    assert operated.settled == (position,)
    assert (await bridge.admin.get("/api/tasks/1")).data["task"]["status"] == "completed"
    assert await groups(tools) == []
    await is_level(bridge)
    recorded = await bridge.core.store.read(operated.operations[0] - 1, 1)
    assert [each.event for each in recorded if isinstance(each, Record)] == [
        EventDiscarded(position, "no use")
    ]


async def test_a_task_with_an_unreadable_event_is_changed_again_after_it_is_discarded(
    bridge: Taskflow, tools: Instruments
) -> None:
    position = await happen_unreadably(bridge, "task-1", 2)
    refused = await bridge.admin.put("/api/tasks/1", {"title": "Dig deep"})
    assert (refused.status, refused.headers["Retry-After"]) == (503, "60")
    await discard(tools, position, "no use")
    changed = await bridge.admin.put("/api/tasks/1", {"title": "Dig deep"})
    assert (changed.status, changed.data["task"]["title"]) == (200, "Dig deep")
    other = await bridge.twin()
    await other.admin.sign_in()
    assert (await other.admin.put("/api/tasks/1", {"title": "Dig deeper"})).status == 200
    [*_, last] = await bridge.core.store.read_stream("task-1")
    assert last.version == 4
    await is_level(bridge)


@pytest.mark.parametrize("fold", [fold for fold in FOLDS.values() if fold.kind is not Operations])
def test_what_is_left_out_changes_no_state(fold: Fold) -> None:
    """Operations are counted, whatever they are."""
    assert fold.evolve(fold.kind(), LeftOut()) == fold.kind()


async def test_a_discarded_event_stays_discarded_after_redis_is_lost(
    bridge: Taskflow, tools: Instruments
) -> None:
    position = await happen_unreadably(bridge, "task-1", 2)
    broken = await happen(bridge, BROKEN_CREDIT, 3)
    await discard(tools, position, "no use")
    redis = connect(bridge.core.settings.redis_url)
    await redis.flushdb()
    await redis.aclose()
    await is_level(bridge)
    assert [each["first_position"] for each in await groups(tools)] == [broken]
    with pytest.raises(NotFound):
        await letter(tools, position)
    assert (await discard(tools, broken, "neither")).settled == (broken,)
    assert await groups(tools) == []
    await is_level(bridge)


async def test_an_event_without_any_document_can_be_put_aside(bridge: Taskflow, tools: Instruments) -> None:
    position = await happen_unreadably(bridge, "weather-1", 1, "weather.changed")
    assert (await retry(tools, Choice((position,)), "again")).failed_again == (position,)
    assert (await discard(tools, position, "whatever it was")).settled == (position,)
    assert await groups(tools) == []


async def test_an_unreadable_operation_stops_no_other_one(bridge: Taskflow, tools: Instruments) -> None:
    """As an older release finds it that came back after a newer one; also without what it has cached."""
    await discard(tools, await happen_unreadably(bridge, "weather-1", 1, "weather.changed"), "whatever")
    position = await happen_unreadably(bridge, "operations", 2, "operator.imagined")
    for is_cached in (True, False):
        if not is_cached:
            bridge.core.dispatcher.forget()
        await pause(tools, "to see")
        with pytest.raises(Conflict, match="paused already"):
            await pause(tools, "twice")
        await resume(tools, "seen")
    assert (await set_password(tools, "admin", "f8Qz-2mXw-9rTk", "lost"))["id"] == 1
    assert (await discard(tools, position, "of a newer release")).settled == (position,)
    bridge.core.dispatcher.forget()
    with pytest.raises(Conflict, match="discarded already"):
        await tools.record(DiscardEvent(position=position, reason="twice"))
    versions = [each.version for each in await bridge.core.store.read_stream("operations")]
    assert versions == list(range(1, 9)), "the unreadable one counts"
    await is_level(bridge)


async def test_a_discard_that_is_pending_makes_no_difference_between_generations(
    bridge: Taskflow, tools: Instruments
) -> None:
    position = await happen_unreadably(bridge, "task-1", 2)
    await happen(bridge, TaskStatusChanged(1, "completed"), 3)
    assert await pause(tools, "to see")
    assert (await discard(tools, position, "no use")).pending == (position,)
    wish = Wish(purpose="rebuild", runs_in="command", switch_if="never")
    found = await Rebuilding(rebuild_tools(tools), await ask(tools, wish, "while paused")).run()
    assert (found.state, found.report and found.report["differences"]) == ("kept", 0), found.report
    await resume(tools, "seen")
    await caught_up(bridge.core)
    assert await groups(tools) == []
    # Gone on with, it comes by the discard itself.
    found = await Rebuilding(rebuild_tools(tools), await ask(tools, wish, "once more")).run()
    assert (found.state, found.report and found.report["differences"]) == ("kept", 0), found.report
    await is_level(bridge)


async def test_only_what_stops_something_is_retried(bridge: Taskflow, tools: Instruments) -> None:
    with pytest.raises(Conflict, match="nothing to retry"):
        await retry(tools, Choice(), "why not")
    position = await happen_unreadably(bridge, "task-1", 2)
    held_back = await happen(bridge, TaskStatusChanged(1, "completed"), 3)
    head = await bridge.core.store.head()
    for unknown in (0, head + 1, 2**63 - 1):
        with pytest.raises(NotFound):
            await retry(tools, Choice((unknown,)), "why not")
    with pytest.raises(NotFound):
        await retry(tools, Choice(group="nonsense"), "why not")
    with pytest.raises(Conflict, match="held back"):
        await retry(tools, Choice((held_back,)), "why not")
    with pytest.raises(Conflict, match="stops nothing"):
        await discard(tools, position - 1, "why not")
    await discard(tools, position, "no use")
    with pytest.raises(Conflict, match="stops nothing"):
        await retry(tools, Choice((position,)), "twice")
    recorded = await bridge.core.store.read(head, 100)
    assert [type(each.event) for each in recorded if isinstance(each, Record)] == [EventDiscarded]


async def test_what_no_projector_has_come_to_yet_is_pending(bridge: Taskflow, tools: Instruments) -> None:
    position = await happen(bridge, BROKEN_CREDIT, 2)
    await bridge.stop_projector()
    operated = await retry(tools, Choice((position,)), "mended")
    assert (operated.pending, operated.settled, operated.failed_again) == ((position,), (), ())
    bridge.start_projector()
    await caught_up(bridge.core)
    assert (await letter(tools, position))["letters"][0]["failed_again_by"] == operated.operations[0]


@pytest.mark.parametrize("sort", ["unknown type", "broken payload", "fold that raises"])
async def test_poison_stops_its_own_document_while_writes_go_on_without_delay(
    bridge: Taskflow, tools: Instruments, sort: str
) -> None:
    if sort == "fold that raises":
        await happen(bridge, BROKEN_CREDIT, 2)
    else:
        topic = "task.imagined" if sort == "unknown type" else "task.hours_booked"
        await happen_unreadably(bridge, "task-1", 2, topic, b'{"task_id":')
    slowest_s = 0.0
    for number in range(30):
        begun = time.monotonic()
        changed = await bridge.admin.put("/api/tasks/2", {"title": f"Pour {number}"})
        assert (changed.status, changed.data["task"]["title"]) == (200, f"Pour {number}")
        await until_folded(bridge, await bridge.core.store.head())
        slowest_s = max(slowest_s, time.monotonic() - begun)
    assert slowest_s < 1
    answer = await bridge.admin.get("/api/tasks/1")
    assert (answer.data["task"]["title"], told(answer)[0]) == ("Dig", "parked")
    [group] = await groups(tools)
    assert [each["document"] for each in group["parked"]] == ["task:1"]
    await is_level(bridge)


async def test_admins_see_and_settle_dead_letters_over_http(bridge: Taskflow) -> None:
    position = await happen(bridge, BROKEN_CREDIT, 2)
    admin = bridge.admin
    [group] = (await admin.get("/ops/api/dead-letters")).data["groups"]
    assert (group["type"], group["first_position"]) == ("task.hours_booked", position)
    shown = await admin.get(f"/ops/api/dead-letters/{position}")
    assert shown.data["event"]["letters"][0]["waiting"] == ["task:1"]

    asked = {"group": group["group"], "reason": "again"}
    answer = await admin.post("/ops/api/dead-letters/retry", asked)
    assert (answer.status, answer.data["operation"]["failed_again"]) == (200, [position])
    answer = await admin.post("/ops/api/dead-letters/discard", {"position": position, "reason": "wrong"})
    assert (answer.status, answer.data["operation"]["settled"]) == (200, [position])
    assert (await admin.get("/ops/api/dead-letters")).data["groups"] == []

    again = await admin.post("/ops/api/dead-letters/discard", {"position": position, "reason": "wrong"})
    assert again.status == 409
    recorded = [each for each in await bridge.core.store.read(position, 10) if isinstance(each, Record)]
    assert [type(each.event) for each in recorded] == [DeadLettersRetried, EventDiscarded]
    assert {(each.actor_id, each.dialect) for each in recorded} == {(1, "ops")}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("retry", {"reason": "x"}, 422),
        ("retry", {"all": True, "group": "x", "reason": "x"}, 422),
        ("retry", {"all": True}, 422),
        ("retry", {"all": True, "reason": " "}, 422),
        ("retry", {"all": True, "reason": "x" * 501}, 422),
        ("retry", {"all": True, "reason": "x"}, 409),
        ("retry", {"positions": [], "reason": "x"}, 422),
        ("retry", {"positions": [2**63], "reason": "x"}, 422),
        ("retry", {"positions": [10**9], "reason": "x"}, 404),
        ("retry", {"positions": ["1"], "reason": "x"}, 422),
        ("retry", {"group": "\0", "reason": "x"}, 422),
        ("retry", {"group": "none", "reason": "x"}, 404),
        ("discard", {"position": 1, "reason": "x"}, 409),
        ("discard", {"position": 0, "reason": "x"}, 422),
        ("discard", {"position": 10**9, "reason": "x"}, 404),
    ],
)
async def test_operations_that_make_no_sense_are_refused(
    taskflow: Taskflow, path: str, body: dict[str, Any], status: int
) -> None:
    head = await taskflow.core.store.head()
    answer = await taskflow.admin.post(f"/ops/api/dead-letters/{path}", body)
    assert answer.status == status, answer.raw
    assert await taskflow.core.store.head() == head


async def test_dead_letters_are_for_admins(bridge: Taskflow) -> None:
    await bridge.user("mia", "manager")
    manager = await bridge.signed_in("mia")
    nobody = await bridge.anybody()
    for path in ("/ops/api/dead-letters", "/ops/api/dead-letters/1"):
        assert (await manager.get(path)).status == 403
        assert (await nobody.get(path)).status == 401
    for path in ("/ops/api/dead-letters/retry", "/ops/api/dead-letters/discard"):
        assert (await manager.post(path, {"all": True, "reason": "x"})).status == 403
    for unknown in ("0", "9", "x", "9" * 30):
        assert (await bridge.admin.get(f"/ops/api/dead-letters/{unknown}")).status == 404


async def test_a_hundred_parked_tasks_are_level_again_within_a_moment(
    bridge: Taskflow, tools: Instruments
) -> None:
    """A group of letters is one operation, whatever it is about."""
    await asyncio.gather(
        *(bridge.admin.made("/api/projects/1/tasks", {"title": f"Task {number}"}) for number in range(100))
    )
    for task_id in range(3, 103):
        raw = RawEvent(f"task-{task_id}", 2, "task.imagined", b"{}", f"00000000-0000-4000-8000-{task_id:012}")
        await bridge.core.store.log.append_group([RawAppend(f"bad-{task_id}", (raw,))])
    await caught_up(bridge.core)
    [group] = await groups(tools)
    assert (group["events"], group["documents"], len(group["parked"])) == (100, 100, 20)
    for task_id in range(3, 103):
        await discard_at_once(bridge, group["first_position"] + task_id - 3)

    async def is_settled() -> bool:
        return await groups(tools) == []

    await until(is_settled)
    await is_level(bridge)


async def discard_at_once(ledger: Taskflow, position: int) -> None:
    await instruments_of(ledger.core, SYSTEM, Metadata()).record(
        DiscardEvent(position=position, reason="no use")
    )
