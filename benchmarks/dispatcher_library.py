"""The same commands as most would write them with the library: an aggregate of tasks in an Application."""

from __future__ import annotations

from functools import partial
from itertools import count
from time import perf_counter
from typing import Final
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from benchmarks.rebuild_library import environment
from benchmarks.threads import LIBRARY_THREADS, in_threads
from benchmarks.work import DESCRIPTION, TITLE

CLOSED: Final = frozenset({"completed", "cancelled"})


class Task(Aggregate):
    """A task with the rules that need no other aggregate."""

    @event("Created")
    def __init__(self, project_id: int, title: str, description: str, priority: str) -> None:
        self.project_id = project_id
        self.title = title
        self.description = description
        self.priority = priority
        self.status = "pending"

    @event("DetailsChanged")
    def change(self, title: str) -> None:
        if self.status in CLOSED:
            raise ValueError("the task is closed")
        self.title = title


class LibraryTasks(Application[UUID]):
    """Creates and changes tasks."""

    def create(self, project_id: int, title: str, description: str, priority: str) -> UUID:
        task = Task(project_id, title, description, priority)
        self.save(task)
        return task.id

    def change(self, task_id: UUID, title: str) -> None:
        task: Task = self.repository.get(task_id)
        task.change(title)
        self.save(task)


def library_commands_per_s(database_url: str, seconds: float) -> float:
    env = environment(database_url) | {
        "POSTGRES_ORIGINATOR_ID_TYPE": "uuid",
        "POSTGRES_POOL_SIZE": str(LIBRARY_THREADS),
    }
    with LibraryTasks(env=env) as application:
        return in_threads(partial(work, application), seconds)


def work(application: LibraryTasks, end: float) -> int:
    """One thread creates a task, changes it, and so on until `end`; how many commands that were."""
    for number in count():
        if perf_counter() > end:
            break
        task_id = application.create(number, f"{TITLE} {number}", DESCRIPTION, "high")
        application.change(task_id, f"{TITLE} {number}, better said")
    return 2 * number
