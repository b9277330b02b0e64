"""The service to compare with is an honest one: it refuses what is wrong, and asks no query for each row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.engine import Engine

from benchmarks.flask_service.models import make_tables
from benchmarks.flask_service.service import create_app

TASK = {"title": "Water the plants", "priority": "high", "due_date": "2026-12-01", "assigned_to": [1]}


@pytest.fixture
def app(empty_database_url: str) -> Iterator[Flask]:
    make_tables(empty_database_url, "admin", "admin123")
    app = create_app(empty_database_url, "a secret")
    yield app
    app.extensions["engine"].dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Signed in, with two projects of which the second has three tasks."""
    client = app.test_client()
    who = {"username": "admin", "password": "admin123"}
    assert client.post("/api/auth/login", json=who).status_code == 200
    for name in ("One", "Two"):
        assert client.post("/api/projects", json={"name": name, "budget": 10}).status_code == 201
    for _ in range(3):
        assert client.post("/api/projects/2/tasks", json=TASK).status_code == 201
    return client


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What SQLAlchemy has asked a database so far."""
    asked: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


def test_strangers_see_nothing(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/api/projects").status_code == 401
    wrong = {"username": "admin", "password": "wrong"}
    assert client.post("/api/auth/login", json=wrong).status_code == 401


def test_a_task_is_in_the_database_when_it_is_answered(client: FlaskClient, empty_database_url: str) -> None:
    made = client.post("/api/projects/1/tasks", json=TASK).get_json()["data"]["task"]
    assert made["assignees"] == [{"id": 1, "username": "admin", "email": "admin@example.com"}]
    with psycopg.connect(empty_database_url) as connection:
        found = connection.execute("select title from tasks where id = %s", (made["id"],)).fetchone()
    assert found == ("Water the plants",)
    assert client.get(f"/api/tasks/{made['id']}").get_json()["data"]["task"] == made


@pytest.mark.parametrize(
    "change",
    [
        {"title": ""},
        {"priority": "loud"},
        {"due_date": "soon"},
        {"assigned_to": [99]},
        {"estimated_hours": -1},
    ],
    ids=str,
)
def test_what_is_wrong_is_refused(client: FlaskClient, change: dict[str, Any]) -> None:
    answer = client.post("/api/projects/1/tasks", json=TASK | change)
    assert (answer.status_code, answer.get_json()["status"]) == (422, "error")
    assert client.post("/api/projects/9/tasks", json=TASK).status_code == 404


def test_lists_and_details_ask_no_query_for_each_row(client: FlaskClient, statements: list[str]) -> None:
    listed = client.get("/api/projects?per_page=10").get_json()
    assert [(each["name"], each["tasks_count"]) for each in listed["data"]["projects"]] == [
        ("Two", 3),
        ("One", 0),
    ]
    assert listed["pagination"] == {"page": 1, "per_page": 10, "total": 2, "pages": 1}
    assert len(statements) == 4
    statements.clear()
    project = client.get("/api/projects/2").get_json()["data"]["project"]
    assert [task["id"] for task in project["tasks"]] == [3, 2, 1]
    assert len(statements) == 4
