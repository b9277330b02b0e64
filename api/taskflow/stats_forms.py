"""The forms of statistics: figures that are looked up, never computed by walking tasks."""

from __future__ import annotations

import asyncio
from typing import Final

from typing_extensions import TypedDict

from api.behind import Readable
from api.taskflow.envelope import Answer
from commands.errors import NotFound
from events.instants import Instant
from readmodels.documents import Document, Ref, month_of, score
from readmodels.model import Query, Range
from readmodels.rounding import half_up
from readmodels.workload import HOURS

ACTIVE: Final = ("project:status:active",)


class TaskStats(TypedDict):
    """Cancelled tasks are left out; hours are those credited. Rates and hours have one decimal."""

    total_tasks: int
    completed_tasks: int
    pending_tasks: int
    total_hours_worked: float
    this_month_hours: float
    completion_rate: float


class UserStats(TaskStats):
    """Projects are those owned or with a task assigned. `avg_task_time` is hours by assigned task."""

    total_projects: int
    active_projects: int
    avg_task_time: float


class DepartmentStats(TaskStats):
    """Figures of the present members; a task of several members counts once."""

    total_members: int
    active_members: int
    active_projects: int
    overdue_tasks: int


async def user_stats_answer(model: Readable, user_id: int, now: Instant) -> Answer:
    """As of `now`, which says which month is this month. Raises NotFound."""
    ref, sums = Ref("user", str(user_id)), Ref("user_figures", str(user_id))
    visible = (f"project:visible:{user_id}",)
    found, total, active = await asyncio.gather(
        model.fetch([ref, sums]),
        model.page(Query("project", where=(visible,), limit=0)),
        model.page(Query("project", where=(visible, ACTIVE), limit=0)),
    )
    if ref not in found:
        raise NotFound("user")
    figures = found.get(sums, {})
    stats: UserStats = {
        "total_projects": total.total,
        "active_projects": active.total,
        **task_stats(figures, now),
        "avg_task_time": tenths(figures.get("centihours", 0), 100 * figures.get("tasks", 0)),
    }
    return Answer({"user_stats": stats}, version=found[ref]["version"])


async def department_stats_answer(model: Readable, department_id: int, now: Instant) -> Answer:
    """As of `now`, which says what is overdue. Raises NotFound."""
    ref, sums = Ref("department", str(department_id)), Ref("department_figures", str(department_id))
    due = Range(f"task:open:due:department:{department_id}", None, score(now))
    found, active, overdue = await asyncio.gather(
        model.fetch([ref, sums]),
        model.page(Query("project", where=((f"project:department:{department_id}",), ACTIVE), limit=0)),
        model.page(Query("task", ranges=(due,), limit=0)),
    )
    if ref not in found:
        raise NotFound("department")
    figures = found.get(sums, {})
    stats: DepartmentStats = {
        "total_members": figures.get("members", 0),
        "active_members": figures.get("active_members", 0),
        "active_projects": active.total,
        "overdue_tasks": overdue.total,
        **task_stats(figures, now),
    }
    return Answer({"department_stats": stats}, version=found[ref]["version"])


def task_stats(figures: Document, now: Instant) -> TaskStats:
    tasks, completed = figures.get("tasks", 0), figures.get("completed", 0)
    return {
        "total_tasks": tasks,
        "completed_tasks": completed,
        "pending_tasks": tasks - completed,
        "total_hours_worked": tenths(figures.get("centihours", 0), 100),
        "this_month_hours": tenths(figures.get(HOURS + month_of(now), 0), 100),
        "completion_rate": tenths(100 * completed, tasks),
    }


def tenths(numerator: int, denominator: int) -> float:
    """A fraction with one decimal, rounded half up; 0 where there is nothing to divide by."""
    return half_up(10 * numerator, denominator) / 10 if denominator else 0.0
