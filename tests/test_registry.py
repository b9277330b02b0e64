"""Nothing is left out: every command has a decider, every event a state that it is folded into."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import fields, is_dataclass

import pytest

import commands
import events
from commands.accounts import ChangePassword, DeactivateUser, DeleteUser, RegisterUser, SignUp
from commands.context import given
from commands.departments import ChangeDepartment
from commands.expenses import RecordExpense, ReverseExpense
from commands.projects import ChangeProject, DeleteProject
from commands.registry import FOLDS, HANDLERS, Fold, main_stream, stream_of
from commands.risks import ChangeRisk, RaiseRisk
from commands.tags import ChangeTag, CreateTag, DeleteTag
from commands.tasks import AssignTask, ChangeTask, CreateTask, DeleteTask, Task
from commands.users import ChangeProfile, ChangeUser
from events.event import TYPES

for module in pkgutil.iter_modules(events.__path__):
    importlib.import_module(f"events.{module.name}")


def command_classes() -> set[type]:
    """Dataclasses whose fields have to be given by name: only commands are."""
    names = [f"commands.{found.name}" for found in pkgutil.iter_modules(commands.__path__)]
    values = [value for name in names for value in vars(importlib.import_module(name)).values()]
    classes = {value for value in values if isinstance(value, type) and is_dataclass(value)}
    return {cls for cls in classes if fields(cls) and all(field.kw_only for field in fields(cls))}


def test_every_command_has_a_decider() -> None:
    assert command_classes() == set(HANDLERS)


def test_every_event_type_belongs_to_a_stream_that_has_a_state() -> None:
    assert TYPES
    assert {cls.STREAM for cls in TYPES.values()} <= FOLDS.keys()


@pytest.mark.parametrize("fold", FOLDS.values(), ids=FOLDS.keys())
def test_the_state_of_an_empty_stream_does_not_exist(fold: Fold) -> None:
    assert fold.kind().exists is False


@pytest.mark.parametrize(
    ("command", "stream"),
    [
        (ChangeUser(user_id=7), "user-7"),
        (ChangeDepartment(department_id=7), "department-7"),
        (ChangeProject(project_id=7), "project-7"),
        (DeleteProject(project_id=7), "project-7"),
        (ChangeTask(task_id=7), "task-7"),
        (AssignTask(task_id=7), "task-7"),
        (DeleteTask(task_id=7), "task-7"),
        (ChangeRisk(risk_id=7), "risk-7"),
        (ReverseExpense(project_id=8, expense_id=7), "expense-7"),
        (CreateTask(project_id=7), None),
        (RaiseRisk(project_id=7), None),
        (RecordExpense(project_id=7), None),
        (RegisterUser(), None),
        (SignUp(username="ana", email="ana@example.com", password_hash="$"), None),
        (ChangeProfile(user_id=7), "user-7"),
        (ChangePassword(user_id=7, password_hash="$", replaces=0), "user-7"),
        (DeactivateUser(user_id=7), "user-7"),
        (DeleteUser(user_id=7, owns_projects=False), "user-7"),
        (CreateTag(), None),
        (ChangeTag(tag_id=7), "tag-7"),
        (DeleteTag(tag_id=7), "tag-7"),
    ],
)
def test_a_command_is_about_the_object_that_it_changes(command: object, stream: str | None) -> None:
    assert main_stream(command) == stream


def test_streams_are_named_by_category_and_key() -> None:
    assert stream_of(Task, 12) == "task-12"
    assert stream_of(FOLDS["admins"].kind, "") == "admins"


def test_given_fields_have_the_names_that_clients_use() -> None:
    command = ChangeUser(
        user_id=1, password_hash="$", hourly_rate_cents=0, invalid={"role": ["?"], "x": ["?"]}
    )
    assert given(command) == {"password", "hourly_rate", "role"}
    assert given(ChangeTask(task_id=1, due_date=None)) == {"due_date"}
    assert given(ChangeTask(task_id=1, tag_ids=())) == {"tags"}
