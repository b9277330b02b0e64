"""What the Flask service takes and answers: validation by hand, JSON as TaskFlow Pro has it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Final

from flask import Response, jsonify
from werkzeug.exceptions import UnprocessableEntity

from benchmarks.flask_service.models import Project, Task, User, now

PRIORITIES: Final = ("low", "medium", "high", "urgent")


def answer(data: dict[str, Any], message: str | None = None, status: int = 200, **more: Any) -> Response:
    envelope = {"status": "success", "data": data, **more}
    if message:
        envelope["message"] = message
    envelope["meta"] = {
        "timestamp": moment(now()),
        "version": "1.0",
        "request_id": f"req_{uuid.uuid4().hex[:20]}",
    }
    made = jsonify(envelope)
    made.status_code = status
    return made


def text(body: dict[str, Any], name: str, *, longest: int, required: bool = False) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > longest or (required and not value.strip()):
        raise UnprocessableEntity(f"{name} must be a text of at most {longest} characters")
    return value.strip()


def number(body: dict[str, Any], name: str) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or value < 0:
        raise UnprocessableEntity(f"{name} must be a number that is not negative")
    return float(value)


def day(body: dict[str, Any], name: str) -> datetime | None:
    value = body.get(name)
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise UnprocessableEntity(f"{name} must be a date") from None


def priority(body: dict[str, Any]) -> str:
    value = body.get("priority", "medium")
    if value not in PRIORITIES:
        raise UnprocessableEntity(f"priority must be one of {', '.join(PRIORITIES)}")
    return str(value)


def moment(value: datetime | None) -> str | None:
    return None if value is None else f"{value:%Y-%m-%dT%H:%M:%SZ}"


def person(user: User) -> dict[str, Any]:
    return {"id": user.id, "username": user.username, "email": user.email}


def first_person(task: Task) -> dict[str, Any] | None:
    return person(task.assignees[0]) if task.assignees else None


def project_fields(project: Project, tasks: int, completed: int) -> dict[str, Any]:
    return {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "budget": project.budget,
        "start_date": moment(project.start_date),
        "end_date": moment(project.end_date),
        "status": project.status,
        "progress": 100 * completed // tasks if tasks else 0,
        "owner": person(project.owner),
        "tasks_count": tasks,
        "completed_tasks": completed,
        "created_at": moment(project.created_at),
        "updated_at": moment(project.updated_at),
    }


def task_line(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "title": task.title,
        "status": task.status,
        "priority": task.priority,
        "assigned_to": first_person(task),
    }


def task_fields(task: Task) -> dict[str, Any]:
    return task_line(task) | {
        "project_id": task.project_id,
        "description": task.description,
        "assignees": [person(user) for user in task.assignees],
        "due_date": moment(task.due_date),
        "estimated_hours": task.estimated_hours,
        "actual_hours": task.actual_hours,
        "created_at": moment(task.created_at),
        "updated_at": moment(task.updated_at),
    }
