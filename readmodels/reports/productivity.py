"""What people got done in a period: tasks, hours, punctuality, and how long work takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from readmodels.documents import Document
from readmodels.productivity import Completion, by_day, completions
from readmodels.reports.formulas import median_ratio_hundredths, nearest_rank, rate_tenths
from readmodels.reports.periods import Period
from readmodels.reports.report import Column, Report, Row, Unit
from readmodels.reports.throughput import throughput
from readmodels.rounding import half_up
from readmodels.snapshots import Scope, Selection, Snapshot

FIGURES: Final = (
    Column("tasks_assigned", "Assigned", Unit.COUNT),
    Column("tasks_completed", "Completed", Unit.COUNT),
    Column("on_time_rate", "On time", Unit.TENTHS),
    Column("hours_worked", "Hours", Unit.CENTIHOURS),
    Column("cycle_time_p50_hours", "Cycle p50, h", Unit.CENTIHOURS),
    Column("cycle_time_p85_hours", "Cycle p85, h", Unit.CENTIHOURS),
    Column("estimate_accuracy", "Actual / estimate", Unit.HUNDREDTHS),
)
SUMMARY_COLUMNS: Final = (Column("total_users", "People", Unit.COUNT), *FIGURES)
COLUMNS: Final = (
    Column("id", "No.", Unit.ID),
    Column("username", "Person", Unit.TEXT),
    Column("email", "Email", Unit.TEXT),
    Column("department", "Department", Unit.TEXT),
    *FIGURES,
)
NOTES: Final = (
    "A task with several people counts once for each of them; the chart counts it once.",
    "On time is by the due date as it stood when work began.",
    "Cycle time is from the beginning of work to completion; 85 % of the tasks did not exceed p85.",
)


@dataclass(frozen=True, slots=True)
class Work:
    """What was done in a period; hours are hundredths."""

    assigned: int = 0
    centihours: int = 0
    completions: Sequence[Completion] = field(default_factory=tuple)


NOTHING: Final = Work()


def scope(period: Period) -> Scope:
    first, last = period.months()
    return Scope(
        (
            Selection("user", "user:sort:id"),
            Selection("department", "department:sort:id"),
            Selection("work", "work:month", first, last),
        )
    )


def report(snapshot: Snapshot, period: Period) -> Report:
    """All users by ascending id, with what they did on the whole days (UTC) that the period touches."""
    period = period.days()
    departments = snapshot.by_id("department")
    work = work_by_user(snapshot, period)
    people = [(card, work.get(str(card["id"]), NOTHING)) for card in snapshot.documents("user")]
    total = merged([done for _, done in people])
    return Report(
        name="users-productivity",
        title="Productivity",
        position=snapshot.position,
        moment=snapshot.moment,
        summary_name="summary",
        summary_columns=SUMMARY_COLUMNS,
        summary={"total_users": len(people), **figures(total)},
        rows_name="users",
        columns=COLUMNS,
        rows=[row(card, departments.get(str(card["department_id"])), done) for card, done in people],
        chart=throughput(total.completions, period, snapshot.moment),
        asked=period.in_words(),
        notes=NOTES,
    )


def work_by_user(snapshot: Snapshot, period: Period) -> Mapping[str, Work]:
    months: defaultdict[str, list[Work]] = defaultdict(list)
    for work in snapshot.documents("work"):
        months[work["id"].split(":")[0]].append(work_within(work, period))
    return {user: merged(parts) for user, parts in months.items()}


def work_within(work: Document, period: Period) -> Work:
    """The part of a user's month that lies in a period of whole days."""
    first, end = period.seconds()
    return Work(
        sum(tasks for day, tasks in by_day(work, "assigned").items() if period.has_day(day)),
        sum(booked for day, booked in by_day(work, "hours").items() if period.has_day(day)),
        [each for each in completions(work) if first <= each.completed_s < end],
    )


def merged(parts: Sequence[Work]) -> Work:
    return Work(
        sum(part.assigned for part in parts),
        sum(part.centihours for part in parts),
        [each for part in parts for each in part.completions],
    )


def row(card: Document, department: Document | None, work: Work) -> Row:
    return {
        "id": card["id"],
        "username": card["username"],
        "email": card["email"],
        "department": None if department is None else department["name"],
        **figures(work),
    }


def figures(work: Work) -> Row:
    """One user's figures, or everybody's together; None where there is nothing to tell.

    on_time_rate          completions up to their due date / those that had one, in tenths of a percent
    cycle_time_pNN_hours  nearest-rank percentile of the time from the beginning of work, hundredths
    estimate_accuracy     median of actual / estimated hours where there are both, in hundredths
    """
    done = work.completions
    timed = [each.in_time for each in done if each.in_time is not None]
    cycles = sorted(each.cycle_s for each in done)
    return {
        "tasks_assigned": work.assigned,
        "tasks_completed": len(done),
        "on_time_rate": rate_tenths(sum(timed), len(timed)),
        "hours_worked": work.centihours,
        "cycle_time_p50_hours": centihours(nearest_rank(cycles, 50)),
        "cycle_time_p85_hours": centihours(nearest_rank(cycles, 85)),
        "estimate_accuracy": median_ratio_hundredths(
            [
                (each.actual_centihours, each.estimated_centihours)
                for each in done
                if each.actual_centihours is not None and each.estimated_centihours
            ]
        ),
    }


def centihours(seconds: int | None) -> int | None:
    return None if seconds is None else half_up(seconds, 36)
