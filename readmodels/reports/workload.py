"""The work that lies before departments, and who has most of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from readmodels.documents import Document
from readmodels.reports.charting import largest
from readmodels.reports.people import person
from readmodels.reports.periods import Period
from readmodels.reports.report import Bar, Chart, Column, Report, Row, Unit
from readmodels.rounding import half_up
from readmodels.snapshots import Scope, Selection, Snapshot, Tally

SUMMARY_COLUMNS: Final = (
    Column("total_departments", "Departments", Unit.COUNT),
    Column("total_members", "Members", Unit.COUNT),
    Column("open_tasks", "Open tasks", Unit.COUNT),
    Column("remaining_hours", "Remaining hours", Unit.CENTIHOURS),
    Column("remaining_hours_per_member", "Hours per member", Unit.CENTIHOURS),
    Column("overdue_tasks", "Overdue tasks", Unit.COUNT),
    Column("users_without_department", "People without department", Unit.COUNT),
    Column("remaining_hours_without_department", "Their remaining hours", Unit.CENTIHOURS),
)
COLUMNS: Final = (
    Column("id", "No.", Unit.ID),
    Column("name", "Department", Unit.TEXT),
    Column("members_count", "Members", Unit.COUNT),
    Column("open_tasks", "Open tasks", Unit.COUNT),
    Column("remaining_hours", "Remaining hours", Unit.CENTIHOURS),
    Column("remaining_hours_per_member", "Hours per member", Unit.CENTIHOURS),
    Column("overdue_tasks", "Overdue", Unit.COUNT),
    Column("busiest_member", "Busiest member", Unit.PERSON),
    Column("busiest_member_hours", "Their hours", Unit.CENTIHOURS),
)
NOTES: Final = (
    "Remaining is what is left of the estimates of open tasks, shared out evenly to their assignees.",
    "A task of people in several departments counts in each of them, and so often in the sum.",
    "Tasks of completed or cancelled projects are not open. The busiest member is an active one.",
)


class Load(NamedTuple):
    """The hours (hundredths) that are left for a user, by the user's card."""

    centihours: int
    card: Document


def scope(_: Period) -> Scope:
    return Scope(
        (
            Selection("department", "department:sort:id"),
            Selection("department_figures", "department:sort:id"),
            Selection("user", "user:sort:id"),
            Selection("user_figures", "user:sort:id"),
        ),
        (Tally("overdue", "department:sort:id", "task:open:due:department:"),),
    )


def report(snapshot: Snapshot, _: Period) -> Report:
    """All departments by ascending id, with their present members."""
    loads = loads_by_department(snapshot)
    rows = rows_of(snapshot, loads)
    return Report(
        name="departments-workload",
        title="Workload of departments",
        position=snapshot.position,
        moment=snapshot.moment,
        summary_name="summary",
        summary_columns=SUMMARY_COLUMNS,
        summary=summary(rows, loads[None]),
        rows_name="departments",
        columns=COLUMNS,
        rows=rows,
        chart=chart(rows),
        notes=NOTES,
    )


def loads_by_department(snapshot: Snapshot) -> defaultdict[int | None, list[Load]]:
    """Everybody's load, by department or under None, by ascending user id."""
    figures = snapshot.by_id("user_figures")
    loads: defaultdict[int | None, list[Load]] = defaultdict(list)
    for card in snapshot.documents("user"):
        left = figures.get(str(card["id"]), {}).get("remaining_centihours", 0)
        loads[card["department_id"]].append(Load(left, card))
    return loads


def rows_of(snapshot: Snapshot, loads: Mapping[int | None, Sequence[Load]]) -> Sequence[Row]:
    figures, overdue = snapshot.by_id("department_figures"), snapshot.tally("overdue")
    return [
        row(
            department,
            figures.get(str(department["id"]), {}),
            overdue.get(str(department["id"]), 0),
            busiest(loads.get(department["id"], ())),
        )
        for department in snapshot.documents("department")
    ]


def row(department: Document, figures: Document, overdue: int, most: Load | None) -> Row:
    members, remaining = figures.get("members", 0), figures.get("remaining_centihours", 0)
    return {
        "id": department["id"],
        "name": department["name"],
        "members_count": members,
        "open_tasks": figures.get("open_tasks", 0),
        "remaining_hours": remaining,
        "remaining_hours_per_member": per_member(remaining, members),
        "overdue_tasks": overdue,
        "busiest_member": person(most and most.card),
        "busiest_member_hours": most and most.centihours,
    }


def per_member(remaining: int, members: int) -> int | None:
    """None where there is nobody."""
    return half_up(remaining, members) if members else None


def busiest(loads: Iterable[Load]) -> Load | None:
    """Who has most hours left, the first of several; None where nobody has any.

    Only active members are named; what is left for others is in the sums all the same.
    """
    active = (load for load in loads if load.card["active"])
    most = max(active, key=lambda load: load.centihours, default=None)
    return most if most is not None and most.centihours else None


def summary(rows: Sequence[Row], without_department: Sequence[Load]) -> Row:
    """Sums of the rows; who is in no department is in none of them and stands beside."""
    members = sum(row["members_count"] for row in rows)
    remaining = sum(row["remaining_hours"] for row in rows)
    return {
        "total_departments": len(rows),
        "total_members": members,
        "open_tasks": sum(row["open_tasks"] for row in rows),
        "remaining_hours": remaining,
        "remaining_hours_per_member": per_member(remaining, members),
        "overdue_tasks": sum(row["overdue_tasks"] for row in rows),
        "users_without_department": len(without_department),
        "remaining_hours_without_department": sum(load.centihours for load in without_department),
    }


def chart(rows: Sequence[Row]) -> Chart:
    bars = [Bar(row["name"], (row["remaining_hours"],)) for row in rows]
    return largest("Load by department", Unit.CENTIHOURS, ("Remaining hours",), bars)
