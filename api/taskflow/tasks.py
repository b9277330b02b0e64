"""Tasks over HTTP: in a project, alone, and assigned to people."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from api.behind import Readable
from api.moments_rights import permitted_tasks
from api.taskflow import parameters
from api.taskflow.calls import Call
from api.taskflow.endpoints import Endpoint, Shows, timed
from api.taskflow.envelope import Answer
from api.taskflow.listing import indexes, paged
from api.taskflow.task_forms import Assignment, NewTask, ShownTask, TaskChange, task_answer, tasks_answer
from api.visibility import must_see, visible_tasks
from commands.tasks import AssignTask, ChangeTask, CreateTask, DeleteTask
from events.tasks import TaskCreated
from readmodels.documents import score
from readmodels.model import Query, Range, Through

FILTERS: Final[parameters.Parameters] = {
    **parameters.PAGING,
    "status": parameters.one_of("pending", "in_progress", "completed", "cancelled"),
    "priority": parameters.one_of("low", "medium", "high", "urgent"),
    "assigned_to": parameters.ID,
    "overdue": parameters.BOOLEAN,
    "q": parameters.TEXT,
    "sort": parameters.sort_by("created_at", "id", "title", "priority", "due_date", "updated_at"),
}
INDEXES: Final = {"status": "task:status", "priority": "task:priority", "assigned_to": "task:assignee"}


async def list_tasks(call: Call) -> Answer:
    query = tasks_query(call)
    if not call.caller.sees_all:
        query = replace(query, through=await _visible(call))
    return await tasks_answer(call.model, query, call.filters)


async def _visible(call: Call) -> Through:
    if call.past is None:
        return visible_tasks(call.caller)
    return await permitted_tasks(call.core.redis, call.core.model, call.past, call.caller)


async def list_project_tasks(call: Call) -> Answer:
    project_id = call.number("project_id", "project")
    await must_see(call.model, call.caller, project_id, rights=call.core.model)
    query = tasks_query(call, (f"task:project:{project_id}",))
    return await tasks_answer(call.model, query, call.filters)


def tasks_query(call: Call, *more: tuple[str, ...]) -> Query:
    filters = call.filters
    query = paged(Query("task", where=(*indexes(filters, INDEXES), *more)), filters)
    if "overdue" not in filters:
        return query
    late = (Range("task:open:due", None, score(call.now)),)
    return replace(query, ranges=late) if filters["overdue"] else replace(query, without=late)


async def get_task(call: Call) -> Answer:
    rights = call.core.model if call.past else None
    return await task_answer(call.model, call.number("task_id", "task"), caller=call.caller, rights=rights)


async def create_task(call: Call) -> Answer:
    project_id = call.number("project_id", "project")
    written = await call.write(CreateTask(project_id=project_id, **call.fields, invalid=call.invalid))
    task_id = written.the(TaskCreated).task_id

    async def show(model: Readable) -> Answer:
        return await task_answer(model, task_id, "Task created successfully", 201)

    return await call.shown(written, show, is_new=True)


async def change_task(call: Call) -> Answer:
    task_id = call.number("task_id", "task")
    written = await call.write(ChangeTask(task_id=task_id, **call.fields, invalid=call.invalid))

    async def show(model: Readable) -> Answer:
        return await task_answer(model, task_id, "Task updated successfully")

    return await call.shown(written, show)


async def assign_task(call: Call) -> Answer:
    task_id = call.number("task_id", "task")
    written = await call.write(AssignTask(task_id=task_id, **call.fields, invalid=call.invalid))

    async def show(model: Readable) -> Answer:
        return await task_answer(model, task_id, "Task assigned successfully")

    return await call.shown(written, show)


async def delete_task(call: Call) -> Answer:
    written = await call.write(DeleteTask(task_id=call.number("task_id", "task")))
    return await call.done(written, "Task deleted successfully")


ONE: Final = Shows({"task": ShownTask}, is_object=True)
MANY: Final = Shows({"tasks": list[ShownTask]}, is_list=True)

ENDPOINTS: Final = (
    timed(
        Endpoint(
            "GET",
            "/api/tasks",
            list_tasks,
            is_kept=True,
            parameters=FILTERS,
            summary="List tasks that you may see",
            shows=MANY,
        )
    ),
    timed(
        Endpoint(
            "GET",
            "/api/projects/{project_id}/tasks",
            list_project_tasks,
            is_kept=True,
            parameters=FILTERS,
            summary="List a project's tasks",
            shows=MANY,
        )
    ),
    Endpoint(
        "POST",
        "/api/projects/{project_id}/tasks",
        create_task,
        body=NewTask,
        takes_key=True,
        summary="Create a task in a project",
        shows=replace(ONE, status=201),
        example={
            "title": "Create Database Schema",
            "description": "Design and implement database schema for the application",
            "priority": "high",
            "due_date": "2025-07-15",
            "estimated_hours": 8,
            "assigned_to": [2, 3],
        },
    ),
    timed(Endpoint("GET", "/api/tasks/{task_id}", get_task, is_kept=True, summary="Read a task", shows=ONE)),
    Endpoint(
        "PUT",
        "/api/tasks/{task_id}",
        change_task,
        body=TaskChange,
        summary="Change a task, or report on it",
        shows=ONE,
        example={
            "status": "completed",
            "actual_hours": 6,
            "completion_notes": "Task completed successfully with optimizations",
        },
    ),
    Endpoint("DELETE", "/api/tasks/{task_id}", delete_task, summary="Delete a task"),
    Endpoint(
        "POST",
        "/api/tasks/{task_id}/assign",
        assign_task,
        body=Assignment,
        takes_key=True,
        summary="Replace a task's assignees",
        shows=ONE,
        example={"user_ids": [2, 3, 4], "estimated_hours": 8},
    ),
)
