"""Tasks over HTTP: a caller's own ones, and for admins everybody's."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs
from typing_extensions import TypedDict

from api.behind import Readable
from api.taskforge.calls import Call
from api.taskforge.endpoints import Endpoint, Shows
from api.taskforge.envelope import Answer, Words
from api.taskforge.listing import Pagination, Sorting, paged, place
from api.taskforge.reading import must_have, read, text_faults
from api.taskforge.task_filters import FILTERS, tasks_query
from api.taskforge.task_forms import (
    FIELDS,
    NO_DATE,
    NO_TAGS,
    NO_VIEW,
    NewTask,
    ShownTask,
    TaskChange,
    shown_tasks,
    task_answer,
    viewed_task,
)
from api.writing import Written
from commands.tasks import ChangeTask, CreateTask, DeleteTask
from events.tasks import TaskCreated

SORTING: Final = Sorting(
    {
        "id": "id",
        "title": "title",
        "status": "status",
        "priority": "priority_word",
        "due_date": "due_date",
        "created_at": "created",
        "updated_at": "updated_at",
    }
)

NO_UPDATE: Final = "You do not have permission to update this task"
NO_DELETE: Final = "You do not have permission to delete this task"


class Tasks(TypedDict):
    tasks: list[ShownTask]
    pagination: Pagination


async def list_tasks(call: Call) -> Answer:
    model = call.core.model
    query = await tasks_query(model, call.caller, call.query, call.now)
    page = await model.page(paged(query, call.query, SORTING))
    tasks = await shown_tasks(model, page.documents)
    return Answer(Tasks(tasks=tasks, pagination=place(call.query).of(page)))


async def create_task(call: Call) -> Answer:
    must_have(call.body, ("title",))
    fields = read(call.body, FIELDS)
    written = await call.write(CreateTask(project_id=None, **fields.values, invalid=fields.invalid))
    task_id = written.the(TaskCreated).task_id

    async def show(model: Readable) -> Answer:
        return await task_answer(model, task_id, "Task created successfully", 201)

    # Not as something new: its tags' figures are older than it is.
    return await call.shown(written, show)


async def get_task(call: Call) -> Answer:
    return await viewed_task(call.core.model, call.caller, call.number("task_id", "task"))


async def change_task(call: Call) -> Answer:
    task_id = call.number("task_id", "task")
    fields = read(call.body, FIELDS)
    written = await call.write(ChangeTask(task_id=task_id, **fields.values, invalid=fields.invalid))
    return await _shown(call, written, task_id, "Task updated successfully")


async def complete_task(call: Call) -> Answer:
    task_id = call.number("task_id", "task")
    written = await call.write(ChangeTask(task_id=task_id, status="completed"))
    return await _shown(call, written, task_id, "Task marked as completed")


async def delete_task(call: Call) -> Answer:
    written = await call.write(DeleteTask(task_id=call.number("task_id", "task")))
    return await call.done(written, "Task deleted successfully")


async def _shown(call: Call, written: Written, task_id: int, message: str) -> Answer:
    async def show(model: Readable) -> Answer:
        return await task_answer(model, task_id, message)

    return await call.shown(written, show)


ONE: Final = "/api/tasks/{task_id:[0-9]+}"
NOT_FOUND: Final = ("Task not found",)
CLOSED: Final = ("Project is closed",)
SHOWN: Final = Shows(ShownTask)
WRONG: Final = (
    *text_faults("Title"),
    "Title must be at least 1 characters",
    "Title must not exceed 200 characters",
    *text_faults("Description"),
    "Description must not exceed 5000 characters",
    "Status is required",
    "Status must be one of: pending, in_progress, completed, cancelled",
    "Priority is required",
    "Priority must be one of: low, medium, high, urgent",
    NO_DATE,
    NO_TAGS,
    "At most 1000 tags can be named at once",
    "At most 100 tags can be put on a task",
)

ENDPOINTS: Final = (
    Endpoint(
        methods=(hdrs.METH_GET,),
        path="/api/tasks",
        handle=list_tasks,
        is_kept=True,
        parameters={**SORTING.parameters(), **FILTERS},
        summary="List your own tasks: those that you created or that are assigned to you; for admins all",
        shows=Shows(Tasks),
    ),
    Endpoint(
        methods=(hdrs.METH_POST,),
        path="/api/tasks",
        handle=create_task,
        body=NewTask,
        takes_key=True,
        limit="50/hour",
        counts_callers_only=True,
        summary="Create a task of your own",
        shows=Shows(ShownTask, status=201),
        example={
            "title": "Write the release notes",
            "description": "What changed for those who upgrade",
            "priority": "high",
            "due_date": "2030-01-15T10:30:00",
            "tags": [],
        },
        fails={400: ("Missing required fields: title", *WRONG)},
    ),
    Endpoint(
        methods=(hdrs.METH_GET,),
        path=ONE,
        handle=get_task,
        is_kept=True,
        summary="Read a task: an own one, or one of a project that you see",
        shows=SHOWN,
        fails={403: (NO_VIEW,), 404: NOT_FOUND},
    ),
    Endpoint(
        methods=(hdrs.METH_PUT, hdrs.METH_PATCH),
        path=ONE,
        handle=change_task,
        body=TaskChange,
        words=Words(forbidden=NO_UPDATE),
        summary="Change a task; in a project an assignee may change its status only",
        shows=SHOWN,
        example={"status": "in_progress", "due_date": "2030-02-01"},
        fails={400: WRONG, 403: (NO_UPDATE,), 404: NOT_FOUND, 409: CLOSED},
    ),
    Endpoint(
        methods=(hdrs.METH_DELETE,),
        path=ONE,
        handle=delete_task,
        words=Words(forbidden=NO_DELETE),
        summary="Delete a task",
        fails={403: (NO_DELETE,), 404: NOT_FOUND, 409: CLOSED},
    ),
    Endpoint(
        methods=(hdrs.METH_POST,),
        path=f"{ONE}/complete",
        handle=complete_task,
        words=Words(forbidden=NO_UPDATE),
        summary="Mark a task as completed; one that is stays as it is",
        shows=SHOWN,
        fails={403: (NO_UPDATE,), 404: NOT_FOUND, 409: CLOSED},
    ),
)
