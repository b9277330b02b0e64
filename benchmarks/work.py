"""Commands as clients send them, by the dispatcher: tasks created and changed in projects of one owner."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from itertools import count
from time import perf_counter
from typing import Final

import psycopg

from commands.accounts import RegisterUser
from commands.context import Actor
from commands.dispatcher import Decided, Dispatcher
from commands.projects import CreateProject
from commands.tasks import ChangeTask, CreateTask
from events.instants import now
from events.log import Metadata
from events.projects import ProjectCreated
from events.store import EventStore
from events.tasks import TaskCreated
from events.users import UserRegistered

ADMIN: Final = Actor(1, "admin")
WHO: Final = Metadata(7, "manager", "taskflow", "req_0123456789", None, None, "10.0.0.1", "benchmark")
TITLE: Final = "Order the steel for the second floor"
DESCRIPTION: Final = "Ask three suppliers for their prices, and take the one who delivers before May."
PROJECTS: Final = 20

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Work:
    """A dispatcher with an empty cache, and projects to put tasks into."""

    dispatcher: Dispatcher
    project_ids: tuple[int, ...]

    async def create(self) -> tuple[int, Decided]:
        """The id of a new task, and what came of creating it."""
        number = next(_numbers)
        project_id = self.project_ids[number % len(self.project_ids)]
        command = CreateTask(
            project_id=project_id, title=f"{TITLE} {number}", description=DESCRIPTION, priority="high"
        )
        decided = await self._do(command)
        created = decided.events[0]
        assert isinstance(created, TaskCreated)
        return created.task_id, decided

    async def change(self, task_id: int) -> Decided:
        return await self._do(ChangeTask(task_id=task_id, title=f"{TITLE} {next(_numbers)}"))

    async def _do(self, command: object) -> Decided:
        return await self.dispatcher.dispatch(command, ADMIN, WHO, now=now())


async def work_on(store: EventStore) -> Work:
    """An owner and projects of theirs, new in whatever log there is."""
    dispatcher = Dispatcher(store, store.keyring.claim_key)
    name = f"owner{next(_numbers)}"
    owner = RegisterUser(username=name, email=f"{name}@example.com", password_hash="$none", role="manager")
    decided = await dispatcher.dispatch(owner, ADMIN, WHO, now=now())
    (owner_id,) = (event.user_id for event in decided.events if isinstance(event, UserRegistered))
    project_ids = []
    for number in range(PROJECTS):
        project = CreateProject(name=f"Building {number}", budget_cents=1_000_000, owner_id=owner_id)
        made = await dispatcher.dispatch(project, ADMIN, WHO, now=now())
        project_ids += [event.project_id for event in made.events if isinstance(event, ProjectCreated)]
    return Work(dispatcher, tuple(project_ids))


async def at_once(clients: int, turn: Callable[[], Coroutine[object, object, int]], seconds: float) -> int:
    """How many things `clients` get done, each beginning its next turn after the one before.

    A turn answers how many things it did.
    """
    end = perf_counter() + seconds

    async def work() -> int:
        done = 0
        while perf_counter() < end:
            done += await turn()
        return done

    return sum(await asyncio.gather(*(work() for _ in range(clients))))


def leave_ids(database_url: str, events: int) -> None:
    """Begin numbering behind all ids that a made-up history of `events` events uses itself."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for name in ("user", "project", "task"):
            connection.execute("select setval(%s, %s)", (f"{name}_ids", 4 * events + 1))
