"""Histories told event by event, and the reports that are made of them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from events.departments import DepartmentCreated
from events.event import Event, Record
from events.expenses import ExpenseRecorded
from events.instants import instant
from events.projects import ProjectCreated
from events.tasks import TaskCreated, TaskHoursBooked
from events.users import UserRegistered
from projections.memory import fold
from readmodels.memory import MemoryModel
from readmodels.reports.catalogue import REPORTS
from readmodels.reports.periods import Period
from readmodels.reports.report import Report


def at(text: str) -> str:
    """`2025-03-01` or `2025-03-01T08:00` as an instant."""
    return instant(datetime.fromisoformat(text).replace(tzinfo=UTC))


def told(*happened: tuple[str, Event]) -> list[Record]:
    """A log from position 1 on: what was recorded when, in order of time."""
    versions: Counter[str] = Counter()
    records = []
    for position, (when, event) in enumerate(sorted(happened, key=lambda each: at(each[0])), 1):
        versions[event.stream] += 1
        records.append(
            Record(
                event,
                event.stream,
                versions[event.stream],
                position,
                f"event-{position}",
                at(when),
                *(1, "admin", None, None, None, None),
            )
        )
    return records


async def reported(
    name: str,
    records: list[Record],
    *,
    start: str | None = None,
    end: str | None = None,
    today: str = "2020-01-01",
) -> Report:
    """A report on what is folded in memory; `start` and `end` are instants."""
    model = MemoryModel()
    fold(records, model)
    definition, period = REPORTS[name], Period(start, end)
    return definition.report(await model.snapshot(definition.scope(period), at(today)), period)


def user(number: int, department_id: int | None = None) -> UserRegistered:
    name = f"user{number}"
    return UserRegistered(number, name, f"{name}@example.com", "", "", "user", department_id, True, 10_000)


def department(number: int, name: str) -> DepartmentCreated:
    return DepartmentCreated(number, name, "")


def project(
    number: int,
    budget_cents: int = 0,
    *,
    start: str | None = None,
    end: str | None = None,
    status: str = "active",
    owner_id: int = 1,
) -> ProjectCreated:
    return ProjectCreated(
        number,
        owner_id,
        f"Project {number}",
        "",
        budget_cents,
        start and at(start),
        end and at(end),
        status,
    )


def task(
    number: int,
    assignee_ids: tuple[int, ...] = (),
    *,
    project_id: int | None = 1,
    due: str | None = None,
    estimate: int | None = None,
    status: str = "pending",
) -> TaskCreated:
    """`estimate` in hundredths of hours."""
    return TaskCreated(
        number,
        project_id,
        1,
        f"Task {number}",
        "",
        "medium",
        status,
        due and at(due),
        estimate,
        assignee_ids,
    )


def booked(number: int, total: int, *parts: tuple[int, int]) -> TaskHoursBooked:
    """Hours (hundredths) booked on a task at 100.00 an hour; `parts` say how much of it for whom."""
    return TaskHoursBooked(
        number,
        total,
        tuple(
            {"user_id": who, "centihours": part, "hourly_rate_cents": 10_000, "cost_cents": part * 100}
            for who, part in parts
        ),
    )


def spent(number: int, project_id: int, cents: int, on: str) -> ExpenseRecorded:
    return ExpenseRecorded(number, project_id, cents, "", "", at(on))
