"""Statistics of users and departments: looked up, never computed by walking tasks."""

from __future__ import annotations

from typing import Final

from api.taskflow.calls import Call
from api.taskflow.endpoints import Endpoint, Shows, timed
from api.taskflow.envelope import Answer
from api.taskflow.stats_forms import DepartmentStats, UserStats, department_stats_answer, user_stats_answer
from api.visibility import must_see_user
from commands.errors import Forbidden


async def get_user_stats(call: Call) -> Answer:
    """Users see their own, managers and admins everybody's."""
    user_id = call.number("user_id", "user")
    must_see_user(call.caller, user_id)
    return await user_stats_answer(call.model, user_id, call.now)


async def get_department_stats(call: Call) -> Answer:
    department_id = call.number("department_id", "department")
    answer = await department_stats_answer(call.model, department_id, call.now)
    if not call.caller.sees_all:
        raise Forbidden("manager")
    return answer


ENDPOINTS: Final = (
    timed(
        Endpoint(
            "GET",
            "/api/users/{user_id}/stats",
            get_user_stats,
            summary="Tell what a user works on and has done",
            shows=Shows({"user_stats": UserStats}, is_object=True),
        )
    ),
    timed(
        Endpoint(
            "GET",
            "/api/departments/{department_id}/stats",
            get_department_stats,
            summary="Tell what a department's members work on and have done",
            shows=Shows({"department_stats": DepartmentStats}, is_object=True),
            asks_role="manager",
        )
    ),
)
