"""Believable histories of real events from a seed: the same seed, the same history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import cycle
from random import Random
from typing import Any, Final, TypeVar

from hypothesis import strategies as st

from events.departments import DepartmentCreated, DepartmentDescribed, DepartmentRenamed
from events.event import Event, Poison, Record
from events.instants import instant
from events.projects import (
    ProjectCreated,
    ProjectDeleted,
    ProjectDetailsChanged,
    ProjectOwnerChanged,
    ProjectStatusChanged,
)
from events.tasks import (
    TaskAssigned,
    TaskCreated,
    TaskDeleted,
    TaskDetailsChanged,
    TaskHoursBooked,
    TaskStatusChanged,
)
from events.users import (
    AdminGained,
    PasswordChanged,
    UserActivated,
    UserDeactivated,
    UserDepartmentChanged,
    UserEmailChanged,
    UserNamesChanged,
    UserRateChanged,
    UserRegistered,
    UserRenamed,
    UserRoleChanged,
)

START: Final = datetime(2025, 1, 1, tzinfo=UTC)
WORDS: Final = (
    "alpha", "Beta", "beta", "STRASSE", "Straße", "İstanbul", "Σίσυφος", "名前", "🚧 works",
    "a_b%c", "", "x.*",
)  # fmt: skip
PRIORITIES: Final = ("low", "medium", "high", "urgent")
TASK_STATUSES: Final = ("pending", "in_progress", "completed", "cancelled")
PROJECT_STATUSES: Final = ("active", "on_hold", "completed", "cancelled")
ROLES: Final = ("admin", "manager", "user")

T = TypeVar("T")


@dataclass(frozen=True)
class Mix:
    """How often what happens; `new` and `end` are percentages of what happens to things of a kind."""

    users: int = 2
    departments: int = 1
    projects: int = 3
    tasks: int = 8
    new: int = 30
    end: int = 10


# Every kind of event soon, for laws; and a company at work, for measuring: tasks live through ten events.
VARIED: Final = Mix()
AT_WORK: Final = Mix(users=4, departments=1, projects=10, tasks=185, new=10, end=1)


@dataclass
class Task:
    project_id: int | None
    assignees: tuple[int, ...]
    hours: int = 0


@dataclass
class World:
    """What exists so far, and the history that made it so. `next()` adds one event."""

    random: Random
    mix: Mix = VARIED
    records: list[Record] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    users: list[int] = field(default_factory=list)
    departments: list[int] = field(default_factory=list)
    projects: list[int] = field(default_factory=list)
    tasks: dict[int, Task] = field(default_factory=dict)
    gone: list[int] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)

    @cached_property
    def moves(self) -> list[Callable[[], Event]]:
        mix = self.mix
        return (
            [self.user_event] * mix.users
            + [self.department_event] * mix.departments
            + [self.project_event] * mix.projects
            + [self.task_event] * mix.tasks
        )

    def next(self) -> Record:
        moves = (
            [self.user_event] * 2 + [self.department_event] + [self.project_event] * 3 + [self.task_event] * 8
        )
        event = self.pick(moves)()
        version = self.versions[event.stream] = self.versions.get(event.stream, 0) + 1
        position = len(self.records) + 1
        at = instant(START + timedelta(minutes=position // 3))
        record = Record(
            event,
            event.stream,
            version,
            position,
            f"event-{position}",
            at,
            1,
            "admin",
            None,
            None,
            None,
            None,
        )
        self.records.append(record)
        return record

    def pick(self, some: list[T] | tuple[T, ...]) -> T:
        return some[self.random.randrange(len(some))]

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def new_id(self, kind: str) -> int:
        # Steps that are no steps of one, so that ids of one and of more digits mix.
        self.ids[kind] = self.ids.get(kind, 0) + 1 + self.random.randrange(4)
        return self.ids[kind]

    def text(self) -> str:
        return " ".join(self.pick(WORDS) for _ in range(1 + self.random.randrange(2))).strip() or "name"

    def date(self) -> str | None:
        return None if self.chance(30) else instant(START + timedelta(days=self.random.randrange(-40, 400)))

    def some_users(self) -> tuple[int, ...]:
        chosen = [self.pick(self.users) for _ in range(self.random.randrange(3))] if self.users else []
        return tuple(dict.fromkeys(chosen))

    def user_event(self) -> Event:
        if not self.users or self.chance(self.mix.new):
            return self.registered()
        number, text = self.pick(self.users), self.text()
        department = self.pick(self.departments) if self.departments and self.chance(70) else None
        changes: list[Callable[[], Event]] = [
            lambda: UserRenamed(number, f"{text}{number}"),
            lambda: UserEmailChanged(number, f"{text}{number}@example.com"),
            lambda: UserNamesChanged(number, text, text.upper()),
            lambda: UserRoleChanged(number, self.pick(ROLES)),
            lambda: UserDepartmentChanged(number, department),
            lambda: UserDepartmentChanged(number, department),
            lambda: UserDeactivated(number),
            lambda: UserActivated(number),
            lambda: UserRateChanged(number, self.random.randrange(20_000)),
            lambda: PasswordChanged(number),
            lambda: AdminGained(number),
        ]
        return self.pick(changes)()

    def registered(self) -> UserRegistered:
        number, text = self.new_id("user"), self.text()
        self.users.append(number)
        department = self.pick(self.departments) if self.departments else None
        return UserRegistered(
            number,
            f"{text}{number}",
            f"{number}@example.com",
            text,
            text,
            self.pick(ROLES),
            department,
            True,
            5_000,
        )

    def department_event(self) -> Event:
        if not self.departments or self.chance(self.mix.new):
            self.departments.append(self.new_id("department"))
            return DepartmentCreated(self.departments[-1], self.text(), self.text())
        number = self.pick(self.departments)
        return self.pick([DepartmentRenamed(number, self.text()), DepartmentDescribed(number, self.text())])

    def project_event(self) -> Event:
        if not self.users:
            return self.registered()
        if not self.projects or self.chance(self.mix.new):
            return self.project_created()
        number = self.pick(self.projects)
        if self.chance(self.mix.end):
            return self.project_deleted(number)
        changes: list[Callable[[], Event]] = [
            lambda: ProjectDetailsChanged(number, self.project_details()),
            lambda: ProjectDetailsChanged(number, self.project_details()),
            lambda: ProjectStatusChanged(number, self.pick(PROJECT_STATUSES)),
            lambda: ProjectStatusChanged(number, self.pick(PROJECT_STATUSES)),
            lambda: ProjectOwnerChanged(number, self.pick(self.users)),
        ]
        return self.pick(changes)()

    def project_created(self) -> ProjectCreated:
        number = self.new_id("project")
        self.projects.append(number)
        return ProjectCreated(
            number, self.pick(self.users), self.text(), self.text(), self.random.randrange(10**9),
            self.date(), self.date(), self.pick(PROJECT_STATUSES),
        )  # fmt: skip

    def project_details(self) -> dict[str, Any]:
        return self.pick(
            [
                {"name": self.text()},
                {"description": self.text(), "budget_cents": self.random.randrange(10**9)},
                {"start_date": self.date()},
                {"end_date": self.date(), "name": self.text()},
            ]
        )

    def project_deleted(self, number: int) -> ProjectDeleted:
        self.projects.remove(number)
        for task_id in [task_id for task_id, task in self.tasks.items() if task.project_id == number]:
            del self.tasks[task_id]
            self.gone.append(task_id)
        return ProjectDeleted(number)

    def task_event(self) -> Event:
        if not self.users:
            return self.registered()
        if not self.tasks or self.chance(self.mix.new):
            return self.task_created()
        if self.gone and self.chance(4):
            # Written in the moment in which its project went: nothing is left to change.
            return TaskStatusChanged(self.pick(self.gone), self.pick(TASK_STATUSES))
        number = self.pick(list(self.tasks)) if len(self.tasks) < 100 else self.recent_task()
        if self.chance(self.mix.end):
            return self.task_deleted(number)
        changes: list[Callable[[], Event]] = [
            lambda: TaskStatusChanged(number, self.pick(TASK_STATUSES)),
            lambda: TaskStatusChanged(number, self.pick(TASK_STATUSES)),
            lambda: TaskStatusChanged(number, self.pick(TASK_STATUSES)),
            lambda: TaskDetailsChanged(number, self.task_details()),
            lambda: TaskDetailsChanged(number, self.task_details()),
            lambda: self.task_assigned(number),
            lambda: self.task_assigned(number),
            lambda: self.hours_booked(number),
            lambda: self.hours_booked(number),
        ]
        return self.pick(changes)()

    def recent_task(self) -> int:
        """One of the younger ones: a long history works on what is new, and picks in no time."""
        newest = self.ids["task"]
        for _ in range(50):
            number = newest - self.random.randrange(min(newest, 5_000))
            if number in self.tasks:
                return number
        return next(iter(self.tasks))

    def task_created(self) -> TaskCreated:
        number = self.new_id("task")
        project = self.pick(self.projects) if self.projects and self.chance(85) else None
        task = self.tasks[number] = Task(project, self.some_users())
        estimate = None if self.chance(30) else self.random.randrange(4_000)
        return TaskCreated(
            number, project, self.pick(self.users), self.text(), self.text(), self.pick(PRIORITIES),
            self.pick(TASK_STATUSES), self.date(), estimate, task.assignees,
        )  # fmt: skip

    def task_details(self) -> dict[str, Any]:
        return self.pick(
            [
                {"title": self.text()},
                {"priority": self.pick(PRIORITIES)},
                {"due_date": self.date()},
                {"estimated_centihours": self.random.randrange(4_000)},
                {"estimated_centihours": None, "completion_notes": self.text()},
                {"description": self.text(), "title": self.text()},
            ]
        )

    def task_assigned(self, number: int) -> TaskAssigned:
        self.tasks[number].assignees = self.some_users()
        return TaskAssigned(number, self.tasks[number].assignees)

    def hours_booked(self, number: int) -> TaskHoursBooked:
        task, total = self.tasks[number], self.random.randrange(8_000)
        share = total - task.hours
        task.hours = total
        credited = [
            {"user_id": user, "centihours": share, "hourly_rate_cents": 5_000, "cost_cents": share * 50}
            for user in task.assignees[:1]
        ]
        return TaskHoursBooked(number, total, tuple(credited))

    def task_deleted(self, number: int) -> TaskDeleted:
        del self.tasks[number]
        return TaskDeleted(number)


def history(random: Random, length: int, mix: Mix = VARIED) -> list[Record]:
    """`length` records from position 1 on."""
    world = World(random, mix)
    for _ in range(length):
        world.next()
    return world.records


def histories(length_max: int = 60) -> st.SearchStrategy[list[Record]]:
    """Histories that Hypothesis can cut short; a shorter one begins like the longer one did."""
    return st.builds(
        lambda seed, length: history(Random(seed), length), st.integers(0, 2**32), st.integers(1, length_max)
    )


def spoiled(records: list[Record], seed: int, percent: int = 5) -> list[Record | Poison]:
    """The same history with some events that cannot be decoded, and some that no fold can take."""
    random = Random(seed)
    return [
        spoil(record, random.random()) if random.randrange(100) < percent else record for record in records
    ]


def spoil(record: Record, chance: float) -> Record | Poison:
    if isinstance(record.event, TaskHoursBooked) and chance < 0.5:
        return record._replace(event=TaskHoursBooked(record.event.task_id, 1, ({"user_id": 1},)))
    topic = record.event.TOPIC
    return Poison(record.stream, record.version, record.position, topic, record.recorded_at, "unknown shape")


def splits() -> st.SearchStrategy[list[int]]:
    """How many records each batch takes, in turn."""
    return st.lists(st.integers(1, 9), min_size=1, max_size=12)


def batches(records: Sequence[T], sizes: list[int]) -> list[Sequence[T]]:
    """The records in batches of these sizes, over and over."""
    parts: list[Sequence[T]] = []
    start = 0
    for size in cycle(sizes):
        if start >= len(records):
            return parts
        parts.append(records[start : start + size])
        start += size
    return parts
