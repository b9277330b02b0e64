"""Which decider serves which command, and how the state of each kind of stream is folded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from commands import (
    accounts,
    admins,
    claims,
    departments,
    expenses,
    operations,
    projects,
    rescue,
    risks,
    tags,
    tasks,
    users,
)
from commands.accounts import (
    ChangePassword,
    DeactivateUser,
    DeleteUser,
    EndUserSessions,
    RegisterUser,
    SignUp,
)
from commands.admins import Admins
from commands.claims import Claim
from commands.context import Context, State
from commands.departments import ChangeDepartment, CreateDepartment, Department
from commands.expenses import Expense, RecordExpense, ReverseExpense
from commands.ledger import PrepareLedger, prepare_ledger
from commands.operations import (
    BackUpLedger,
    CancelRebuild,
    DiscardEvent,
    ExportLog,
    Operations,
    PauseProjection,
    RestoreLedger,
    ResumeProjection,
    RetryDeadLetters,
    RollBackGeneration,
    StartRebuild,
    StartVerification,
    SwitchGeneration,
)
from commands.projects import ChangeProject, CreateProject, DeleteProject, Project
from commands.rescue import MakeAdmin, SetUserPassword
from commands.risks import ChangeRisk, RaiseRisk, Risk
from commands.tags import ChangeTag, CreateTag, DeleteTag, Tag
from commands.tasks import AssignTask, ChangeTask, CreateTask, DeleteTask, Task
from commands.users import ChangeProfile, ChangeUser, User
from events.event import Event
from events.private import PrivateRow

Decision = Iterable[Event | PrivateRow]


class Handler(NamedTuple):
    """A decider, and the state kind and command field that name the stream which the command is about."""

    decide: Callable[[Any, Context], Decision]
    kind: type[State] | None = None
    key: str = ""


class Fold(NamedTuple):
    kind: type[State]
    evolve: Callable[[Any, Event], Any]


HANDLERS: Final[Mapping[type, Handler]] = {
    PrepareLedger: Handler(prepare_ledger),
    RegisterUser: Handler(accounts.register_user),
    SignUp: Handler(accounts.sign_up),
    ChangeUser: Handler(users.change_user, User, "user_id"),
    ChangeProfile: Handler(users.change_profile, User, "user_id"),
    DeactivateUser: Handler(accounts.deactivate_user, User, "user_id"),
    ChangePassword: Handler(accounts.change_password, User, "user_id"),
    EndUserSessions: Handler(accounts.end_user_sessions, User, "user_id"),
    DeleteUser: Handler(accounts.delete_user, User, "user_id"),
    CreateDepartment: Handler(departments.create_department),
    ChangeDepartment: Handler(departments.change_department, Department, "department_id"),
    CreateProject: Handler(projects.create_project),
    ChangeProject: Handler(projects.change_project, Project, "project_id"),
    DeleteProject: Handler(projects.delete_project, Project, "project_id"),
    CreateTask: Handler(tasks.create_task),
    ChangeTask: Handler(tasks.change_task, Task, "task_id"),
    AssignTask: Handler(tasks.assign_task, Task, "task_id"),
    DeleteTask: Handler(tasks.delete_task, Task, "task_id"),
    CreateTag: Handler(tags.create_tag),
    ChangeTag: Handler(tags.change_tag, Tag, "tag_id"),
    DeleteTag: Handler(tags.delete_tag, Tag, "tag_id"),
    RaiseRisk: Handler(risks.raise_risk),
    ChangeRisk: Handler(risks.change_risk, Risk, "risk_id"),
    RecordExpense: Handler(expenses.record_expense),
    ReverseExpense: Handler(expenses.reverse_expense, Expense, "expense_id"),
    StartRebuild: Handler(operations.start_rebuild),
    CancelRebuild: Handler(operations.cancel_rebuild),
    StartVerification: Handler(operations.start_verification),
    SwitchGeneration: Handler(operations.switch_generation),
    RollBackGeneration: Handler(operations.roll_back_generation),
    PauseProjection: Handler(operations.pause_projection),
    ResumeProjection: Handler(operations.resume_projection),
    RetryDeadLetters: Handler(operations.retry_dead_letters),
    DiscardEvent: Handler(operations.discard_event),
    ExportLog: Handler(operations.export_log),
    BackUpLedger: Handler(operations.back_up_ledger),
    RestoreLedger: Handler(operations.restore_ledger),
    MakeAdmin: Handler(rescue.make_admin),
    SetUserPassword: Handler(rescue.set_user_password, User, "user_id"),
}

FOLDS: Final[Mapping[str, Fold]] = {
    fold.kind.STREAM: fold
    for fold in (
        Fold(Admins, admins.evolve),
        Fold(Claim, claims.evolve),
        Fold(User, users.evolve),
        Fold(Department, departments.evolve),
        Fold(Project, projects.evolve),
        Fold(Task, tasks.evolve),
        Fold(Tag, tags.evolve),
        Fold(Risk, risks.evolve),
        Fold(Expense, expenses.evolve),
        Fold(Operations, operations.evolve),
    )
}


def stream_of(kind: type[State], key: int | str) -> str:
    return kind.STREAM if key == "" else f"{kind.STREAM}-{key}"


def main_stream(command: object) -> str | None:
    """The stream that a command is about; None for one that makes something new."""
    handler = HANDLERS[type(command)]
    return stream_of(handler.kind, getattr(command, handler.key)) if handler.kind else None
