"""The ledger on which commands are tried: its servers are real, its limits short."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from commands.accounts import RegisterUser
from commands.context import Actor
from commands.departments import CreateDepartment
from commands.expenses import RecordExpense
from commands.projects import CreateProject
from commands.risks import RaiseRisk
from commands.tags import CreateTag
from commands.tasks import CreateTask
from events.connections import Prepared
from events.departments import DepartmentCreated
from events.event import Event
from events.expenses import ExpenseRecorded
from events.instants import now
from events.log import Metadata
from events.postgres import PostgresLog
from events.projects import ProjectCreated
from events.risks import RiskRaised
from events.tags import TagCreated
from events.tasks import TaskCreated
from events.users import UserRegistered
from tests.http import FORGE_PASSWORD, ForgeClient, Taskflow, taskflow_running
from tests.nth.injector import Injector, beside
from tests.quick_passwords import QUICK

ADMIN: Final = Actor(1, "admin")
HASH: Final = QUICK.hash("password of theirs")
SHORT: Final[dict[str, Any]] = {
    # Nothing is remembered from one try to the next.
    "session_cache_s": 0.001,
    # So long a repetition waits for an answer that will not come.
    "idempotency_wait_s": 0.1,
    "redis_timeout_s": 0.5,
    "database_timeout_s": 0.6,
    "append_timeout_s": 0.6,
}
OUTCOME_TIMEOUT_S: Final = 0.12

COMMANDS: Final = b"select position from commands where position > %s order by position"

E = TypeVar("E", bound=Event)


class World:
    """`numbers` never come twice: names are made of them."""

    def __init__(self, ledger: Taskflow, injector: Injector) -> None:
        self.ledger = ledger
        self.injector = injector
        self.numbers = itertools.count(1)
        self.password = FORGE_PASSWORD
        self.forge_admin: ForgeClient
        self.forge_user: ForgeClient

    async def positions_of_commands(self, after: int) -> list[int]:
        """What the table of commands knows of those behind a position."""
        rows = await self.ledger.core.connections.read(Prepared(COMMANDS, [after]))
        return [row[0] for row in rows]

    async def made(self, command: object, kind: type[E]) -> E:
        """The event of this kind that comes of a command."""
        dispatch = self.ledger.core.dispatcher.dispatch
        decided = await dispatch(command, ADMIN, Metadata(dialect="cli"), now=now())
        return next(event for event in decided.events if isinstance(event, kind))

    async def user(self) -> int:
        name = f"somebody{next(self.numbers)}"
        command = RegisterUser(username=name, email=f"{name}@example.com", password_hash=HASH)
        return (await self.made(command, UserRegistered)).user_id

    async def department(self) -> int:
        command = CreateDepartment(name=f"Department {next(self.numbers)}")
        return (await self.made(command, DepartmentCreated)).department_id

    async def project(self) -> int:
        command = CreateProject(name=f"Project {next(self.numbers)}")
        return (await self.made(command, ProjectCreated)).project_id

    async def task(self, project_id: int | None = None) -> int:
        command = CreateTask(project_id=project_id, title="Dig", assigned_to=(1,))
        return (await self.made(command, TaskCreated)).task_id

    async def risk(self, project_id: int) -> int:
        return (await self.made(RaiseRisk(project_id=project_id, title="Rain"), RiskRaised)).risk_id

    async def expense(self, project_id: int) -> int:
        command = RecordExpense(project_id=project_id, amount_cents=100, category="Steel")
        return (await self.made(command, ExpenseRecorded)).expense_id

    async def tag(self) -> int:
        return (await self.made(CreateTag(name=f"tag {next(self.numbers)}"), TagCreated)).tag_id


@asynccontextmanager
async def world_on(database_url: str, redis_url: str, injector: Injector) -> AsyncIterator[World]:
    """A running ledger whose projector goes on beside whatever is tried."""
    async with taskflow_running(database_url, redis_url, **SHORT) as ledger:
        await ledger.stop_projector()
        with beside():
            ledger.start_projector()
        log = ledger.core.store.log
        assert isinstance(log, PostgresLog)
        log._writer._outcome_timeout_s = OUTCOME_TIMEOUT_S
        world = World(ledger, injector)
        world.forge_admin = await ledger.forge_admin()
        world.forge_user = await ledger.forge_user("fiona")
        yield world
