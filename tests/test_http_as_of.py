"""Reads about the past: each is what it would have been then, for those who may see it today."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final, NamedTuple

import pytest

from api import moments_builder
from api.core import Core
from api.settings import Settings
from api.taskflow.routes import ENDPOINTS
from commands.context import SYSTEM, Actor
from commands.expenses import RecordExpense
from commands.ledger import PrepareLedger
from commands.projects import CreateProject
from commands.tasks import ChangeTask, CreateTask
from events.log import Metadata
from events.positions import place_of
from projections.moments_building import build
from readmodels.keys import Keys
from tests.http import ADMIN_HASH, JWT_SECRET, MASTER_KEY, Client, Reply, Taskflow, caught_up, started
from tests.projecting import own_generation
from tests.test_http_envelope import check_error, check_frame

TOMORROW: Final = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
YESTERDAY: Final = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()


class Point(NamedTuple):
    """What was answered when the log ended at `position`."""

    position: int
    said: dict[str, object]


PATHS: Final = (
    "/api/projects?per_page=100",
    "/api/projects?q=a&sort=name",
    "/api/projects?status=active&user_id=1&sort=-budget",
    "/api/projects/1",
    "/api/projects/2",
    "/api/projects/1/tasks?sort=title",
    "/api/projects/1/risks",
    "/api/projects/1/expenses",
    "/api/tasks?per_page=100",
    "/api/tasks?overdue=true",
    "/api/tasks?overdue=false&assigned_to=2",
    "/api/tasks?q=task%201",
    "/api/tasks/1",
    "/api/risks/1",
    "/api/projects/1/expenses/1",
    "/api/users/1/stats",
    "/api/users/2/stats",
    "/api/departments/1/stats",
    *(
        f"/api/reports/{name}?format={form}"
        for name in ("projects", "users/productivity", "departments/workload", "budget-analysis")
        for form in ("json", "csv")
    ),
    "/api/reports/budget-analysis?format=pdf",
)


def said(answer: Reply) -> object:
    """All of an answer that speaks of the ledger: not when it was given, nor to whom."""
    headers = {name: value for name, value in answer.headers.items() if name.startswith(("X-Report", "ETag"))}
    if answer.headers["Content-Type"] != "application/json":
        return (answer.status, answer.headers["Content-Disposition"], headers, answer.raw)
    body = answer.body
    return (answer.status, body.get("message"), body.get("data"), body.get("pagination"), headers)


async def all_said(client: Client, **params: str) -> dict[str, object]:
    return {path: said(await client.get(f"{path}{tail(path, params)}")) for path in PATHS}


def tail(path: str, params: dict[str, str]) -> str:
    mark = "&" if "?" in path else "?"
    return mark + "&".join(f"{name}={value}" for name, value in params.items()) if params else ""


async def step(taskflow: Taskflow, random: Random, number: int) -> None:
    """One write of any kind, refused or not."""
    admin, project, task = taskflow.admin, random.randrange(1, 4), random.randrange(1, number // 3 + 2)
    user = random.randrange(1, 4)
    writes: list[tuple[str, str, dict[str, Any] | None]] = [
        ("POST", "/api/projects", {"name": f"Project {number}", "budget": number * 10, "owner_id": user}),
        (
            "POST",
            f"/api/projects/{project}/tasks",
            {
                "title": f"Task {number}",
                "assigned_to": [2, user] if user != 2 else [2],
                "estimated_hours": 4,
                "due_date": random.choice(("2025-07-15", "2099-01-01")),
            },
        ),
        ("PUT", f"/api/tasks/{task}", {"actual_hours": number, "status": random.choice(STATUSES)}),
        ("POST", f"/api/tasks/{task}/assign", {"user_ids": [user]}),
        ("POST", f"/api/projects/{project}/expenses", {"amount": number + 0.5}),
        ("DELETE", f"/api/projects/{project}/expenses/1", None),
        ("POST", f"/api/projects/{project}/risks", {"title": f"Risk {number}"}),
        ("PUT", "/api/risks/1", {"status": "mitigated", "title": f"Risk at {number}"}),
        ("PUT", f"/api/users/{user}", {"email": f"person{number}@example.com", "hourly_rate": number}),
        ("PUT", "/api/users/2", {"department_id": random.choice((1, None))}),
        ("DELETE", f"/api/tasks/{task}", None),
        ("PUT", f"/api/projects/{project}", {"name": f"Renamed {number}", "status": "active"}),
    ]
    weights = [6, 8, 8, 4, 4, 1, 3, 2, 4, 2, 1, 3]
    method, path, body = random.choices(writes, weights)[0]
    assert (await admin.send(method, path, body)).status < 500


STATUSES: Final = ("pending", "in_progress", "completed", "cancelled")


@pytest.mark.parametrize("seed", range(3))
async def test_every_answer_about_the_past_is_what_was_answered_then(taskflow: Taskflow, seed: int) -> None:
    """As of a position and as of its moment, in any order; names are those of then."""
    random = Random(seed)
    await taskflow.user("ana", department_id=1, hourly_rate=80)
    await taskflow.user("ben", hourly_rate=55.55)
    points = []
    for number in range(1, 49):
        await step(taskflow, random, number)
        if number % 12 == 0:
            await caught_up(taskflow.core)
            position = await taskflow.core.store.head()
            points.append(Point(position, await all_said(taskflow.admin)))
    random.shuffle(points)
    assert len({str(point.said) for point in points}) == len(points)
    for point in points:
        assert await all_said(taskflow.admin, as_of_position=str(point.position)) == point.said
        then = (await place_of(taskflow.core.connections, point.position)).recorded_at
        assert await all_said(taskflow.admin, as_of=then) == point.said


async def test_what_depends_on_the_clock_goes_by_the_moment_that_is_asked_for(
    database_url: str, redis_url: str, logs: None
) -> None:
    """A task that is due in March is overdue as of April, and hours of May are this month's in May."""
    secrets: dict[str, Any] = {"master_key": MASTER_KEY, "jwt_secret": JWT_SECRET, "rate_limits": None}
    async with started(Settings(database_url=database_url, redis_url=redis_url, **secrets)) as server:
        await a_year_ago(server.core)
        server.start_projector()
        server.stack.push_async_callback(server.stop_projector)
        await caught_up(server.core)
        await server.admin.sign_in()
        for at, moment, overdue, hours, burnt in (
            ("2025-03-09", "2025-03-09T23:59:59.999999Z", 0, 0.0, 0.0),
            ("2025-04-01T00:00:00Z", "2025-04-01T00:00:00.000000Z", 1, 0.0, 0.0),
            ("2025-05-20", "2025-05-20T23:59:59.999999Z", 1, 8.0, 100.0),
            ("2025-06-30T12:00:00+02:00", "2025-06-30T10:00:00.000000Z", 1, 0.0, 50.0),
        ):
            expected = (moment, overdue, overdue, overdue, hours, hours, burnt)
            assert await by_the_clock(server.admin, at) == expected, at


async def a_year_ago(core: Core) -> None:
    """A project with a task that is due in March and never done; eight hours and an expense in May."""
    due, spent = midnight("2025-03-10"), midnight("2025-05-11")
    happenings: tuple[tuple[str, object], ...] = (
        ("2025-01-01", PrepareLedger(username="admin", email="admin@taskflow.com", password_hash=ADMIN_HASH)),
        ("2025-02-01", CreateProject(name="Bridge", budget_cents=100_000)),
        ("2025-02-02", CreateTask(project_id=1, title="Weld", due_date=due, assigned_to=(1,))),
        ("2025-05-10", ChangeTask(task_id=1, actual_centihours=800)),
        ("2025-05-11", RecordExpense(project_id=1, amount_cents=10_000, incurred_on=spent)),
        ("2025-07-01", CreateProject(name="Later")),
    )
    for day, command in happenings:
        actor, at = SYSTEM if isinstance(command, PrepareLedger) else Actor(1, "admin"), midnight(day)
        await core.dispatcher.dispatch(command, actor, Metadata(), now=at, recorded_at=at)


def midnight(day: str) -> str:
    return f"{day}T00:00:00.000000Z"


async def by_the_clock(client: Client, at: str) -> tuple[object, ...]:
    """A report's moment; what is overdue in a list, a department and a report; hours; the burn rate."""
    tasks, user, department, report, budget = [
        await client.get(path, params={"as_of": at})
        for path in (
            "/api/tasks?overdue=true",
            "/api/users/1/stats",
            "/api/departments/1/stats",
            "/api/reports/projects",
            "/api/reports/budget-analysis",
        )
    ]
    return (
        report.headers["X-Report-Moment"],
        tasks.body["pagination"]["total"],
        department.data["department_stats"]["overdue_tasks"],
        report.data["summary"]["overdue_tasks"],
        user.data["user_stats"]["this_month_hours"],
        department.data["department_stats"]["this_month_hours"],
        budget.data["budget_analysis"]["monthly_burn_rate"],
    )


async def test_answers_about_the_past_say_which_position_they_speak_of(taskflow: Taskflow) -> None:
    project = await a_project(taskflow, "Then")
    head = await taskflow.core.store.head()
    for path in (f"/api/projects/{project}", "/api/projects", "/api/reports/projects?format=csv"):
        answer = await taskflow.admin.get(f"{path}{tail(path, {'as_of_position': str(head)})}")
        assert answer.headers["X-As-Of-Position"] == str(head)
        assert "X-As-Of-Position" not in (await taskflow.admin.get(path)).headers


async def a_project(taskflow: Taskflow, name: str, **more: object) -> int:
    return int((await taskflow.admin.made("/api/projects", {"name": name} | more))["id"])


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"as_of": "2999-01-01"}, "a moment that has passed"),
        ({"as_of": TOMORROW}, "a moment that has passed"),
        ({"as_of": "yesterday"}, "as_of takes a date"),
        ({"as_of": ""}, "as_of takes a date"),
        ({"as_of": "2025-02-30"}, "as_of takes a date"),
        ({"as_of_position": "-1"}, "as_of_position takes a position"),
        ({"as_of_position": "1.5"}, "as_of_position takes a position"),
        ({"as_of_position": "01"}, "as_of_position takes a position"),
        ({"as_of_position": "9" * 18}, "where the log ends"),
        ({"as_of_position": "9" * 19}, "as_of_position takes a position"),
        ({"as_of": YESTERDAY, "as_of_position": "0"}, "cannot be given both"),
    ],
)
async def test_a_past_that_makes_no_sense_is_refused(
    taskflow: Taskflow, params: dict[str, str], told: str
) -> None:
    for path in ("/api/projects", "/api/projects/1", "/api/reports/budget-analysis"):
        answer = await taskflow.admin.get(path, params=params)
        check_error(answer, 400, "BAD_REQUEST")
        assert told in answer.body["message"]


async def test_today_is_not_over_yet_and_now_is_the_past_already(taskflow: Taskflow) -> None:
    """A date means its end, so today's is still to come."""
    await a_project(taskflow, "One")
    now = datetime.now(UTC)
    check_error(
        await taskflow.admin.get("/api/projects", params={"as_of": now.date().isoformat()}),
        400,
        "BAD_REQUEST",
    )
    answer = await taskflow.admin.get("/api/projects", params={"as_of": now.isoformat()})
    assert (answer.status, answer.body["pagination"]["total"]) == (200, 1)


async def test_before_the_first_event_there_was_nothing(taskflow: Taskflow) -> None:
    project = await a_project(taskflow, "One")
    for params in ({"as_of_position": "0"}, {"as_of": YESTERDAY}, {"as_of": "0001-01-01T00:00:00Z"}):
        answer = await taskflow.admin.get("/api/projects", params=params)
        check_frame(answer)
        assert answer.data == {"projects": []}
        assert answer.headers["X-As-Of-Position"] == "0"
        check_error(await taskflow.admin.get(f"/api/projects/{project}", params=params), 404, "NOT_FOUND")
        report = await taskflow.admin.get("/api/reports/budget-analysis", params=params)
        assert report.data["project_breakdown"] == []


async def test_what_was_deleted_since_is_there_as_of_then(taskflow: Taskflow) -> None:
    project = await a_project(taskflow, "Gone")
    at = str(await taskflow.core.store.head())
    await taskflow.admin.delete(f"/api/projects/{project}")
    check_error(await taskflow.admin.get(f"/api/projects/{project}"), 404, "NOT_FOUND")
    answer = await taskflow.admin.get(f"/api/projects/{project}", params={"as_of_position": at})
    assert answer.data["project"]["name"] == "Gone"


async def test_a_known_answer_about_the_past_is_not_sent_again(taskflow: Taskflow) -> None:
    path = f"/api/projects/{await a_project(taskflow, 'One')}"
    at = {"as_of_position": str(await taskflow.core.store.head())}
    await taskflow.admin.put(path, {"name": "Two"})
    tag = (await taskflow.admin.get(path, params=at)).headers["ETag"]
    assert tag != (await taskflow.admin.get(path)).headers["ETag"]
    answer = await taskflow.admin.get(path, params=at, headers={"If-None-Match": tag})
    assert (answer.status, answer.raw, answer.headers["ETag"]) == (304, b"", tag)
    assert answer.headers["X-As-Of-Position"] == at["as_of_position"]


async def test_who_lost_access_does_not_see_the_past_and_who_gained_it_does(taskflow: Taskflow) -> None:
    """Rights are today's, in lists and for each object."""
    admin = taskflow.admin
    uma_id, ute_id = await taskflow.user("uma"), await taskflow.user("ute")
    project = await a_project(taskflow, "Bridge")
    task = await admin.made(f"/api/projects/{project}/tasks", {"title": "Weld", "assigned_to": [uma_id]})
    risk = await admin.made(f"/api/projects/{project}/risks", {"title": "Rust"})
    at = {"as_of_position": str(await taskflow.core.store.head())}
    await admin.post(f"/api/tasks/{task['id']}/assign", {"user_ids": [ute_id]})
    uma, ute = await taskflow.signed_in("uma"), await taskflow.signed_in("ute")
    objects = (
        f"/api/projects/{project}",
        f"/api/projects/{project}/tasks",
        f"/api/projects/{project}/risks",
        f"/api/projects/{project}/expenses",
        f"/api/tasks/{task['id']}",
        f"/api/risks/{risk['id']}",
    )
    for path in objects:
        check_error(await uma.get(path, params=at), 404, "NOT_FOUND")
        assert (await ute.get(path, params=at)).status == 200, path
    for path, name in (("/api/projects", "projects"), ("/api/tasks", "tasks")):
        assert (await uma.get(path, params=at)).data == {name: []}
        assert [each["id"] for each in (await ute.get(path, params=at)).data[name]] == [1]
    shown = (await ute.get(f"/api/tasks/{task['id']}", params=at)).data["task"]
    assert [each["id"] for each in shown["assignees"]] == [uma_id]


async def test_a_task_of_ones_own_is_seen_as_it_was_and_not_before_it_was(taskflow: Taskflow) -> None:
    """Assigned today in a project that is not theirs, or in no project; also when it is finished."""
    admin = taskflow.admin
    uma_id = await taskflow.user("uma")
    project = await a_project(taskflow, "Bridge")
    none = {"as_of_position": str(await taskflow.core.store.head())}
    task = await admin.made(f"/api/projects/{project}/tasks", {"title": "Weld"})
    at = {"as_of_position": str(await taskflow.core.store.head())}
    await admin.post(f"/api/tasks/{task['id']}/assign", {"user_ids": [uma_id]})
    uma = await taskflow.signed_in("uma")
    assert [each["title"] for each in (await uma.get("/api/tasks", params=at)).data["tasks"]] == ["Weld"]
    await a_project(taskflow, "Tunnel", owner_id=uma_id)
    assert total(await uma.get("/api/projects", params=at)) == 1
    for params in (none, none | {"sort": "updated_at"}, none | {"q": "e"}, none | {"status": "pending"}):
        assert total(await uma.get("/api/tasks", params=params)) == 0
    assert total(await uma.get("/api/projects", params=none)) == 1
    assert total(await uma.get("/api/projects", params={"as_of_position": "0"})) == 0
    check_error(await uma.get(f"/api/tasks/{task['id']}", params=none), 404, "NOT_FOUND")
    await admin.delete(f"/api/tasks/{task['id']}")
    assert (await uma.get("/api/tasks", params=at)).data["tasks"] == []
    check_error(await uma.get(f"/api/tasks/{task['id']}", params=at), 404, "NOT_FOUND")


def total(answer: Reply) -> int:
    assert answer.status == 200, answer.raw
    return int(answer.body["pagination"]["total"])


async def test_personal_tasks_of_the_past_are_their_makers(taskflow: Taskflow) -> None:
    forge = await taskflow.forge_user("pia")
    await forge.made("/api/tasks", {"title": "Call home"})
    at = {"as_of_position": str(await taskflow.core.store.head())}
    await taskflow.user("uma")
    pia, uma = await taskflow.signed_in("pia", "Secret-123"), await taskflow.signed_in("uma")
    assert [each["title"] for each in (await pia.get("/api/tasks", params=at)).data["tasks"]] == ["Call home"]
    assert (await pia.get("/api/tasks/1", params=at)).status == 200
    assert (await uma.get("/api/tasks", params=at)).data["tasks"] == []
    check_error(await uma.get("/api/tasks/1", params=at), 404, "NOT_FOUND")


async def test_the_role_is_todays(taskflow: Taskflow) -> None:
    mia_id = await taskflow.user("mia", "manager")
    project = await a_project(taskflow, "Bridge")
    at = {"as_of_position": str(await taskflow.core.store.head())}
    mia = await taskflow.signed_in("mia")
    assert (await mia.get(f"/api/projects/{project}", params=at)).status == 200
    assert (await mia.get("/api/reports/projects", params=at)).status == 200
    await taskflow.admin.put(f"/api/users/{mia_id}", {"role": "user"})
    check_error(await mia.get(f"/api/projects/{project}", params=at), 404, "NOT_FOUND")
    check_error(await mia.get("/api/reports/projects", params=at), 403, "PERMISSION_DENIED")
    assert (await mia.get("/api/projects", params=at)).data["projects"] == []
    check_error(await mia.get("/api/users/1/stats", params=at), 404, "NOT_FOUND")
    assert (await mia.get(f"/api/users/{mia_id}/stats", params=at)).status == 200


async def test_who_has_to_wait_too_long_is_asked_to_come_again(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = asyncio.Event()

    async def slowly(*arguments: Any) -> None:
        await opened.wait()
        await build(*arguments)

    await a_project(taskflow, "One")
    at = {"as_of_position": str(await taskflow.core.store.head())}
    monkeypatch.setattr(moments_builder, "build", slowly)
    hasty = replace(taskflow.core.settings, moment_wait_s=0.1)
    server = await taskflow.stack.enter_async_context(started(hasty))
    client = await server.anybody()
    await client.sign_in()
    answer = await client.get("/api/projects", params=at)
    check_error(answer, 503, "UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) > 0
    opened.set()
    async with asyncio.timeout(10):
        # What this waits for happens in another process of a real installation.
        while (answer := await client.get("/api/projects", params=at)).status == 503:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert answer.body["pagination"]["total"] == 1


async def test_while_the_live_model_is_away_the_past_is_there_for_who_sees_all(
    taskflow: Taskflow,
) -> None:
    """Nobody can tell what a plain user may see today."""
    uma_id = await taskflow.user("uma")
    project = await a_project(taskflow, "Bridge", owner_id=uma_id)
    uma = await taskflow.signed_in("uma")
    at = {"as_of_position": str(await taskflow.core.store.head())}
    await taskflow.stop_projector()
    generation = await own_generation(taskflow.core.settings.database_url)
    await taskflow.core.redis.delete(Keys(generation).checkpoint)
    for path in ("/api/projects", f"/api/projects/{project}", "/api/tasks"):
        check_error(await taskflow.admin.get(path), 503, "UNAVAILABLE")
        assert (await taskflow.admin.get(path, params=at)).status == 200
        check_error(await uma.get(path, params=at), 503, "UNAVAILABLE")


async def test_a_position_to_wait_for_is_one_of_the_live_read_model(taskflow: Taskflow) -> None:
    await a_project(taskflow, "Bridge")
    head = await taskflow.core.store.head()
    await taskflow.stop_projector()
    at = {"as_of_position": str(head)}
    reached = await taskflow.admin.get("/api/projects", params=at, headers={"X-Min-Position": str(head)})
    assert reached.status == 200
    beyond = await taskflow.admin.get("/api/projects", params=at, headers={"X-Min-Position": str(head + 1)})
    check_error(beyond, 503, "UNAVAILABLE")


async def test_every_read_that_the_contract_names_can_be_asked_about_the_past() -> None:
    timed = {each.path for each in ENDPOINTS if "as_of" in each.parameters}
    reads = {each.path for each in ENDPOINTS if each.method == "GET"}
    expected = {
        path
        for path in reads
        if path.startswith(("/api/projects", "/api/tasks", "/api/risks", "/api/reports"))
        or path.endswith("/stats")
    }
    assert timed == {path for path in expected if not path.endswith("/history")}
    for each in ENDPOINTS:
        if each.path in timed and each.method == "GET":
            assert {"as_of", "as_of_position"} <= each.parameters.keys()
            assert "X-As-Of-Position" in each.shows.headers
        else:
            assert not {"as_of", "as_of_position"} & each.parameters.keys()


async def test_a_write_takes_no_moment(taskflow: Taskflow) -> None:
    answer = await taskflow.admin.post("/api/projects?as_of_position=0", {"name": "One"})
    check_error(answer, 400, "BAD_REQUEST")


async def test_two_servers_answer_alike(taskflow: Taskflow) -> None:
    await a_project(taskflow, "One")
    other = await (await taskflow.twin()).anybody()
    await other.sign_in()
    at = {"as_of_position": str(await taskflow.core.store.head())}
    first, second = await asyncio.gather(
        taskflow.admin.get("/api/projects/1", params=at), other.get("/api/projects/1", params=at)
    )
    assert said(first) == said(second)
