"""How each command is asked for: over HTTP in the dialects that have it, else as operators' tools do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from commands import accounts, departments, expenses, operations, projects, rescue, risks, tags, tasks, users
from commands.context import SYSTEM
from events.errors import OutcomeUnknown, StoreError
from events.instants import now
from events.log import Metadata
from tests.documents import TASKFLOW, TASKFORGE, Document
from tests.http import Client
from tests.nth.world import HASH, World

DOCUMENTS: Final[Mapping[str, Document]] = {"taskflow": TASKFLOW, "taskforge": TASKFORGE}
LEAVES_OPEN: Final = (b"may have been done", b"is still running")
UNAVAILABLE: Final = 503


@dataclass(frozen=True, slots=True)
class Told:
    """What whoever asked was told. `denies` when that says that nothing was done."""

    status: int
    raw: bytes
    denies: bool

    @property
    def is_success(self) -> bool:
        return self.status < 300


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address names, the body, and who asks if it is not the admin."""

    names: Mapping[str, int] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    client: Client | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`prepare` makes what the command needs and says what is asked; the number is another one each time.

    `takes_key`: asked again with the same key the effect is one and the answer the same. With
    `asks_redis` the answer shows something, for which the read model is asked.
    """

    command: type
    dialect: str
    takes_key: bool = False
    asks_redis: bool = True

    @property
    def id(self) -> str:
        return f"{self.command.__name__} by {self.dialect}"

    async def asked(self, world: World) -> Callable[[str], Awaitable[Told]]:
        """The same request as often as one likes, each time with a key."""
        raise NotImplementedError

    def statuses(self) -> frozenset[int]:
        """What may be answered."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class OverHttp(Case):
    method: str
    path: str
    prepare: Callable[[World, int], Awaitable[Asked]]

    async def asked(self, world: World) -> Callable[[str], Awaitable[Told]]:
        asked = await self.prepare(world, next(world.numbers))
        default = world.forge_admin if self.dialect == "taskforge" else world.ledger.admin
        client, path = asked.client or default, self.path.format(**asked.names)

        async def send(key: str) -> Told:
            answer = await client.send(self.method, path, asked.body, headers={"Idempotency-Key": key})
            is_open = answer.status < 300 or any(words in answer.raw for words in LEAVES_OPEN)
            return Told(answer.status, answer.raw, denies=not is_open)

        return send

    def statuses(self) -> frozenset[int]:
        operation = DOCUMENTS[self.dialect].content["paths"][self.path][self.method.lower()]
        return frozenset(map(int, operation["responses"])) - {500}


@dataclass(frozen=True, slots=True, kw_only=True)
class ByOperators(Case):
    dialect: str = "cli"
    takes_key: bool = True
    asks_redis: bool = False
    make: Callable[[World, int], Awaitable[object]]

    async def asked(self, world: World) -> Callable[[str], Awaitable[Told]]:
        command = await self.make(world, next(world.numbers))
        core = world.ledger.core
        dispatch = core.dispatcher.dispatch

        async def send(key: str) -> Told:
            try:
                done = await core.store.outcome(key) or await dispatch(
                    command, SYSTEM, Metadata(dialect="cli"), now=now(), command_id=key
                )
            except (StoreError, OSError) as error:
                is_unknown = isinstance(error, OutcomeUnknown)
                return Told(UNAVAILABLE, str(error).encode(), denies=not is_unknown)
            return Told(200, str(done.position).encode(), denies=False)

        return send

    def statuses(self) -> frozenset[int]:
        return frozenset({200, UNAVAILABLE})


async def _new_user(_: World, n: int) -> Asked:
    name = f"user{n}"
    return Asked(body={"username": name, "email": f"{name}@example.com", "password": "Secret-123 of theirs"})


async def _email(world: World, n: int) -> Asked:
    return Asked({"user_id": await world.user()}, {"email": f"moved{n}@example.com"})


async def _own_name(world: World, n: int) -> Asked:
    fiona = world.forge_user
    return Asked({"user_id": fiona.id}, {"first_name": f"Fiona {n}"}, fiona)


async def _own_password(world: World, n: int) -> Asked:
    old, world.password = world.password, f"Secret-{n}"
    return Asked(body={"old_password": old, "new_password": world.password}, client=world.forge_user)


async def _somebody(world: World, _: int) -> Asked:
    return Asked({"user_id": await world.user()})


async def _name(_: World, n: int) -> Asked:
    return Asked(body={"name": f"Number {n}"})


async def _department(world: World, n: int) -> Asked:
    return Asked({"department_id": await world.department()}, {"name": f"Renamed {n}"})


async def _project(world: World, n: int) -> Asked:
    return Asked({"project_id": await world.project()}, {"name": f"Renamed {n}", "budget": n})


async def _full_project(world: World, _: int) -> Asked:
    project_id = await world.project()
    await world.task(project_id)
    return Asked({"project_id": project_id})


async def _task_in_project(world: World, _: int) -> Asked:
    body = {"title": "Dig", "assigned_to": [1, world.forge_user.id], "actual_hours": 2}
    return Asked({"project_id": await world.project()}, body)


async def _task(world: World, n: int) -> Asked:
    return Asked({"task_id": await world.task(await world.project())}, {"title": f"Dig {n}"})


async def _reported_task(world: World, n: int) -> Asked:
    task = await _task(world, n)
    return Asked(task.names, {"title": f"Dig {n}", "status": "completed", "actual_hours": 3})


async def _assignment(world: World, n: int) -> Asked:
    task = await _task(world, n)
    return Asked(task.names, {"user_ids": [world.forge_user.id], "estimated_hours": n})


async def _task_to_delete(world: World, n: int) -> Asked:
    return Asked((await _task(world, n)).names)


async def _new_risk(world: World, n: int) -> Asked:
    return Asked({"project_id": await world.project()}, {"title": f"Rain {n}", "severity": "high"})


async def _risk(world: World, n: int) -> Asked:
    return Asked({"risk_id": await world.risk(await world.project())}, {"title": f"Snow {n}"})


async def _new_expense(world: World, n: int) -> Asked:
    return Asked({"project_id": await world.project()}, {"amount": n, "category": "Steel"})


async def _expense(world: World, _: int) -> Asked:
    project_id = await world.project()
    return Asked({"project_id": project_id, "expense_id": await world.expense(project_id)})


async def _own_task(world: World, n: int) -> Asked:
    return Asked(body={"title": f"Dig {n}", "tags": [await world.tag()]})


async def _lonely_task(world: World, n: int) -> Asked:
    return Asked({"task_id": await world.task()}, {"title": f"Dig {n}", "tags": [await world.tag()]})


async def _lonely_task_to_delete(world: World, _: int) -> Asked:
    return Asked({"task_id": await world.task()})


async def _tag(world: World, n: int) -> Asked:
    return Asked({"tag_id": await world.tag()}, {"name": f"Renamed {n}"})


async def _tag_to_delete(world: World, _: int) -> Asked:
    return Asked({"tag_id": await world.tag()})


def _over_http(
    dialect: str,
    command: type,
    method: str,
    path: str,
    prepare: Callable[[World, int], Awaitable[Asked]],
    **more: bool,
) -> OverHttp:
    return OverHttp(command=command, dialect=dialect, method=method, path=path, prepare=prepare, **more)


_flow = partial(_over_http, "taskflow")
_forge = partial(_over_http, "taskforge")


def _by(make: Callable[[World, int], Awaitable[object]], command: type) -> ByOperators:
    return ByOperators(command=command, make=make)


KEYED: Final = {"takes_key": True}
UNSHOWN: Final = {"asks_redis": False}

IN_TASKFLOW: Final = (
    _flow(accounts.RegisterUser, "POST", "/api/users", _new_user, **KEYED),
    _flow(users.ChangeUser, "PUT", "/api/users/{user_id}", _email),
    _flow(accounts.EndUserSessions, "DELETE", "/api/users/{user_id}/sessions", _somebody, **UNSHOWN),
    _flow(departments.CreateDepartment, "POST", "/api/departments", _name, **KEYED),
    _flow(departments.ChangeDepartment, "PUT", "/api/departments/{department_id}", _department),
    _flow(projects.CreateProject, "POST", "/api/projects", _name, **KEYED),
    _flow(projects.ChangeProject, "PUT", "/api/projects/{project_id}", _project),
    _flow(projects.DeleteProject, "DELETE", "/api/projects/{project_id}", _full_project, **UNSHOWN),
    _flow(tasks.CreateTask, "POST", "/api/projects/{project_id}/tasks", _task_in_project, **KEYED),
    _flow(tasks.ChangeTask, "PUT", "/api/tasks/{task_id}", _reported_task),
    _flow(tasks.AssignTask, "POST", "/api/tasks/{task_id}/assign", _assignment, **KEYED),
    _flow(tasks.DeleteTask, "DELETE", "/api/tasks/{task_id}", _task_to_delete, **UNSHOWN),
    _flow(risks.RaiseRisk, "POST", "/api/projects/{project_id}/risks", _new_risk, **KEYED),
    _flow(risks.ChangeRisk, "PUT", "/api/risks/{risk_id}", _risk),
    _flow(expenses.RecordExpense, "POST", "/api/projects/{project_id}/expenses", _new_expense, **KEYED),
    _flow(
        expenses.ReverseExpense,
        "DELETE",
        "/api/projects/{project_id}/expenses/{expense_id}",
        _expense,
        **UNSHOWN,
    ),
)

IN_TASKFORGE: Final = (
    _forge(accounts.SignUp, "POST", "/api/auth/register", _new_user),
    _forge(accounts.ChangePassword, "POST", "/api/auth/change-password", _own_password, **UNSHOWN),
    _forge(users.ChangeProfile, "PUT", "/api/users/{user_id}", _own_name),
    _forge(users.ChangeUser, "PUT", "/api/users/{user_id}", _email),
    _forge(accounts.DeactivateUser, "POST", "/api/users/{user_id}/deactivate", _somebody),
    _forge(accounts.DeleteUser, "DELETE", "/api/users/{user_id}", _somebody),
    _forge(tasks.CreateTask, "POST", "/api/tasks", _own_task, **KEYED),
    _forge(tasks.ChangeTask, "PUT", "/api/tasks/{task_id}", _lonely_task),
    _forge(tasks.DeleteTask, "DELETE", "/api/tasks/{task_id}", _lonely_task_to_delete, **UNSHOWN),
    _forge(tags.CreateTag, "POST", "/api/tags", _name, **KEYED),
    _forge(tags.ChangeTag, "PUT", "/api/tags/{tag_id}", _tag),
    _forge(tags.DeleteTag, "DELETE", "/api/tags/{tag_id}", _tag_to_delete, **UNSHOWN),
)


WHY: Final = "a test wants it"


async def _admin(_: World, n: int) -> object:
    name = f"admin{n}"
    email = f"{name}@example.com"
    return rescue.MakeAdmin(username=name, email=email, password_hash=HASH, reason=WHY)


async def _password(world: World, _: int) -> object:
    return rescue.SetUserPassword(user_id=await world.user(), password_hash=HASH, reason=WHY)


def _operation(command: type, **values: Any) -> ByOperators:
    """An operation that may be recorded again and again."""

    async def make(_: World, __: int) -> object:
        return command(**values, reason=WHY)

    return ByOperators(command=command, make=make)


async def _pause(world: World, _: int) -> object:
    await set_paused(world, wished=False)
    return operations.PauseProjection(reason=WHY)


async def _resume(world: World, _: int) -> object:
    await set_paused(world, wished=True)
    return operations.ResumeProjection(reason=WHY)


async def set_paused(world: World, *, wished: bool) -> None:
    dispatcher = world.ledger.core.dispatcher
    if (await dispatcher.load(operations.Operations, "")).is_paused != wished:
        command = operations.PauseProjection if wished else operations.ResumeProjection
        await dispatcher.dispatch(command(reason=WHY), SYSTEM, Metadata(dialect="cli"), now=now())


async def _discard(_: World, n: int) -> object:
    """Of a position that the log has not reached: nothing is left out of any fold."""
    return operations.DiscardEvent(position=10**9 + n, reason=WHY)


BY_OPERATORS: Final = (
    _by(_admin, rescue.MakeAdmin),
    _by(_password, rescue.SetUserPassword),
    _operation(operations.StartRebuild, generation=99),
    _operation(operations.CancelRebuild, generation=99),
    _operation(operations.StartVerification, documents=9),
    _operation(operations.SwitchGeneration, from_generation=98, to_generation=99),
    _operation(operations.RollBackGeneration, from_generation=99, to_generation=98),
    _by(_pause, operations.PauseProjection),
    _by(_resume, operations.ResumeProjection),
    _operation(operations.RetryDeadLetters, positions=(10**9,)),
    _by(_discard, operations.DiscardEvent),
    _operation(operations.ExportLog, first=1, last=2, with_keys=False),
    _operation(operations.BackUpLedger, position=1),
    _operation(operations.RestoreLedger, position=1, made_at=now(), is_latest=True),
)

CASES: Final[tuple[Case, ...]] = (*IN_TASKFLOW, *IN_TASKFORGE, *BY_OPERATORS)
