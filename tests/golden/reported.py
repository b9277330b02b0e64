"""A small history with golden reports on it; those that are missing: `python -m tests.golden.reported`.

A report that exists is never written again: it shows what its version of the formulas says.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson

from api.reports.json_data import data_of
from events.event import Event
from events.expenses import ExpenseReversed
from events.projects import ProjectStatusChanged
from events.risks import RiskRaised, RiskStatusChanged
from events.tasks import TaskAssigned, TaskDeleted, TaskDetailsChanged, TaskStatusChanged
from events.users import UserDepartmentChanged
from readmodels.reports.catalogue import REPORTS
from readmodels.reports.report import FORMULA_VERSION
from tests.reporting import at, booked, department, project, reported, spent, task, told, user

FOLDER = Path(__file__).parent / "reports"
TODAY = "2025-07-01"

HISTORY: tuple[tuple[str, Event], ...] = (
    ("2025-01-02T08:00", department(1, "Design")),
    ("2025-01-02T08:01", department(2, "Works")),
    ("2025-01-02T08:10", user(1, 1)),
    ("2025-01-02T08:11", user(2, 1)),
    ("2025-01-02T08:12", user(3, 2)),
    ("2025-01-02T08:13", user(4)),
    ("2025-01-03T09:00", project(1, 5_000_000, start="2025-01-01", end="2025-06-30")),
    ("2025-01-03T09:01", project(2, 100_000, start="2025-03-01", owner_id=3)),
    ("2025-01-03T09:02", project(3, end="2024-12-31")),
    ("2025-01-06T09:00", task(1, (2,), due="2025-01-20", estimate=800)),
    ("2025-01-06T09:05", task(2, (2, 3), due="2025-02-10T12:00", estimate=1_001)),
    ("2025-01-06T09:10", task(3, (3,), due="2025-03-01", estimate=400)),
    ("2025-01-06T09:15", task(4, (4,), estimate=300, project_id=2)),
    ("2025-01-06T09:20", task(5, (2,), due="2025-05-05", project_id=2)),
    ("2025-01-06T09:25", task(6, (), due="2025-04-04", estimate=250)),
    ("2025-01-08T10:00", TaskStatusChanged(1, "in_progress")),
    ("2025-01-09T10:00", TaskDetailsChanged(1, {"due_date": at("2025-03-31")})),
    ("2025-01-10T16:00", booked(1, 650, (2, 650))),
    ("2025-01-22T16:30", TaskStatusChanged(1, "completed")),
    ("2025-02-03T09:00", TaskStatusChanged(2, "in_progress")),
    ("2025-02-05T17:00", booked(2, 701, (2, 351), (3, 350))),
    ("2025-02-07T17:00", TaskStatusChanged(2, "completed")),
    ("2025-02-10T09:00", TaskStatusChanged(2, "in_progress")),
    ("2025-02-10T12:00", TaskStatusChanged(2, "completed")),
    ("2025-02-14T12:00", spent(1, 2, 99_999, "2025-02-01")),
    ("2025-02-15T12:00", spent(2, 2, 50_000, "2025-02-02")),
    ("2025-02-16T12:00", ExpenseReversed(2)),
    ("2025-02-20T12:00", booked(3, 125, (3, 125))),
    ("2025-02-21T12:00", RiskRaised(1, 1, "Late steel", "", "high", "medium", "schedule", "", "active")),
    ("2025-02-22T12:00", RiskRaised(2, 1, "Rain", "", "low", "high", "", "", "active")),
    ("2025-02-23T12:00", RiskStatusChanged(2, "mitigated")),
    ("2025-03-03T12:00", TaskAssigned(4, (4, 3))),
    ("2025-03-04T12:00", booked(4, 500, (4, 500))),
    ("2025-03-05T12:00", TaskStatusChanged(4, "completed")),
    ("2025-03-06T12:00", booked(5, 90, (2, 90))),
    ("2025-03-07T12:00", TaskDeleted(5)),
    ("2025-03-10T12:00", UserDepartmentChanged(2, 2)),
    ("2025-04-01T12:00", TaskStatusChanged(6, "cancelled")),
    ("2025-06-30T12:00", ProjectStatusChanged(2, "on_hold")),
)


def golden(name: str, version: int = FORMULA_VERSION) -> Path:
    return FOLDER / f"{name}.v{version}.json"


async def made(name: str) -> bytes:
    report = await reported(name, told(*HISTORY), today=TODAY)
    return orjson.dumps(data_of(report), option=orjson.OPT_INDENT_2) + b"\n"


async def write_missing() -> list[str]:
    """Write the reports of the present formulas that are missing; their names."""
    FOLDER.mkdir(exist_ok=True)
    missing = [name for name in REPORTS if not golden(name).exists()]
    for name in missing:
        golden(name).write_bytes(await made(name))
    return missing


if __name__ == "__main__":
    for each in asyncio.run(write_missing()):
        print(each)
