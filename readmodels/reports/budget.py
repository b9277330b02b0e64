"""Budgets against spending: all projects together, and each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from readmodels.documents import Document, month_of
from readmodels.portfolio import first_month
from readmodels.projects import ProjectFigures, spent_cents
from readmodels.reports.charting import largest
from readmodels.reports.formulas import variance_tenths
from readmodels.reports.periods import Period
from readmodels.reports.report import Bar, Chart, Column, Report, Row, Unit
from readmodels.rounding import half_up
from readmodels.snapshots import Scope, Selection, Snapshot

SUMMARY_COLUMNS: Final = (
    Column("total_allocated", "Allocated", Unit.CENTS),
    Column("total_spent", "Spent", Unit.CENTS),
    Column("remaining_budget", "Remaining", Unit.CENTS),
    Column("utilization_rate", "Utilization", Unit.BASIS_POINTS),
    Column("projects_over_budget", "Over budget", Unit.COUNT),
    Column("projects_under_budget", "Within budget", Unit.COUNT),
    Column("average_budget_variance", "Average variance", Unit.TENTHS),
    Column("monthly_burn_rate", "Burn rate per month", Unit.CENTS),
)
COLUMNS: Final = (
    Column("project_id", "No.", Unit.ID),
    Column("project_name", "Project", Unit.TEXT),
    Column("allocated_budget", "Allocated", Unit.CENTS),
    Column("spent_budget", "Spent", Unit.CENTS),
    Column("remaining_budget", "Remaining", Unit.CENTS),
    Column("variance_percentage", "Variance", Unit.TENTHS),
)
NOTES: Final = (
    "Spent is labour (hours booked at the hourly rates of that time) and expenses.",
    "Variance is (spent - allocated) / allocated; its average is the mean of the variances shown.",
    "The burn rate is what was spent by the months since the first booking or expense, the present one too.",
)


def scope(_: Period) -> Scope:
    return Scope(
        (
            Selection("project", "project:sort:id"),
            Selection("project_figures", "project:sort:id"),
            Selection("portfolio", "portfolio:all"),
        )
    )


def report(snapshot: Snapshot, _: Period) -> Report:
    """All projects by ascending id."""
    rows = rows_of(snapshot)
    return Report(
        name="budget-analysis",
        title="Budget analysis",
        position=snapshot.position,
        moment=snapshot.moment,
        summary_name="budget_analysis",
        summary_columns=SUMMARY_COLUMNS,
        summary=summary(rows, months_of_spending(snapshot)),
        rows_name="project_breakdown",
        columns=COLUMNS,
        rows=rows,
        chart=chart(rows),
        notes=NOTES,
    )


def rows_of(snapshot: Snapshot) -> Sequence[Row]:
    figures = snapshot.by_id("project_figures")
    return [row(project, figures.get(str(project["id"]), {})) for project in snapshot.documents("project")]


def row(project: Document, figures: Document) -> Row:
    allocated, spent = project["budget_cents"], spent_cents(cast(ProjectFigures, figures))
    return {
        "project_id": project["id"],
        "project_name": project["name"],
        "allocated_budget": allocated,
        "spent_budget": spent,
        "remaining_budget": allocated - spent,
        "variance_percentage": variance_tenths(allocated, spent),
    }


def summary(rows: Sequence[Row], months: int) -> Row:
    """Sums of the rows, and what follows from them.

    utilization_rate         spent / allocated in hundredths of a percent, 0 where nothing is allocated
    projects_over_budget     those that spent more than allocated; all others are under budget
    average_budget_variance  the mean of the variances in tenths, as the rows show them, so that
                             everybody can check it; 0 without projects
    monthly_burn_rate        spent / `months`
    """
    allocated = sum(row["allocated_budget"] for row in rows)
    spent = sum(row["spent_budget"] for row in rows)
    over = sum(row["spent_budget"] > row["allocated_budget"] for row in rows)
    variances = sum(row["variance_percentage"] for row in rows)
    return {
        "total_allocated": allocated,
        "total_spent": spent,
        "remaining_budget": allocated - spent,
        "utilization_rate": half_up(spent * 10_000, allocated) if allocated else 0,
        "projects_over_budget": over,
        "projects_under_budget": len(rows) - over,
        "average_budget_variance": half_up(variances, len(rows)) if rows else 0,
        "monthly_burn_rate": half_up(spent, months),
    }


def months_of_spending(snapshot: Snapshot) -> int:
    """Calendar months from that of the first booking or expense to that of the moment.

    Both are counted, and there is always one: also before anything was spent, or when the first
    expense lies in the future.
    """
    last = month_of(snapshot.moment)
    found = [first_month(portfolio) for portfolio in snapshot.documents("portfolio")]
    first = min((month for month in found if month is not None), default=last)
    return max(month_number(last) - month_number(first) + 1, 1)


def month_number(month: str) -> int:
    """Consecutive numbers for months, as of `2025-07`."""
    year, number = month.split("-")
    return 12 * int(year) + int(number)


def chart(rows: Sequence[Row]) -> Chart:
    bars = [Bar(row["project_name"], (row["allocated_budget"], row["spent_budget"])) for row in rows]
    return largest("Budget and spending by project", Unit.CENTS, ("Allocated", "Spent"), bars)
