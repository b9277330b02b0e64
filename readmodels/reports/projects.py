"""The projects of a period: how far they are, what they cost, and what is late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, cast

from readmodels.documents import Document
from readmodels.projects import Project, ProjectFigures, progress, spent_cents
from readmodels.reports.charting import largest
from readmodels.reports.formulas import variance_tenths
from readmodels.reports.people import person
from readmodels.reports.periods import Period
from readmodels.reports.report import Bar, Chart, Column, Report, Row, Unit
from readmodels.snapshots import Scope, Selection, Snapshot, Tally

STATUSES: Final = ("active", "on_hold", "completed", "cancelled")
TOTALS: Final = {
    "total_budget": "budget",
    "total_spent": "spent_budget",
    "remaining_budget": "remaining_budget",
    "total_tasks": "tasks_count",
    "completed_tasks": "completed_tasks",
    "overdue_tasks": "overdue_tasks",
    "open_risks": "open_risks",
}

SUMMARY_COLUMNS: Final = (
    Column("total_projects", "Projects", Unit.COUNT),
    Column("active_projects", "Active", Unit.COUNT),
    Column("on_hold_projects", "On hold", Unit.COUNT),
    Column("completed_projects", "Completed", Unit.COUNT),
    Column("cancelled_projects", "Cancelled", Unit.COUNT),
    Column("total_budget", "Budget", Unit.CENTS),
    Column("total_spent", "Spent", Unit.CENTS),
    Column("remaining_budget", "Remaining", Unit.CENTS),
    Column("variance_percentage", "Variance", Unit.TENTHS),
    Column("total_tasks", "Tasks", Unit.COUNT),
    Column("completed_tasks", "Tasks done", Unit.COUNT),
    Column("overdue_tasks", "Overdue tasks", Unit.COUNT),
    Column("open_risks", "Open risks", Unit.COUNT),
)
COLUMNS: Final = (
    Column("id", "No.", Unit.ID),
    Column("name", "Project", Unit.TEXT),
    Column("description", "Description", Unit.TEXT, is_printed=False),
    Column("budget", "Budget", Unit.CENTS),
    Column("start_date", "Start", Unit.MOMENT),
    Column("end_date", "End", Unit.MOMENT),
    Column("status", "Status", Unit.TEXT),
    Column("progress", "Progress", Unit.PERCENT),
    Column("owner", "Owner", Unit.PERSON),
    Column("tasks_count", "Tasks", Unit.COUNT),
    Column("completed_tasks", "Done", Unit.COUNT),
    Column("created_at", "Created", Unit.MOMENT, is_printed=False),
    Column("updated_at", "Updated", Unit.MOMENT, is_printed=False),
    Column("spent_budget", "Spent", Unit.CENTS),
    Column("remaining_budget", "Remaining", Unit.CENTS),
    Column("variance_percentage", "Variance", Unit.TENTHS),
    Column("overdue_tasks", "Overdue", Unit.COUNT),
    Column("open_risks", "Risks", Unit.COUNT),
)
NOTES: Final = (
    "Spent is labour (hours booked at the hourly rates of that time) and expenses.",
    "Variance is (spent - budget) / budget.",
    "Tasks of completed or cancelled projects are not overdue.",
)


def scope(_: Period) -> Scope:
    return Scope(
        (
            Selection("project", "project:sort:id"),
            Selection("project_figures", "project:sort:id"),
            Selection("user", "user:sort:id"),
        ),
        (Tally("overdue", "project:sort:id", "task:open:due:project:"),),
    )


def report(snapshot: Snapshot, period: Period) -> Report:
    """Projects whose span touches the period, by ascending id; a date that a project lacks is open."""
    rows = rows_of(snapshot, period)
    return Report(
        name="projects",
        title="Projects",
        position=snapshot.position,
        moment=snapshot.moment,
        summary_name="summary",
        summary_columns=SUMMARY_COLUMNS,
        summary=summary(rows),
        rows_name="projects",
        columns=COLUMNS,
        rows=rows,
        chart=chart(rows),
        asked=period.in_words(),
        notes=NOTES,
    )


def rows_of(snapshot: Snapshot, period: Period) -> Sequence[Row]:
    figures, people = snapshot.by_id("project_figures"), snapshot.by_id("user")
    overdue = snapshot.tally("overdue")
    return [
        row(
            cast(Project, project),
            cast(ProjectFigures, figures.get(str(project["id"]), {})),
            people.get(str(project["owner_id"])),
            overdue.get(str(project["id"]), 0),
        )
        for project in snapshot.documents("project")
        if period.touches(project["start_date"], project["end_date"])
    ]


def row(project: Project, figures: ProjectFigures, owner: Document | None, overdue: int) -> Row:
    budget, spent = project["budget_cents"], spent_cents(figures)
    return {
        "id": project["id"],
        "name": project["name"],
        "description": project["description"],
        "budget": budget,
        "start_date": project["start_date"],
        "end_date": project["end_date"],
        "status": project["status"],
        "progress": progress(project["status"], figures),
        "owner": person(owner),
        "tasks_count": figures.get("tasks", 0),
        "completed_tasks": figures.get("completed", 0),
        "created_at": project["created_at"],
        "updated_at": project["updated_at"],
        "spent_budget": spent,
        "remaining_budget": budget - spent,
        "variance_percentage": variance_tenths(budget, spent),
        "overdue_tasks": overdue,
        "open_risks": figures.get("open_risks", 0),
    }


def summary(rows: Sequence[Row]) -> Row:
    """Sums of the rows; the variance is that of the sums."""
    statuses = Counter(row["status"] for row in rows)
    totals: Mapping[str, int] = {total: sum(row[name] for row in rows) for total, name in TOTALS.items()}
    return {
        "total_projects": len(rows),
        **{f"{status}_projects": statuses[status] for status in STATUSES},
        **totals,
        "variance_percentage": variance_tenths(totals["total_budget"], totals["total_spent"]),
    }


def chart(rows: Sequence[Row]) -> Chart:
    bars = [
        Bar(row["name"], (row["completed_tasks"], row["tasks_count"] - row["completed_tasks"]))
        for row in rows
    ]
    return largest("Tasks by project", Unit.COUNT, ("Completed", "Not completed"), bars, sum)
