"""Statistics of users and departments: the formulas, and that figures go where their people go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis

from api.taskflow.stats_forms import department_stats_answer, tenths, user_stats_answer
from commands.errors import NotFound
from events.departments import DepartmentCreated
from events.event import Event, Poison, Record
from events.instants import instant
from events.projects import ProjectCreated, ProjectStatusChanged
from events.tasks import TaskAssigned, TaskCreated, TaskHoursBooked
from events.users import UserRegistered
from projections.memory import fold
from readmodels.documents import Ref
from readmodels.memory import MemoryModel
from readmodels.model import Model
from readmodels.redis import RedisModel
from readmodels.rounding import half_up
from tests.folding import GENERATION, begun
from tests.histories import World
from tests.http import Client, Reply, Taskflow
from tests.test_http_envelope import check_error, check_frame
from tests.test_http_projects import three_people

ModelOf = Callable[[list[Record]], Awaitable[Model]]

MAY = datetime(2025, 5, 31, 23, 59, 59, tzinfo=UTC)
JUNE = datetime(2025, 6, 1, tzinfo=UTC)
NOW = datetime(2025, 6, 21, 10, 30, tzinfo=UTC)

ADMIN, DESIGNER, WRITER = 1, 2, 3
NOTHING_DONE = {
    "total_tasks": 0,
    "completed_tasks": 0,
    "pending_tasks": 0,
    "total_hours_worked": 0.0,
    "this_month_hours": 0.0,
    "completion_rate": 0.0,
}


@pytest.fixture(params=["memory", "redis"])
def model_of(request: pytest.FixtureRequest, redis: Redis) -> ModelOf:
    """Folds a history into a model, and gives that."""

    async def in_memory(records: list[Record]) -> Model:
        model = MemoryModel()
        fold(records, model)
        return model

    async def in_redis(records: list[Record]) -> Model:
        await (await begun(redis)).fold(records, "ready")
        return RedisModel(redis, GENERATION)

    return in_redis if request.param == "redis" else in_memory


def a_world() -> World:
    """Two departments; the designer and the writer are in the second one."""
    world = World(Random(0), now=MAY)
    for event in (
        DepartmentCreated(1, "Management", ""),
        DepartmentCreated(2, "Design", ""),
        user(ADMIN, 1),
        user(DESIGNER, 2),
        user(WRITER, 2),
    ):
        world.tell(event)
    return world


def user(number: int, department_id: int | None) -> UserRegistered:
    name = f"user{number}"
    return UserRegistered(number, name, f"{name}@example.com", "", "", "user", department_id, True, 0)


def project(number: int, status: str = "active", owner: int = ADMIN) -> ProjectCreated:
    return ProjectCreated(number, owner, f"Project {number}", "", 0, None, None, status)


def task(
    number: int,
    *assignees: int,
    status: str = "pending",
    project_id: int | None = 1,
    due: datetime | None = None,
) -> TaskCreated:
    due_date = instant(due) if due else None
    return TaskCreated(
        number, project_id, ADMIN, f"Task {number}", "", "medium", status, due_date, None, assignees
    )


def booking(task_id: int, total: int, **centihours: int) -> TaskHoursBooked:
    """`user_2=150`: hours (hundredths) credited by user."""
    credited = [
        {"user_id": int(name[5:]), "centihours": hours, "hourly_rate_cents": 0, "cost_cents": 0}
        for name, hours in centihours.items()
    ]
    return TaskHoursBooked(task_id, total, tuple(credited))


def the_pages_designer() -> list[Record]:
    """Owns a project and works in four; 18 of 23 tasks are done, in 156.5 hours, 32 of them in June."""
    world = a_world()
    statuses = ("active", "on_hold", "active", "completed", "cancelled")
    for number in range(1, 6):
        world.tell(project(number, owner=DESIGNER if number == 5 else ADMIN))
    for number in range(1, 24):
        status = "completed" if number <= 18 else "in_progress"
        world.tell(task(number, DESIGNER, status=status, project_id=1 + number % 4))
    world.tell(task(24, DESIGNER, status="cancelled"))
    world.tell(task(25, WRITER, status="completed"))
    for number, status in enumerate(statuses, start=1):
        world.tell(ProjectStatusChanged(number, status))
    world.tell(booking(1, 12_450, user_2=12_450))
    world.now = JUNE
    world.tell(booking(1, 12_350, user_2=-100))
    world.tell(booking(24, 6_600, user_2=3_300, user_3=3_300))
    return world.records


async def test_the_pages_figures_come_out(model_of: ModelOf) -> None:
    model = await model_of(the_pages_designer())
    answer = await user_stats_answer(model, DESIGNER, instant(NOW))
    assert answer.data == {
        "user_stats": {
            "total_projects": 5,
            "active_projects": 2,
            "total_tasks": 23,
            "completed_tasks": 18,
            "pending_tasks": 5,
            "total_hours_worked": 156.5,
            "this_month_hours": 32.0,
            "completion_rate": 78.3,
            "avg_task_time": 6.8,
        }
    }


async def test_a_departments_figures_are_those_of_its_members(
    model_of: ModelOf,
) -> None:
    world = World(Random(0), now=MAY, records=the_pages_designer())
    world.tell(task(30, DESIGNER, WRITER, due=NOW))
    world.tell(task(31, WRITER, due=datetime(2025, 6, 20, tzinfo=UTC)))
    world.tell(task(32, DESIGNER, WRITER, due=datetime(2025, 6, 20, tzinfo=UTC), project_id=None))
    # The day on which a task is due has not passed yet; what is done, or nobody's, is not overdue.
    world.tell(task(33, WRITER, due=datetime(2025, 6, 21, tzinfo=UTC)))
    world.tell(task(34, WRITER, due=MAY, status="completed"))
    world.tell(task(35, due=MAY))
    # A project in which a member's only task is cancelled is still one that the member sees.
    world.tell(project(6))
    world.tell(task(36, WRITER, due=MAY, status="cancelled", project_id=6))
    model = await model_of(world.records)
    answer = await department_stats_answer(model, 2, instant(NOW))
    assert answer.data == {
        "department_stats": {
            "total_members": 2,
            "active_members": 2,
            "active_projects": 3,
            "total_tasks": 29,
            "completed_tasks": 20,
            "pending_tasks": 9,
            "overdue_tasks": 3,
            "completion_rate": 69.0,
            "total_hours_worked": 189.5,
            "this_month_hours": 65.0,
        }
    }
    nobodys = await department_stats_answer(model, 1, instant(NOW))
    assert nobodys.data == {
        "department_stats": {
            **NOTHING_DONE,
            "total_members": 1,
            "active_members": 1,
            "active_projects": 3,
            "overdue_tasks": 0,
        }
    }


@pytest.mark.parametrize("status", ["completed", "cancelled"])
@pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "one by one"])
def test_an_open_task_is_nobodys_work_while_its_project_is_closed(status: str, at_once: bool) -> None:
    world = a_world()
    for number in (1, 2):
        world.tell(project(number))
    world.tell(task(1, DESIGNER, due=MAY))
    world.tell(task(2, DESIGNER, due=MAY, status="completed"))
    world.tell(task(3, DESIGNER, due=MAY, project_id=2))
    world.tell(task(4, DESIGNER, due=MAY, project_id=None))
    world.now = JUNE
    before = folded(world, at_once)

    world.tell(ProjectStatusChanged(1, status))
    closed = folded(world, at_once)
    world.tell(ProjectStatusChanged(1, "on_hold"))
    reopened = folded(world, at_once)

    assert [open_and_late(model) for model in (before, closed, reopened)] == [
        (3, 3, {"1", "3", "4"}),
        (2, 2, {"3", "4"}),
        (3, 3, {"1", "3", "4"}),
    ]
    for model in (closed, reopened):
        assert pending(model) == pending(before) == (4, 1)
        for number in range(1, 5):
            ref = Ref("task", str(number))
            kept = {**model.documents[ref], "in_closed_project": False}
            assert kept == before.documents[ref]


def folded(world: World, at_once: bool) -> MemoryModel:
    model = MemoryModel()
    for part in [world.records] if at_once else [[record] for record in world.records]:
        fold(part, model)
    return model


def open_and_late(model: MemoryModel) -> tuple[int, int, set[str]]:
    """Open tasks of the designer and of the department, and those with a deadline of both and of all."""
    late = set(model.indexes["task:open:due"])
    assert late == set(model.indexes["task:open:due:department:2"])
    own = [model.documents[Ref(kind, "2")]["open_tasks"] for kind in ("user_figures", "department_figures")]
    return own[0], own[1], late


def pending(model: MemoryModel) -> tuple[int, int]:
    figures = model.documents[Ref("user_figures", "2")]
    return figures["tasks"], figures["completed"]


def test_a_task_that_takes_no_more_events_does_not_stop_its_project_and_the_others() -> None:
    world = a_world()
    for event in (project(1), task(1, DESIGNER, due=MAY), task(2, DESIGNER, due=MAY)):
        world.tell(event)
    model = folded(world, at_once=True)
    at = len(world.records) + 1
    fold([Poison("task-1", 2, at, "task.assigned", world.records[-1].recorded_at, "unknown shape")], model)
    record = world.tell(ProjectStatusChanged(1, "cancelled"))
    fold([record._replace(position=at + 1)], model)
    assert model.stopped == {Ref("task", "1")}
    assert model.documents[Ref("project", "1")]["status"] == "cancelled"
    assert open_and_late(model) == (1, 1, {"1"})


async def test_a_month_ends_when_the_next_one_begins(model_of: ModelOf) -> None:
    model = await model_of(the_pages_designer())
    for moment, hours in ((MAY, 124.5), (JUNE, 32.0), (datetime(2025, 7, 1, tzinfo=UTC), 0.0)):
        answer = await user_stats_answer(model, DESIGNER, instant(moment))
        assert answer.data
        assert answer.data["user_stats"]["this_month_hours"] == hours


async def test_nobody_has_no_figures(model_of: ModelOf) -> None:
    model = await model_of(the_pages_designer())
    with pytest.raises(NotFound):
        await user_stats_answer(model, 99, instant(NOW))
    with pytest.raises(NotFound):
        await department_stats_answer(model, 99, instant(NOW))


def test_a_half_is_rounded_up_and_nothing_is_divided_by_nothing() -> None:
    assert [tenths(1, 20), tenths(-1, 20), tenths(1, 21), tenths(2, 3), tenths(5, 0)] == [
        0.1,
        -0.1,
        0,
        0.7,
        0,
    ]
    # 1.005 as a float is a little less, and would be rounded down.
    assert half_up(1_005, 10) == 101
    assert half_up(-1_005, 10) == -101


def told(answer: Reply) -> dict[str, Any]:
    """The one thing that an answer shows."""
    check_frame(answer)
    assert answer.status == 200, answer.raw
    (stats,) = answer.data.values()
    return dict(stats)


async def department(client: Client, number: int) -> dict[str, Any]:
    return told(await client.get(f"/api/departments/{number}/stats"))


async def some(client: Client, number: int, *names: str) -> tuple[Any, ...]:
    stats = await department(client, number)
    return tuple(stats[name] for name in names)


async def test_figures_move_with_a_user_to_another_department(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    for name in ("Design", "Research"):
        await admin.made("/api/departments", {"name": name})
    ana, ben = await taskflow.user("ana", department_id=2), await taskflow.user("ben", department_id=2)
    await admin.made("/api/projects", {"name": "P"})
    for body in (
        {"title": "Both", "assigned_to": [ana, ben], "due_date": "2025-01-01", "estimated_hours": 10},
        {"title": "Hers", "assigned_to": [ana], "status": "completed"},
        {"title": "His", "assigned_to": [ben]},
    ):
        await admin.made("/api/projects/1/tasks", body)
    await admin.put("/api/tasks/1", {"actual_hours": 4})
    await admin.put("/api/tasks/2", {"actual_hours": 1.5})

    before = await department(admin, 2)
    assert before == {
        "total_members": 2,
        "active_members": 2,
        "active_projects": 1,
        "total_tasks": 3,
        "completed_tasks": 1,
        "pending_tasks": 2,
        "overdue_tasks": 1,
        "completion_rate": 33.3,
        "total_hours_worked": 5.5,
        "this_month_hours": 5.5,
    }
    hers = await admin.get(f"/api/users/{ana}/stats")
    moved = await admin.put(f"/api/users/{ana}", {"department_id": 3})
    assert moved.data["user"]["department"] == {"id": 3, "name": "Research"}

    names = ("total_tasks", "completed_tasks", "overdue_tasks", "total_hours_worked", "active_projects")
    # What both work on stays where it was, and is in her new department as well.
    assert await some(admin, 2, "total_members", *names) == (1, 2, 0, 1, 2.0, 1)
    assert await some(admin, 3, "total_members", *names) == (1, 2, 1, 1, 3.5, 1)
    assert told(await admin.get(f"/api/users/{ana}/stats")) == told(hers)

    await admin.put(f"/api/users/{ana}", {"department_id": None})
    assert await some(admin, 3, "total_members", *names) == (0, 0, 0, 0, 0.0, 0)
    await admin.put(f"/api/users/{ana}", {"department_id": 2})
    assert await department(admin, 2) == before
    await admin.put(f"/api/users/{ben}", {"active": False})
    assert await some(admin, 2, "total_members", "active_members", *names) == (2, 1, 3, 1, 1, 5.5, 1)


async def test_a_new_name_and_a_new_department_show_everywhere_at_once(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    await admin.made("/api/departments", {"name": "Design"})
    ana = await taskflow.user("ana", "manager", department_id=1)
    await admin.made("/api/projects", {"name": "P", "owner_id": ana})
    await admin.made("/api/projects/1/tasks", {"title": "T", "assigned_to": [ana], "estimated_hours": 3})
    await admin.put(f"/api/users/{ana}", {"username": "anna", "department_id": 2})
    await admin.put("/api/departments/2", {"name": "Drawing"})

    async def data(path: str) -> dict[str, Any]:
        return (await admin.get(path)).data

    card = {"id": ana, "username": "anna", "email": "ana@example.com"}
    project = (await data("/api/projects/1"))["project"]
    assert project["owner"] == {**card, "department": "Drawing"}
    assert project["tasks"][0]["assigned_to"] == card
    assert (await data("/api/projects"))["projects"][0]["owner"] == card
    assert (await data("/api/tasks/1"))["task"]["assignees"] == [card]
    assert (await data(f"/api/users/{ana}"))["user"]["department"] == {"id": 2, "name": "Drawing"}
    members = {
        each["name"]: each["members_count"] for each in (await data("/api/departments"))["departments"]
    }
    assert members == {"Management": 1, "Drawing": 1}
    assert (await data("/api/reports/projects"))["projects"][0]["owner"] == card
    worker = (await data("/api/reports/users/productivity"))["users"][1]
    assert (worker["username"], worker["department"]) == ("anna", "Drawing")
    loads = (await data("/api/reports/departments/workload"))["departments"]
    assert [(each["name"], each["busiest_member"]) for each in loads] == [
        ("Management", None),
        ("Drawing", card),
    ]
    herself = await taskflow.signed_in("anna")
    assert (await herself.get("/api/auth/me")).data["user"]["department"] == "Drawing"


async def test_every_change_shows_in_the_next_answer(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    await admin.made("/api/projects", {"name": "P"})
    path = "/api/users/1/stats"
    assert told(await admin.get(path)) == {
        "total_projects": 1,
        "active_projects": 1,
        **NOTHING_DONE,
        "avg_task_time": 0.0,
    }
    await admin.made("/api/projects/1/tasks", {"title": "T", "assigned_to": [1], "actual_hours": 0.25})
    await admin.put("/api/tasks/1", {"status": "completed"})
    done = told(await admin.get(path))
    assert (done["completed_tasks"], done["completion_rate"]) == (1, 100.0)
    assert (done["total_hours_worked"], done["avg_task_time"]) == (0.3, 0.3)
    await admin.put("/api/tasks/1", {"status": "in_progress"})
    assert told(await admin.get(path))["pending_tasks"] == 1
    await admin.put("/api/tasks/1", {"status": "cancelled"})
    cancelled = told(await admin.get(path))
    assert (cancelled["total_tasks"], cancelled["total_hours_worked"]) == (0, 0.3)
    assert cancelled["avg_task_time"] == 0
    await admin.put("/api/projects/1", {"status": "on_hold"})
    on_hold = told(await admin.get(path))
    assert (on_hold["total_projects"], on_hold["active_projects"]) == (1, 0)
    await admin.delete("/api/tasks/1")
    assert told(await admin.get(path))["total_hours_worked"] == 0.3
    await admin.delete("/api/projects/1")
    gone = told(await admin.get(path))
    assert (gone["total_projects"], gone["total_hours_worked"]) == (0, 0)


async def test_who_may_ask_for_whose_figures(taskflow: Taskflow) -> None:
    mia, _, uma = await three_people(taskflow)
    for client in (taskflow.admin, mia):
        for path in ("/api/users/4/stats", "/api/users/1/stats", "/api/departments/1/stats"):
            assert (await client.get(path)).status == 200
    assert (await uma.get("/api/users/4/stats")).status == 200
    for number in ("1", "2", "99", "0", "x"):
        check_error(await uma.get(f"/api/users/{number}/stats"), 404, "NOT_FOUND")
    refused = await uma.get("/api/departments/1/stats")
    check_error(refused, 403, "PERMISSION_DENIED")
    assert (refused.data["required_role"], refused.data["current_role"]) == ("manager", "user")
    for client in (uma, mia):
        check_error(await client.get("/api/departments/99/stats"), 404, "NOT_FOUND")
    nobody = await taskflow.anybody()
    for path in ("/api/users/1/stats", "/api/departments/1/stats"):
        check_error(await nobody.get(path), 401, "AUTH_REQUIRED")
        check_error(await mia.get(f"{path}?month=2025-01"), 400, "BAD_REQUEST")
        check_error(await mia.post(path), 405, "METHOD_NOT_ALLOWED")


async def test_figures_that_are_known_are_not_sent_again(taskflow: Taskflow) -> None:
    for path in ("/api/users/1/stats", "/api/departments/1/stats"):
        first = await taskflow.admin.get(path)
        known = {"If-None-Match": first.headers["ETag"]}
        assert (await taskflow.admin.get(path, headers=known)).status == 304
        await taskflow.admin.made("/api/projects", {"name": "P"})
        again = await taskflow.admin.get(path, headers=known)
        assert (again.status, again.headers["ETag"] == first.headers["ETag"]) == (200, False)


async def test_figures_wait_until_the_read_model_is_there(taskflow: Taskflow) -> None:
    """Never a zero for a figure that nobody can tell."""
    await taskflow.stop_projector()
    await taskflow.core.redis.flushdb()
    for path in ("/api/users/1/stats", "/api/departments/1/stats"):
        answer = await taskflow.admin.get(path)
        check_error(answer, 503, "UNAVAILABLE")
        assert answer.headers["Retry-After"]


def test_reassigning_moves_what_is_left_and_keeps_what_was_worked() -> None:
    """Hours stay with whom they are credited to; the open task is with whom it is now."""
    world = a_world()
    stories: tuple[Event, ...] = (
        project(1),
        task(1, DESIGNER),
        booking(1, 300, user_2=300),
        TaskAssigned(1, (WRITER, ADMIN)),
    )
    for event in stories:
        world.tell(event)
    model = MemoryModel()
    fold(world.records, model)
    figures = {ref.id: each for ref, each in model.documents.items() if ref.kind == "user_figures"}
    assert figures == {
        "2": {"id": "2", "centihours": 300, "hours.2025-05": 300},
        "3": {"id": "3", "open_tasks": 1, "tasks": 1},
        "1": {"id": "1", "open_tasks": 1, "tasks": 1},
    }
