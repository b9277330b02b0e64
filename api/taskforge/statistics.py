"""How many tasks of which kind somebody has: looked up, never counted by walking tasks."""

from __future__ import annotations

from typing import Final

from typing_extensions import TypedDict

from api.taskforge.calls import Call
from api.taskforge.endpoints import Endpoint, Shows
from api.taskforge.envelope import Answer
from api.taskforge.task_filters import late
from events.instants import now
from readmodels.documents import Ref
from readmodels.model import Query


class ByPriority(TypedDict):
    low: int
    medium: int
    high: int
    urgent: int


class Statistics(TypedDict):
    """The caller's own tasks; an overdue one counts under its status as well."""

    total_tasks: int
    completed_tasks: int
    pending_tasks: int
    in_progress_tasks: int
    cancelled_tasks: int
    overdue_tasks: int
    by_priority: ByPriority


async def get_statistics(call: Call) -> Answer:
    user_id, model = call.caller.id, call.core.model
    ref = Ref("own_tasks", str(user_id))
    sums = (await model.fetch([ref])).get(ref, {})
    overdue = await model.page(Query("task", ranges=(late(user_id, now()),), limit=0))
    return Answer(
        Statistics(
            total_tasks=sums.get("tasks", 0),
            completed_tasks=sums.get("completed", 0),
            pending_tasks=sums.get("pending", 0),
            in_progress_tasks=sums.get("in_progress", 0),
            cancelled_tasks=sums.get("cancelled", 0),
            overdue_tasks=overdue.total,
            by_priority=ByPriority(
                low=sums.get("low", 0),
                medium=sums.get("medium", 0),
                high=sums.get("high", 0),
                urgent=sums.get("urgent", 0),
            ),
        )
    )


ENDPOINTS: Final = (
    Endpoint(
        methods=("GET",),
        path="/api/tasks/statistics",
        handle=get_statistics,
        summary="Count your own tasks",
        shows=Shows(Statistics),
    ),
)
