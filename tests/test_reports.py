"""What reports say of histories that can be checked by hand."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

from events.event import Event, Record
from events.expenses import ExpenseReversed
from events.projects import ProjectDeleted, ProjectStatusChanged
from events.risks import RiskRaised, RiskStatusChanged
from events.tasks import TaskAssigned, TaskDeleted, TaskDetailsChanged, TaskStatusChanged
from events.users import UserActivated, UserDeactivated, UserDepartmentChanged
from readmodels.reports.catalogue import REPORTS
from readmodels.reports.charting import LARGEST_MAX
from readmodels.reports.formulas import (
    median_ratio_hundredths,
    nearest_rank,
    rate_tenths,
    variance_tenths,
)
from readmodels.reports.periods import Period
from readmodels.reports.report import BARS_MAX, Bar, Report, Row
from tests.histories import histories, history
from tests.reporting import at, booked, department, project, reported, spent, task, told, user

END_OF_DAY = "T23:59:59.999999Z"

# Ten projects whose figures together are those of the API's reference page, in cents.
PAGE_BUDGETS = [
    (5_000_000, 3_250_000),
    (1_000_000, 1_500_000),
    (2_000_000, 2_400_000),
    (30_000_000, 15_519_650),
    *[(2_000_000, 1_634_225)] * 6,
]


def by(report: Report, field: str) -> dict[Any, Any]:
    """The values of a field by the rows' first columns."""
    key = report.columns[0].name
    return {row[key]: row[field] for row in report.rows}


def only(row: Row, *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


@pytest.mark.parametrize(
    ("allocated", "used", "expected"),
    [
        (5_000_000, 3_250_000, -350),
        (100, 100, 0),
        (100, 250, 1_500),
        (3, 4, 333),
        (3, 2, -333),
        (2_000, 2_001, 1),  # +0.05 % is +0.1, as -0.05 % is -0.1
        (2_000, 1_999, -1),
        (0, 0, 0),
        (0, 1, 1_000),
        (0, -1, 0),
    ],
)
def test_variance(allocated: int, used: int, expected: int) -> None:
    assert variance_tenths(allocated, used) == expected


@pytest.mark.parametrize(
    ("ordered", "percent", "expected"),
    [
        ([], 50, None),
        ([7], 50, 7),
        ([7], 85, 7),
        ([1, 2], 50, 1),
        ([1, 2], 85, 2),
        ([1, 2, 3], 50, 2),
        (list(range(1, 21)), 50, 10),
        (list(range(1, 21)), 85, 17),
        (list(range(1, 22)), 85, 18),
    ],
)
def test_percentiles_are_nearest_ranks(ordered: list[int], percent: int, expected: int | None) -> None:
    assert nearest_rank(ordered, percent) == expected


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], None),
        ([(3, 4)], 75),
        ([(8, 4), (3, 4)], 138),  # 1.375
        ([(0, 4), (3, 4), (9, 4)], 75),
        ([(1, 3), (1, 3)], 33),
        ([(99_999_999, 99_999_998), (99_999_998, 99_999_997), (1, 1)], 100),
        ([(201, 200)], 101),  # 1.005
    ],
)
def test_the_median_of_ratios(pairs: list[tuple[int, int]], expected: int | None) -> None:
    assert median_ratio_hundredths(pairs) == expected


def test_a_rate_of_nothing_is_none() -> None:
    assert rate_tenths(0, 0) is None
    assert (rate_tenths(0, 3), rate_tenths(2, 3), rate_tenths(3, 3)) == (0, 667, 1_000)


def page_history() -> list[Record]:
    """Spent from January to June: the first project's money on labour, the others' on bills."""
    projects = [("2025-01-02", project(number, budget)) for number, (budget, _) in enumerate(PAGE_BUDGETS, 1)]
    bills = [
        (f"2025-0{2 + number % 4}-05", spent(number, number, cents, f"2025-0{1 + number % 5}-20"))
        for number, (_, cents) in enumerate(PAGE_BUDGETS, 1)
        if number > 1
    ]
    labour = [("2025-01-03", task(1, (1,))), ("2025-06-20T10:00", booked(1, 32_500, (1, 32_500)))]
    return told(("2025-01-01", user(1)), *projects, *bills, *labour)


async def test_the_figures_of_the_page_come_out() -> None:
    report = await reported("budget-analysis", page_history())

    assert report.summary == {
        "total_allocated": 50_000_000,
        "total_spent": 32_475_000,
        "remaining_budget": 17_525_000,
        "utilization_rate": 6_495,
        "projects_over_budget": 2,
        "projects_under_budget": 8,
        "average_budget_variance": -123,
        "monthly_burn_rate": 5_412_500,
    }
    assert report.rows[0] == {
        "project_id": 1,
        "project_name": "Project 1",
        "allocated_budget": 5_000_000,
        "spent_budget": 3_250_000,
        "remaining_budget": 1_750_000,
        "variance_percentage": -350,
    }


async def test_the_average_variance_is_that_of_the_variances_shown() -> None:
    """Each of 33.33… and -33.33… and -0.04 is rounded first, so that everybody can check the mean."""
    records = told(
        ("2025-01-01", user(1)),
        *(("2025-01-02", project(number, budget)) for number, budget in ((1, 300), (2, 300), (3, 10_000))),
        *(("2025-01-03", spent(each, each, cents, "2025-01-03")) for each, cents in ((1, 400), (2, 400))),
        ("2025-01-03", spent(3, 3, 9_996, "2025-01-03")),
    )
    report = await reported("budget-analysis", records)
    assert list(by(report, "variance_percentage").values()) == [333, 333, 0]
    assert report.summary["average_budget_variance"] == 222


async def test_without_projects_there_is_nothing_to_divide_by() -> None:
    report = await reported("budget-analysis", [])
    assert set(report.summary.values()) == {0}
    assert report.rows == []


async def test_spending_without_any_budget() -> None:
    records = told(
        ("2025-01-01", user(1)),
        ("2025-01-02", project(1)),
        ("2025-01-02", project(2)),
        ("2025-01-03", spent(1, 2, 500, "2025-01-03")),
    )
    report = await reported("budget-analysis", records)
    assert by(report, "variance_percentage") == {1: 0, 2: 1_000}
    expected = {"utilization_rate": 0, "projects_over_budget": 1, "average_budget_variance": 500}
    assert report.summary.items() >= expected.items()


@pytest.mark.parametrize(
    ("incurred_on", "today", "months"),
    [
        ("2025-01-31", "2025-01-31", 1),
        ("2025-01-31", "2025-02-01", 2),
        ("2024-11-01", "2025-06-30", 8),
        ("2025-07-01", "2025-06-30", 1),  # planned spending in the future
    ],
)
async def test_the_burn_rate_counts_calendar_months(incurred_on: str, today: str, months: int) -> None:
    records = told(
        ("2024-01-01", user(1)),
        ("2024-01-02", project(1)),
        ("2024-01-03", spent(1, 1, 10_000, incurred_on)),
    )
    report = await reported("budget-analysis", records, today=today)
    assert report.summary["monthly_burn_rate"] == round(10_000 / months)


async def test_a_booking_begins_the_months_as_an_expense_does() -> None:
    records = told(
        ("2024-12-01", user(1)),
        ("2024-12-02", project(1)),
        ("2024-12-03", task(1, (1,))),
        ("2025-01-31", booked(1, 100, (1, 100))),
        ("2025-02-01", spent(1, 1, 2_000, "2025-02-01")),
    )
    report = await reported("budget-analysis", records)
    assert report.summary["monthly_burn_rate"] == (10_000 + 2_000) / 2


async def test_saying_that_nothing_was_worked_is_no_booking() -> None:
    records = told(
        ("2024-12-01", user(1)),
        ("2024-12-02", project(1)),
        ("2024-12-03", task(1, (1,))),
        ("2025-01-31", booked(1, 0)),
        ("2025-06-01", spent(1, 1, 6_000, "2025-06-01")),
    )
    report = await reported("budget-analysis", records)
    assert report.summary["monthly_burn_rate"] == 6_000


async def test_a_reversed_expense_was_never_spent() -> None:
    records = told(
        ("2025-01-01", user(1)),
        ("2025-01-02", project(1, 10_000)),
        ("2025-01-03", spent(1, 1, 5_000, "2024-06-01")),
        ("2025-01-04", spent(2, 1, 3_000, "2025-01-04")),
        ("2025-01-05", ExpenseReversed(1)),
    )
    report = await reported("budget-analysis", records)
    assert only(report.summary, "total_spent", "monthly_burn_rate") == (3_000, 3_000)


async def test_deleted_projects_vanish_and_deleted_tasks_keep_their_cost() -> None:
    records = told(
        ("2025-01-01", user(1)),
        *(("2025-01-02", project(number, 100_000)) for number in (1, 2)),
        *(("2025-01-03", task(number, (1,), project_id=number)) for number in (1, 2)),
        *(("2025-01-04", booked(number, 100, (1, 100))) for number in (1, 2)),
        ("2025-01-05", TaskDeleted(1)),
        ("2025-01-06", ProjectDeleted(2)),
    )
    budget = await reported("budget-analysis", records)
    projects = await reported("projects", records)
    assert by(budget, "spent_budget") == by(projects, "spent_budget") == {1: 10_000}
    assert by(projects, "tasks_count") == {1: 0}
    assert budget.summary["total_spent"] == projects.summary["total_spent"] == 10_000


async def test_a_project_with_all_that_is_told_of_it() -> None:
    records = told(
        ("2025-01-01", user(7)),
        ("2025-01-02", project(1, 100_000, start="2025-01-01", end="2025-06-30", owner_id=7)),
        ("2025-01-03", task(1, (7,), estimate=300)),
        ("2025-01-03", task(2, (7,), estimate=100, due="2025-02-01")),
        ("2025-01-03", task(3, (7,), estimate=100, due="2025-02-01", status="cancelled")),
        ("2025-01-04", booked(1, 200, (7, 200))),
        ("2025-01-05", TaskStatusChanged(1, "completed")),
        ("2025-01-06", spent(1, 1, 2_500, "2025-01-06")),
        ("2025-01-07", RiskRaised(1, 1, "Late", "", "high", "low", "", "", "active")),
        ("2025-01-07", RiskRaised(2, 1, "Dear", "", "high", "low", "", "", "active")),
        ("2025-01-08", RiskStatusChanged(2, "mitigated")),
    )
    report = await reported("projects", records, today="2025-02-02")

    assert report.rows == [
        {
            "id": 1,
            "name": "Project 1",
            "description": "",
            "budget": 100_000,
            "start_date": at("2025-01-01"),
            "end_date": at("2025-06-30"),
            "status": "active",
            "progress": 75,
            "owner": {"id": 7, "username": "user7", "email": "user7@example.com"},
            "tasks_count": 2,
            "completed_tasks": 1,
            "created_at": at("2025-01-02"),
            "updated_at": at("2025-01-02"),
            "spent_budget": 22_500,
            "remaining_budget": 77_500,
            "variance_percentage": -775,
            "overdue_tasks": 1,
            "open_risks": 1,
        }
    ]
    assert report.summary == {
        "total_projects": 1,
        "active_projects": 1,
        "on_hold_projects": 0,
        "completed_projects": 0,
        "cancelled_projects": 0,
        "total_budget": 100_000,
        "total_spent": 22_500,
        "remaining_budget": 77_500,
        "variance_percentage": -775,
        "total_tasks": 2,
        "completed_tasks": 1,
        "overdue_tasks": 1,
        "open_risks": 1,
    }
    assert report.chart.bars == [Bar("Project 1", (1, 1))]


async def test_a_task_due_today_is_overdue_tomorrow() -> None:
    records = told(
        ("2025-01-01", user(1)), ("2025-01-02", project(1)), ("2025-01-03", task(1, due="2025-02-01"))
    )
    for today, overdue in (("2025-02-01", 0), ("2025-02-02", 1)):
        assert by(await reported("projects", records, today=today), "overdue_tasks") == {1: overdue}


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, {1, 2, 3, 4}),
        ("2025-03-31T00:00:00.000000Z", None, {1, 2, 3, 4}),
        ("2025-03-31T18:00:00.000000Z", None, {1, 2, 3, 4}),  # its last day goes on until midnight
        ("2025-04-01T00:00:00.000000Z", None, {2, 3, 4}),
        (None, "2025-02-28" + END_OF_DAY, {3, 4}),
        (None, "2025-03-01T00:00:00.000000Z", {1, 3, 4}),
        (None, "2025-03-01" + END_OF_DAY, {1, 3, 4}),
        ("2025-03-31T00:00:00.000000Z", "2025-04-01" + END_OF_DAY, {1, 2, 3, 4}),
        ("2025-06-01T00:00:00.000000Z", "2025-06-30" + END_OF_DAY, {2, 4}),
        ("2025-05-31T12:00:00.000000Z", "2025-06-30" + END_OF_DAY, {2, 3, 4}),
    ],
)
async def test_a_period_is_touched_by_spans_and_open_ends(
    start: str | None, end: str | None, expected: set[int]
) -> None:
    records = told(
        ("2025-01-01", user(1)),
        ("2025-01-02", project(1, 100, start="2025-03-01", end="2025-03-31")),
        ("2025-01-02", project(2, 200, start="2025-04-01")),
        ("2025-01-02", project(3, 400, end="2025-05-31T12:00")),
        ("2025-01-02", project(4, 800)),
    )
    report = await reported("projects", records, start=start, end=end)
    assert set(by(report, "budget")) == expected
    assert report.summary["total_projects"] == len(expected)
    assert report.summary["total_budget"] == sum(100 * 2 ** (each - 1) for each in expected)


async def test_projects_are_counted_by_status() -> None:
    statuses = ("active", "on_hold", "completed", "cancelled", "active", "completed", "completed")
    records = told(
        ("2025-01-01", user(1)),
        *(("2025-01-02", project(number, status=status)) for number, status in enumerate(statuses, 1)),
        ("2025-01-03", ProjectStatusChanged(1, "on_hold")),
    )
    counts = ("active_projects", "on_hold_projects", "completed_projects", "cancelled_projects")
    report = await reported("projects", records)
    assert only(report.summary, "total_projects", *counts) == (7, 1, 2, 3, 1)
    assert by(report, "progress") == {1: 0, 2: 0, 3: 100, 4: 0, 5: 0, 6: 100, 7: 100}


def work_history() -> list[Record]:
    return told(
        ("2025-01-01", department(3, "Works")),
        ("2025-01-01", user(1, 3)),
        ("2025-01-01", user(2)),
        ("2025-01-02", project(1)),
        # In time on the evening of its day, after 204 hours of work; six hours of eight.
        ("2025-03-01T08:00", task(11, (1,), due="2025-03-10", estimate=800)),
        ("2025-03-02T08:00", TaskStatusChanged(11, "in_progress")),
        ("2025-03-09T10:00", booked(11, 400, (1, 400))),
        ("2025-03-10T10:00", booked(11, 600, (1, 200))),
        ("2025-03-10T20:00", TaskStatusChanged(11, "completed")),
        # Never in progress: 36 hours since it was made; eight hours of four, without a due date.
        ("2025-03-03T00:00", task(12, (1, 2), estimate=400)),
        ("2025-03-04T06:00", booked(12, 800, (1, 400), (2, 400))),
        ("2025-03-04T12:00", TaskStatusChanged(12, "completed")),
        # Late by the date that stood when work began, whatever was planned afterwards.
        ("2025-02-28T00:00", task(13, (1,), due="2025-03-05")),
        ("2025-03-01T00:00", TaskStatusChanged(13, "in_progress")),
        ("2025-03-04T00:00", TaskDetailsChanged(13, {"due_date": at("2025-04-01")})),
        ("2025-03-20T00:00", TaskStatusChanged(13, "completed")),
        # Not done yet.
        ("2025-03-15T00:00", task(14, (2,))),
    )


MARCH = {"start": at("2025-03-01"), "end": "2025-03-31" + END_OF_DAY}


async def test_what_two_people_did_in_a_month() -> None:
    report = await reported("users-productivity", work_history(), **MARCH)

    assert report.rows == [
        {
            "id": 1,
            "username": "user1",
            "email": "user1@example.com",
            "department": "Works",
            "tasks_assigned": 2,
            "tasks_completed": 3,
            "on_time_rate": 500,
            "hours_worked": 1_000,
            "cycle_time_p50_hours": 20_400,
            "cycle_time_p85_hours": 45_600,
            "estimate_accuracy": 138,
        },
        {
            "id": 2,
            "username": "user2",
            "email": "user2@example.com",
            "department": None,
            "tasks_assigned": 2,
            "tasks_completed": 1,
            "on_time_rate": None,
            "hours_worked": 400,
            "cycle_time_p50_hours": 3_600,
            "cycle_time_p85_hours": 3_600,
            "estimate_accuracy": 200,
        },
    ]


async def test_the_summary_is_over_all_completions_each_once_for_each_person() -> None:
    report = await reported("users-productivity", work_history(), **MARCH)
    assert report.summary == {
        "total_users": 2,
        "tasks_assigned": 4,
        "tasks_completed": 4,
        "on_time_rate": 500,
        "hours_worked": 1_400,
        "cycle_time_p50_hours": 3_600,  # of 36, 36, 204 and 456 hours
        "cycle_time_p85_hours": 45_600,
        "estimate_accuracy": 200,  # of 0.75, 2 and 2
    }


@pytest.mark.parametrize(
    ("start", "end", "assigned", "completed", "hours"),
    [
        (None, None, 3, 3, 1_000),
        (None, "2025-03-09" + END_OF_DAY, 3, 1, 800),
        (None, "2025-03-10" + END_OF_DAY, 3, 2, 1_000),
        (None, "2025-03-10T00:00:00.000000Z", 3, 2, 1_000),  # whole days, whatever the hour
        ("2025-03-10T23:00:00.000000Z", None, 0, 2, 200),
        ("2025-03-11T00:00:00.000000Z", None, 0, 1, 0),
        ("2025-02-28T00:00:00.000000Z", "2025-02-28" + END_OF_DAY, 1, 0, 0),
        ("2025-03-20T00:00:00.000000Z", "2025-03-20" + END_OF_DAY, 0, 1, 0),
        ("2026-01-01T00:00:00.000000Z", None, 0, 0, 0),
        ("0001-01-01T00:00:00.000000Z", "9999-12-31" + END_OF_DAY, 3, 3, 1_000),
        ("0001-01-01T00:00:00.000000Z", "0001-01-01" + END_OF_DAY, 0, 0, 0),
        (None, "0001-01-01" + END_OF_DAY, 0, 0, 0),
        ("9999-12-31T00:00:00.000000Z", "9999-12-31" + END_OF_DAY, 0, 0, 0),
    ],
)
async def test_a_period_has_whole_days(
    start: str | None, end: str | None, assigned: int, completed: int, hours: int
) -> None:
    report = await reported("users-productivity", work_history(), start=start, end=end)
    assert only(report.rows[0], "tasks_assigned", "tasks_completed", "hours_worked") == (
        assigned,
        completed,
        hours,
    )


async def test_where_nothing_was_done_there_is_nothing_to_tell() -> None:
    report = await reported("users-productivity", told(("2025-01-01", user(1))))
    assert report.rows[0] == {
        "id": 1,
        "username": "user1",
        "email": "user1@example.com",
        "department": None,
        "tasks_assigned": 0,
        "tasks_completed": 0,
        "on_time_rate": None,
        "hours_worked": 0,
        "cycle_time_p50_hours": None,
        "cycle_time_p85_hours": None,
        "estimate_accuracy": None,
    }


async def test_who_is_taken_off_a_task_loses_its_completion_and_keeps_the_hours() -> None:
    records = [*work_history()]
    moved = told(*((r.recorded_at[:-1], r.event) for r in records), ("2025-03-25", TaskAssigned(12, (2,))))
    before = await reported("users-productivity", records, **MARCH)
    after = await reported("users-productivity", moved, **MARCH)
    assert (by(before, "tasks_completed")[1], by(after, "tasks_completed")[1]) == (3, 2)
    assert by(before, "hours_worked") == by(after, "hours_worked")


async def test_throughput_counts_each_task_once() -> None:
    chart = (await reported("users-productivity", work_history(), **MARCH)).chart
    assert [(bar.label, *bar.values) for bar in chart.bars] == [
        ("2025-02-24", 0),
        ("2025-03-03", 1),
        ("2025-03-10", 1),
        ("2025-03-17", 1),
    ]
    assert (chart.title, chart.is_over_time) == ("Tasks completed by week", True)


async def test_throughput_ends_with_the_moment_and_goes_by_months_where_weeks_are_many() -> None:
    report = await reported("users-productivity", work_history(), today="2025-12-05")
    labels = [bar.label for bar in report.chart.bars]
    assert labels == [f"2025-{month:02}" for month in range(3, 13)]
    assert [bar.values for bar in report.chart.bars] == [(3,), *[(0,)] * 9]


async def test_throughput_of_many_years_is_that_of_the_latest() -> None:
    report = await reported("users-productivity", work_history(), start=at("2000-01-01"), today="2025-12-05")
    bars = report.chart.bars
    assert (len(bars), bars[-1].label, report.chart.note) == (BARS_MAX, "2025-12", "The latest 26 months")


async def test_throughput_of_the_future_has_no_bars() -> None:
    report = await reported("users-productivity", work_history(), start=at("2026-01-01"))
    assert report.chart.bars == []


def load_history(*more: tuple[str, Event]) -> list[Record]:
    return told(
        ("2025-01-01", department(1, "Works")),
        ("2025-01-01", department(2, "Sales")),
        ("2025-01-01", department(3, "Nobody")),
        *(("2025-01-01", user(number, 1)) for number in (1, 2)),
        ("2025-01-01", user(3, 2)),
        ("2025-01-01", user(4)),
        ("2025-01-02", project(1)),
        ("2025-01-03", task(1, (1, 2), estimate=1_001, due="2025-02-01")),
        ("2025-01-03", task(2, (2, 3), estimate=400)),
        ("2025-01-04", booked(2, 100, (2, 100))),
        ("2025-01-03", task(3, (1,), estimate=500, status="completed")),
        ("2025-01-03", task(4, (4,), estimate=700)),
        ("2025-01-03", task(5, (3,), estimate=100)),
        ("2025-01-04", booked(5, 900, (3, 900))),
        *more,
    )


async def test_the_load_of_departments() -> None:
    report = await reported("departments-workload", load_history(), today="2025-02-02")

    assert [row["name"] for row in report.rows] == ["Works", "Sales", "Nobody"]
    works, sales, nobody = report.rows
    assert works == {
        "id": 1,
        "name": "Works",
        "members_count": 2,
        "open_tasks": 2,
        "remaining_hours": 1_151,  # all of task 1, half of what is left of task 2
        "remaining_hours_per_member": 576,
        "overdue_tasks": 1,
        "busiest_member": {"id": 2, "username": "user2", "email": "user2@example.com"},
        "busiest_member_hours": 650,
    }
    assert only(sales, "members_count", "open_tasks", "remaining_hours", "busiest_member_hours") == (
        1,
        2,
        150,  # a task that took longer than estimated has nothing left
        150,
    )
    assert only(
        nobody, "members_count", "remaining_hours_per_member", "busiest_member", "busiest_member_hours"
    ) == (0, None, None, None)
    assert report.summary == {
        "total_departments": 3,
        "total_members": 3,
        "open_tasks": 4,
        "remaining_hours": 1_301,
        "remaining_hours_per_member": 434,
        "overdue_tasks": 1,
        "users_without_department": 1,
        "remaining_hours_without_department": 700,
    }
    assert [(bar.label, *bar.values) for bar in report.chart.bars] == [("Works", 1_151), ("Sales", 150)]


async def test_of_equally_busy_members_the_first_is_named() -> None:
    records = told(
        ("2025-01-01", department(1, "Works")),
        *(("2025-01-01", user(number, 1)) for number in (9, 10)),
        ("2025-01-02", project(1)),
        ("2025-01-03", task(1, (10, 9), estimate=1_000)),
    )
    report = await reported("departments-workload", records)
    assert only(report.rows[0]["busiest_member"], "id") == (9,)


async def test_who_is_disabled_is_not_named_as_the_busiest_but_counts_in_the_sums() -> None:
    records = load_history(("2025-01-05", UserDeactivated(2)), ("2025-01-05", UserDeactivated(3)))
    works, sales, _ = (await reported("departments-workload", records)).rows
    assert (works["remaining_hours"], sales["remaining_hours"]) == (1_151, 150)
    assert (works["busiest_member"]["id"], works["busiest_member_hours"]) == (1, 501)
    assert only(sales, "members_count", "busiest_member", "busiest_member_hours") == (1, None, None)
    again = load_history(("2025-01-05", UserDeactivated(2)), ("2025-01-06", UserActivated(2)))
    assert (await reported("departments-workload", again)).rows[0]["busiest_member"]["id"] == 2


async def test_nobody_is_busy_without_hours_left() -> None:
    records = told(
        ("2025-01-01", department(1, "Works")),
        ("2025-01-01", user(1, 1)),
        ("2025-01-02", project(1)),
        ("2025-01-03", task(1, (1,))),
    )
    (row,) = (await reported("departments-workload", records)).rows
    assert only(row, "open_tasks", "busiest_member", "busiest_member_hours") == (1, None, None)


async def test_who_moves_takes_the_load_along() -> None:
    report = await reported(
        "departments-workload", load_history(("2025-01-05", UserDepartmentChanged(2, 2))), today="2025-02-02"
    )
    assert by(report, "remaining_hours") == {1: 501, 2: 800, 3: 0}
    assert by(report, "overdue_tasks") == {1: 1, 2: 1, 3: 0}


@pytest.mark.parametrize("name", sorted(REPORTS))
async def test_a_report_says_what_it_speaks_of(name: str) -> None:
    records = history(Random(4), 300)
    report = await reported(name, records)
    assert (report.name, report.position, report.moment) == (name, 300, records[-1].recorded_at)


@pytest.mark.parametrize("name", sorted(REPORTS))
async def test_a_column_stands_for_each_figure_and_rows_go_by_ascending_id(name: str) -> None:
    report = await reported(name, history(Random(4), 600))
    assert sorted(report.summary) == sorted(column.name for column in report.summary_columns)
    assert report.rows
    for row in report.rows:
        assert sorted(row) == sorted(column.name for column in report.columns)
    ids = list(by(report, report.columns[0].name))
    assert ids == sorted(ids)


@pytest.mark.parametrize("name", ["projects", "users-productivity"])
async def test_a_period_is_said_in_words(name: str) -> None:
    report = await reported(name, [], start=at("2025-01-01"), end="2025-06-30" + END_OF_DAY)
    assert report.asked == ("from 2025-01-01", "to 2025-06-30")
    assert (await reported(name, [])).asked == ()


async def test_a_moment_within_a_day_narrows_projects_and_rounds_out_to_days_of_work() -> None:
    start = at("2025-01-01T12:30")
    assert (await reported("projects", [], start=start)).asked == ("from 2025-01-01T12:30:00Z",)
    assert (await reported("users-productivity", [], start=start)).asked == ("from 2025-01-01",)


async def test_a_chart_shows_the_largest_and_says_so() -> None:
    numbers = range(1, LARGEST_MAX + 4)
    records = told(
        ("2025-01-01", user(1)),
        *(("2025-01-02", project(number, 100 * (number % 5))) for number in numbers),
        ("2025-01-03", spent(1, 5, 50_000, "2025-01-03")),
    )
    chart = (await reported("budget-analysis", records)).chart
    assert chart.bars[0] == Bar("Project 5", (0, 50_000))
    assert chart.bars[1] == Bar("Project 4", (400, 0))
    assert len(chart.bars) == LARGEST_MAX
    assert chart.note == f"The {LARGEST_MAX} largest of {len(numbers)}"


@settings(max_examples=100, deadline=None)
@given(records=histories(200))
async def test_totals_are_the_sums_of_the_rows(records: list[Record]) -> None:
    projects = await reported("projects", records)
    budget = await reported("budget-analysis", records)
    load = await reported("departments-workload", records)
    people = await reported("users-productivity", records)

    assert projects.summary["total_spent"] == total(projects.rows, "spent_budget")
    assert projects.summary["total_spent"] == budget.summary["total_spent"]
    assert budget.summary["remaining_budget"] == total(budget.rows, "remaining_budget")
    assert budget.summary["total_allocated"] == total(budget.rows, "allocated_budget")
    assert load.summary["remaining_hours"] == total(load.rows, "remaining_hours")
    assert people.summary["hours_worked"] == total(people.rows, "hours_worked")
    assert people.summary["tasks_completed"] == total(people.rows, "tasks_completed")


def total(rows: Sequence[Row], name: str) -> int:
    return sum(row[name] for row in rows)


def test_the_months_of_a_period() -> None:
    assert Period().months() == (None, None)
    assert Period(at("2025-01-31"), at("2025-12-01")).months() == (202501, 202512)
