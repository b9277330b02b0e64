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

from commands.money import cost_cents, equal_shares
from events.departments import DepartmentCreated, DepartmentDescribed, DepartmentRenamed
from events.event import Event, Poison, Record
from events.expenses import ExpenseRecorded, ExpenseReversed
from events.instants import instant
from events.projects import (
    ProjectCreated,
    ProjectDeleted,
    ProjectDetailsChanged,
    ProjectOwnerChanged,
    ProjectStatusChanged,
)
from events.risks import RiskDetailsChanged, RiskRaised, RiskStatusChanged
from events.tags import TagChanged, TagCreated, TagDeleted
from events.tasks import (
    TaskAssigned,
    TaskCreated,
    TaskDeleted,
    TaskDetailsChanged,
    TaskHoursBooked,
    TaskStatusChanged,
    TaskTagged,
)
from events.users import (
    AdminGained,
    PasswordChanged,
    SessionsEnded,
    UserActivated,
    UserDeactivated,
    UserDeleted,
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
CLOSED: Final = frozenset({"completed", "cancelled"})
ROLES: Final = ("admin", "manager", "user")
SEVERITIES: Final = ("low", "medium", "high", "critical")
RISK_STATUSES: Final = ("active", "mitigated", "resolved", "closed")

T = TypeVar("T")
Span = tuple[str | None, str | None]


@dataclass(frozen=True)
class Mix:
    """How often what happens; `new` and `end` are percentages of what happens to things of a kind.

    `steps` are how long it takes until the next event.
    """

    users: int = 2
    departments: int = 1
    projects: int = 3
    tasks: int = 8
    risks: int = 2
    expenses: int = 1
    tags: int = 1
    new: int = 30
    end: int = 10
    steps: tuple[timedelta, ...] = (
        timedelta(), timedelta(seconds=1), timedelta(hours=1), timedelta(hours=7), timedelta(days=1),
        timedelta(days=9),
    )  # fmt: skip


# Every kind of event soon and within months, for laws; tasks that live long, for figures; and a
# company at work, for measuring: tasks live through ten events.
VARIED: Final = Mix()
LONG_LIVED: Final = Mix(projects=2, tasks=16, risks=1, new=12, end=4)
AT_WORK: Final = Mix(
    users=4, departments=1, projects=10, tasks=170, risks=8, expenses=7, tags=1, new=10, end=1,
    steps=(timedelta(), timedelta(minutes=5), timedelta(minutes=25)),
)  # fmt: skip


@dataclass
class Task:
    project_id: int | None
    creator: int
    assignees: tuple[int, ...]
    hours: int = 0


@dataclass
class World:
    """What exists so far, and the history that made it so. `next()` adds one event."""

    random: Random
    mix: Mix = VARIED
    records: list[Record] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    now: datetime = START
    users: list[int] = field(default_factory=list)
    rates: dict[int, int] = field(default_factory=dict)
    departments: list[int] = field(default_factory=list)
    projects: list[int] = field(default_factory=list)
    open_projects: list[int] = field(default_factory=list)
    spans: dict[int, Span] = field(default_factory=dict)
    tasks: dict[int, Task] = field(default_factory=dict)
    risks: dict[int, int] = field(default_factory=dict)
    expenses: dict[int, int] = field(default_factory=dict)
    tags: list[int] = field(default_factory=list)
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
            + [self.risk_event] * mix.risks
            + [self.expense_event] * mix.expenses
            + [self.tag_event] * mix.tags
        )

    def next(self) -> Record:
        self.now += self.pick(self.mix.steps)
        return self.tell(self.pick(self.moves)())

    def tell(self, event: Event) -> Record:
        """Add an event to the history, at the present moment."""
        version = self.versions[event.stream] = self.versions.get(event.stream, 0) + 1
        position = len(self.records) + 1
        record = Record(
            event,
            event.stream,
            version,
            position,
            f"event-{position}",
            instant(self.now),
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
        """Days mostly; some within reach, so that they pass while the history goes on."""
        if self.chance(30):
            return None
        if self.chance(50):
            return instant(START + timedelta(days=self.random.randrange(-40, 400)))
        at = self.now + timedelta(hours=self.random.randrange(-100, 500))
        return instant(at if self.chance(30) else at.replace(hour=0, minute=0, second=0, microsecond=0))

    def span(self, before: Span = (None, None)) -> Span:
        """A start and an end in this order, either of which may be missing."""
        start, end = self.pick(
            [(self.date(), before[1]), (before[0], self.date()), (self.date(), self.date())]
        )
        return (end, start) if start and end and end < start else (start, end)

    def amount(self) -> int:
        return self.pick([0, self.random.randrange(10**6), self.random.randrange(10**9)])

    def estimate(self) -> int | None:
        return self.pick([None, 0, self.random.randrange(10), self.random.randrange(4_000)])

    def some_users(self) -> tuple[int, ...]:
        chosen = [self.pick(self.users) for _ in range(self.random.randrange(4))] if self.users else []
        return tuple(dict.fromkeys(chosen))

    def user_event(self) -> Event:
        if not self.users or self.chance(self.mix.new):
            return self.registered()
        number, text = self.pick(self.users), self.text()
        if self.chance(self.mix.end):
            return self.user_deleted(number)
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
            lambda: self.rate_changed(number),
            lambda: PasswordChanged(number),
            lambda: SessionsEnded(number, "others"),
            lambda: AdminGained(number),
        ]
        return self.pick(changes)()

    def registered(self) -> UserRegistered:
        number, text = self.new_id("user"), self.text()
        self.users.append(number)
        department = self.pick(self.departments) if self.departments and self.chance(80) else None
        rate = self.rates[number] = self.random.randrange(10_000)
        return UserRegistered(
            number,
            f"{text}{number}",
            f"{number}@example.com",
            text,
            text,
            self.pick(ROLES),
            department,
            self.chance(90),
            rate,
        )

    def user_deleted(self, number: int) -> UserDeleted:
        """Projects that are still theirs stay so: one may have become theirs in that very moment."""
        self.users.remove(number)
        for task_id, task in list(self.tasks.items()):
            task.assignees = tuple(each for each in task.assignees if each != number)
            if task.project_id is None and task.creator == number:
                del self.tasks[task_id]
        return UserDeleted(number)

    def rate_changed(self, number: int) -> UserRateChanged:
        self.rates[number] = self.random.randrange(20_000)
        return UserRateChanged(number, self.rates[number])

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
            lambda: ProjectDetailsChanged(number, self.project_details(number)),
            lambda: ProjectDetailsChanged(number, self.project_details(number)),
            lambda: self.project_status_changed(number),
            lambda: self.project_status_changed(number),
            lambda: ProjectOwnerChanged(number, self.pick(self.users)),
        ]
        return self.pick(changes)()

    def project_created(self) -> ProjectCreated:
        number = self.new_id("project")
        self.projects.append(number)
        span = self.spans[number] = self.span()
        return ProjectCreated(
            number, self.pick(self.users), self.text(), self.text(), self.amount(), *span,
            self.status_of(number),
        )  # fmt: skip

    def project_status_changed(self, number: int) -> ProjectStatusChanged:
        return ProjectStatusChanged(number, self.status_of(number))

    def status_of(self, number: int) -> str:
        """A project's status from now on; only an open one takes new tasks."""
        status = self.pick(PROJECT_STATUSES)
        if status in CLOSED and number in self.open_projects:
            self.open_projects.remove(number)
        if status not in CLOSED and number not in self.open_projects:
            self.open_projects.append(number)
        return status

    def project_details(self, number: int) -> dict[str, Any]:
        if self.chance(50):
            before = self.spans[number]
            span = self.spans[number] = self.span(before)
            names = ("start_date", "end_date")
            return {name: new for name, old, new in zip(names, before, span, strict=True) if new != old}
        return self.pick([{"name": self.text()}, {"description": self.text(), "budget_cents": self.amount()}])

    def project_deleted(self, number: int) -> ProjectDeleted:
        self.projects.remove(number)
        self.open_projects = [each for each in self.open_projects if each != number]
        for task_id in [task_id for task_id, task in self.tasks.items() if task.project_id == number]:
            del self.tasks[task_id]
            self.gone.append(task_id)
        for things in (self.risks, self.expenses):
            for thing in [thing for thing, project_id in things.items() if project_id == number]:
                del things[thing]
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
            lambda: TaskTagged(number, self.some_tags()),
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
        project = self.pick(self.open_projects) if self.open_projects and self.chance(85) else None
        task = self.tasks[number] = Task(project, self.pick(self.users), self.some_users())
        return TaskCreated(
            number, project, task.creator, self.text(), self.text(), self.pick(PRIORITIES),
            self.pick(TASK_STATUSES), self.date(), self.estimate(), task.assignees,
        )  # fmt: skip

    def task_details(self) -> dict[str, Any]:
        return self.pick(
            [
                {"title": self.text()},
                {"priority": self.pick(PRIORITIES)},
                {"due_date": self.date()},
                {"due_date": self.date(), "priority": self.pick(PRIORITIES)},
                {"estimated_centihours": self.estimate()},
                {"estimated_centihours": None, "completion_notes": self.text()},
                {"description": self.text(), "title": self.text()},
            ]
        )

    def task_assigned(self, number: int) -> TaskAssigned:
        self.tasks[number].assignees = self.some_users()
        return TaskAssigned(number, self.tasks[number].assignees)

    def hours_booked(self, number: int) -> TaskHoursBooked:
        task = self.tasks[number]
        total = task.hours if self.chance(15) else self.random.randrange(8_000)
        change, task.hours = total - task.hours, total
        is_own = task.assignees and self.chance(40)
        shares = equal_shares(change, (self.pick(task.assignees),) if is_own else task.assignees)
        credited = tuple(self.credit(user, hours) for user, hours in shares.items() if hours)
        return TaskHoursBooked(number, total, credited)

    def credit(self, user: int, hours: int) -> dict[str, int]:
        rate = self.rates[user]
        cost = cost_cents(hours, rate)
        return {"user_id": user, "centihours": hours, "hourly_rate_cents": rate, "cost_cents": cost}

    def task_deleted(self, number: int) -> TaskDeleted:
        del self.tasks[number]
        return TaskDeleted(number)

    def some_tags(self) -> tuple[int, ...]:
        return tuple(sorted({self.pick(self.tags) for _ in range(self.random.randrange(4)) if self.tags}))

    def tag_event(self) -> Event:
        if not self.tags or self.chance(self.mix.new):
            self.tags.append(self.new_id("tag"))
            return TagCreated(self.tags[-1], self.text(), self.pick(["", "#808080"]), self.text())
        number = self.pick(self.tags)
        if self.chance(self.mix.end):
            self.tags.remove(number)
            return TagDeleted(number)
        return TagChanged(number, self.pick([{"name": self.text()}, {"color": "#FF0000", "description": ""}]))

    def risk_event(self) -> Event:
        if not self.projects:
            return self.project_event()
        if not self.risks or self.chance(self.mix.new):
            number, project = self.new_id("risk"), self.pick(self.projects)
            self.risks[number] = project
            return RiskRaised(
                number, project, self.text(), self.text(), self.pick(SEVERITIES), self.pick(SEVERITIES[:3]),
                self.text(), self.text(), self.pick(RISK_STATUSES),
            )  # fmt: skip
        number = self.pick(list(self.risks)[-100:])
        if self.chance(50):
            return RiskStatusChanged(number, self.pick(RISK_STATUSES))
        changes: list[dict[str, str]] = [
            {"severity": self.pick(SEVERITIES)},
            {"title": self.text(), "actual_impact": self.text()},
        ]
        return RiskDetailsChanged(number, changes[self.random.randrange(2)])

    def expense_event(self) -> Event:
        if not self.projects:
            return self.project_event()
        if not self.expenses or not self.chance(self.mix.end + 10):
            number, project = self.new_id("expense"), self.pick(self.projects)
            self.expenses[number] = project
            day = instant(START + timedelta(days=self.random.randrange(-400, 400)))
            return ExpenseRecorded(number, project, 1 + self.amount(), self.text(), self.text(), day)
        number = self.pick(list(self.expenses)[-100:])
        del self.expenses[number]
        return ExpenseReversed(number)


def history(random: Random, length: int, mix: Mix = VARIED) -> list[Record]:
    """`length` records from position 1 on."""
    world = World(random, mix)
    for _ in range(length):
        world.next()
    return world.records


def histories(length_max: int = 60, mix: Mix = VARIED) -> st.SearchStrategy[list[Record]]:
    """Histories that Hypothesis can cut short; a shorter one begins like the longer one did."""
    return st.builds(
        lambda seed, length: history(Random(seed), length, mix),
        st.integers(0, 2**32),
        st.integers(1, length_max),
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
