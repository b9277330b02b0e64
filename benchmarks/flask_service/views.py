"""What the Flask service answers: logging in, projects, tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flask import Response, g, jsonify
from flask import session as cookie
from sqlalchemy import case, func, select
from sqlalchemy.orm import joinedload, selectinload
from werkzeug.exceptions import Forbidden, NotFound, Unauthorized, UnprocessableEntity
from werkzeug.security import check_password_hash

from benchmarks.flask_service import forms
from benchmarks.flask_service.asking import View, db, json_object, positive, signed_in
from benchmarks.flask_service.models import Project, Task, User

PER_PAGE_MAX: Final = 100


def health() -> Response:
    return jsonify(status="ok")


def login() -> Response:
    body = json_object()
    user = db().scalar(select(User).where(User.username == body.get("username")))
    if user is None or not check_password_hash(user.password_hash, str(body.get("password"))):
        raise Unauthorized("wrong username or password")
    cookie["user_id"] = user.id
    return forms.answer({"user": forms.person(user)}, "Login successful")


@signed_in
def list_projects() -> Response:
    page, per_page = positive("page", 1), min(positive("per_page", 20), PER_PAGE_MAX)
    total = db().scalar(select(func.count()).select_from(Project)) or 0
    found = db().scalars(
        select(Project)
        .options(joinedload(Project.owner))
        .order_by(Project.id.desc())
        .limit(per_page)
        .offset((page - 1) * per_page)
    )
    projects = found.all()
    counts = task_counts([project.id for project in projects])
    lines = [forms.project_fields(each, *counts.get(each.id, (0, 0))) for each in projects]
    pages = -(-total // per_page)
    pagination = {"page": page, "per_page": per_page, "total": total, "pages": pages}
    return forms.answer({"projects": lines}, pagination=pagination)


def task_counts(project_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """How many tasks a project has, and how many of them are completed."""
    completed = func.sum(case((Task.status == "completed", 1), else_=0))
    rows = db().execute(
        select(Task.project_id, func.count(), completed)
        .where(Task.project_id.in_(project_ids))
        .group_by(Task.project_id)
    )
    return {project_id: (tasks, done) for project_id, tasks, done in rows}


@signed_in
def show_project(project_id: int) -> Response:
    with_tasks = selectinload(Project.tasks).selectinload(Task.assignees)
    project = db().get(Project, project_id, options=[joinedload(Project.owner), with_tasks])
    if project is None:
        raise NotFound("there is no such project")
    completed = sum(task.status == "completed" for task in project.tasks)
    fields = forms.project_fields(project, len(project.tasks), completed)
    return forms.answer({"project": fields | {"tasks": [forms.task_line(task) for task in project.tasks]}})


@signed_in
def create_project() -> Response:
    body = json_object()
    project = Project(
        name=forms.text(body, "name", longest=200, required=True),
        description=forms.text(body, "description", longest=2000),
        budget=forms.number(body, "budget") or 0.0,
        start_date=forms.day(body, "start_date"),
        end_date=forms.day(body, "end_date"),
        owner=g.user,
    )
    db().add(project)
    db().commit()
    return forms.answer(
        {"project": forms.project_fields(project, 0, 0)}, "Project created successfully", status=201
    )


@signed_in
def create_task(project_id: int) -> Response:
    body = json_object()
    project = db().get(Project, project_id)
    if project is None:
        raise NotFound("there is no such project")
    if project.owner_id != g.user.id and g.user.role != "admin":
        raise Forbidden("only the owner adds tasks")
    task = Task(
        project=project,
        title=forms.text(body, "title", longest=200, required=True),
        description=forms.text(body, "description", longest=2000),
        priority=forms.priority(body),
        due_date=forms.day(body, "due_date"),
        estimated_hours=forms.number(body, "estimated_hours"),
        assignees=people(body.get("assigned_to", [])),
    )
    db().add(task)
    db().commit()
    return forms.answer({"task": forms.task_fields(task)}, "Task created successfully", status=201)


@signed_in
def show_task(task_id: int) -> Response:
    task = db().get(Task, task_id, options=[selectinload(Task.assignees)])
    if task is None:
        raise NotFound("there is no such task")
    return forms.answer({"task": forms.task_fields(task)})


def people(user_ids: object) -> list[User]:
    if not isinstance(user_ids, list) or not all(isinstance(each, int) for each in user_ids):
        raise UnprocessableEntity("assigned_to must be a list of ids")
    if not user_ids:
        return []
    found = db().scalars(select(User).where(User.id.in_(user_ids))).all()
    if len(found) < len(set(user_ids)):
        raise UnprocessableEntity("assigned_to names somebody who is not there")
    return list(found)


ROUTES: Final[Sequence[tuple[str, str, View]]] = (
    ("GET", "/health", health),
    ("POST", "/api/auth/login", login),
    ("GET", "/api/projects", list_projects),
    ("POST", "/api/projects", create_project),
    ("GET", "/api/projects/<int:project_id>", show_project),
    ("POST", "/api/projects/<int:project_id>/tasks", create_task),
    ("GET", "/api/tasks/<int:task_id>", show_task),
)
