"""Every figure of statistics and reports, computed from what the events tell, with lists and loops alone.

It shares no code with what it checks; it is slow, and plain enough to be believed. Figures are as
people see them: money and hours with decimals, a missing one None.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import ceil, floor
from typing import Any

from tests.told import Task, Thing, Told, deadline, moment

Days = tuple[str | None, str | None]
"""The first and the last day of a period as moments, either of which may be missing."""


def user_stats(told: Told, user_id: int, now: str) -> Thing:
    people = [user_id]
    return {
        "total_projects": len(seen_by(told, people)),
        **work(told, people, now),
        "avg_task_time": rounded(hours(told, people), 100 * len(tasks_of(told, people)), 1),
    }


def department_stats(told: Told, department_id: int, now: str) -> Thing:
    people = members(told, department_id)
    return {
        "total_members": len(people),
        "active_members": sum(told.users[user_id]["active"] for user_id in people),
        "overdue_tasks": sum(task.is_late(now) for task in tasks_of(told, people)),
        **work(told, people, now),
    }


def work(told: Told, people: Sequence[int], now: str) -> Thing:
    tasks = tasks_of(told, people)
    done = sum(task.is_done for task in tasks)
    return {
        "active_projects": sum(project["status"] == "active" for project in seen_by(told, people)),
        "total_tasks": len(tasks),
        "completed_tasks": done,
        "pending_tasks": len(tasks) - done,
        "total_hours_worked": rounded(hours(told, people), 100, 1),
        "this_month_hours": rounded(hours(told, people, now[:7]), 100, 1),
        "completion_rate": rounded(100 * done, len(tasks), 1),
    }


def members(told: Told, department_id: int | None) -> list[int]:
    return [user_id for user_id, user in told.users.items() if user["department_id"] == department_id]


def tasks_of(told: Told, people: Iterable[int]) -> list[Task]:
    """The tasks that somebody of these people has, each once; cancelled ones are left out."""
    return [task for task in told.tasks.values() if task.counts and set(task.team) & set(people)]


def seen_by(told: Told, people: Iterable[int]) -> list[Thing]:
    """The projects that somebody of these people owns or has a task in, a cancelled one too."""
    found = []
    for project_id, project in told.projects.items():
        tasks = [task for task in told.tasks.values() if task.project_id == project_id and not task.deleted]
        concerned = {project["owner_id"], *(user_id for task in tasks for user_id in task.team)}
        if concerned & set(people):
            found.append(project)
    return found


def hours(told: Told, people: Iterable[int], month: str = "") -> int:
    """Hundredths of hours credited to these people, in one month when it is given."""
    return sum(
        credit["centihours"]
        for task in told.tasks.values()
        for at, some in task.bookings
        for credit in some
        if credit["user_id"] in people and at.startswith(month)
    )


def own_tasks(told: Told, user_id: int, now: str) -> Thing:
    """What somebody created, and what is assigned to them: all, by status, by priority, and overdue."""
    own = [task for task in told.tasks.values() if not task.deleted]
    own = [task for task in own if task.creator_id == user_id or user_id in task.team]
    words = ("pending", "in_progress", "completed", "cancelled", "low", "medium", "high", "urgent")
    return {
        "tasks": len(own),
        **{word: sum(word in (task.status, task.priority) for task in own) for word in words},
        "overdue": sum(task.is_overdue(now) for task in own),
    }


def tasks_with(told: Told, tag_id: int) -> int:
    return sum(tag_id in task.tag_ids for task in told.tasks.values() if not task.deleted)


def budget_analysis(told: Told, now: str) -> tuple[Thing, list[Thing]]:
    budgets = {project_id: project["budget_cents"] for project_id, project in sorted(told.projects.items())}
    costs = {project_id: spending(told, project_id) for project_id in budgets}
    variances = [variance(budgets[project_id], costs[project_id]) for project_id in budgets]
    over = [project_id for project_id in budgets if costs[project_id] > budgets[project_id]]
    rows = [
        {
            "project_id": project_id,
            "allocated_budget": budgets[project_id] / 100,
            "spent_budget": costs[project_id] / 100,
            "remaining_budget": (budgets[project_id] - costs[project_id]) / 100,
            "variance_percentage": each,
        }
        for project_id, each in zip(budgets, variances, strict=True)
    ]
    allocated, spent = sum(budgets.values()), sum(costs.values())
    summary = {
        "total_allocated": allocated / 100,
        "total_spent": spent / 100,
        "remaining_budget": (allocated - spent) / 100,
        "utilization_rate": rounded(100 * spent, allocated, 2),
        "projects_over_budget": len(over),
        "projects_under_budget": len(budgets) - len(over),
        "average_budget_variance": rounded(sum(round(10 * each) for each in variances), 10 * len(rows), 1),
        "monthly_burn_rate": rounded(spent, 100 * months_of_spending(told, now), 2),
    }
    return summary, rows


def spending(told: Told, project_id: int) -> int:
    """Labour and expenses in cents; a deleted task has cost what it has cost."""
    labour = [task.cost for task in told.tasks.values() if task.project_id == project_id]
    bills = [each["amount_cents"] for each in told.expenses.values() if each["project_id"] == project_id]
    return int(sum(labour) + sum(bills))


def variance(budget: int, spent: int) -> float:
    return rounded(100 * (spent - budget), budget, 1) if budget else (100.0 if spent > 0 else 0.0)


def months_of_spending(told: Told, now: str) -> int:
    """Counted one by one from the first booking's or expense's month to the present one."""
    booked = [at for task in told.tasks.values() if task.project_id for at, _ in task.bookings]
    at = moment(min([*booked, *(each["incurred_on"] for each in told.expenses.values()), now]))
    year, month, count = at.year, at.month, 1
    while (year, month) < (moment(now).year, moment(now).month):
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        count += 1
    return count


def projects(told: Told, period: Days, now: str) -> tuple[Thing, list[Thing]]:
    touched = [
        project_id for project_id in sorted(told.projects) if touches(told.projects[project_id], period)
    ]
    rows = [project_row(told, project_id, now) for project_id in touched]
    budget = sum(told.projects[project_id]["budget_cents"] for project_id in touched)
    spent = sum(spending(told, project_id) for project_id in touched)
    summary = {
        "total_projects": len(rows),
        "total_budget": budget / 100,
        "total_spent": spent / 100,
        "remaining_budget": (budget - spent) / 100,
        "variance_percentage": variance(budget, spent),
        "total_tasks": sum(row["tasks_count"] for row in rows),
    }
    for name in ("completed_tasks", "overdue_tasks", "open_risks"):
        summary[name] = sum(row[name] for row in rows)
    for status in ("active", "on_hold", "completed", "cancelled"):
        summary[f"{status}_projects"] = len([row for row in rows if row["status"] == status])
    return summary, rows


def project_row(told: Told, project_id: int, now: str) -> Thing:
    project = told.projects[project_id]
    tasks = [task for task in told.tasks.values() if task.project_id == project_id and task.counts]
    risks = [risk for risk in told.risks.values() if risk["project_id"] == project_id]
    budget, spent = project["budget_cents"], spending(told, project_id)
    return {
        "id": project_id,
        "status": project["status"],
        "budget": budget / 100,
        "spent_budget": spent / 100,
        "remaining_budget": (budget - spent) / 100,
        "variance_percentage": variance(budget, spent),
        "progress": progress(project, tasks),
        "tasks_count": len(tasks),
        "completed_tasks": sum(task.is_done for task in tasks),
        "overdue_tasks": sum(task.is_late(now) for task in tasks),
        "open_risks": sum(risk["status"] == "active" for risk in risks),
    }


def touches(project: Thing, period: Days) -> bool:
    start, end = project["start_date"], project["end_date"]
    begins_too_late = start and period[1] and moment(start) > moment(period[1])
    ends_too_soon = end and period[0] and end < period[0] and deadline(end) <= moment(period[0])
    return not begins_too_late and not ends_too_soon


def progress(project: Thing, tasks: Sequence[Task]) -> int:
    if project["status"] == "completed":
        return 100
    weights = [task.estimate or 0 for task in tasks]
    if not all(weights):
        weights = [1] * len(tasks)
    done = sum(weight for task, weight in zip(tasks, weights, strict=True) if task.is_done)
    return 100 * done // sum(weights) if tasks else 0


def workload(told: Told, now: str) -> tuple[Thing, list[Thing]]:
    rows = [department_row(told, department_id, now) for department_id in sorted(told.departments)]
    outside = members(told, None)
    inside = [user_id for user_id in told.users if user_id not in outside]
    left = remaining(told, inside)
    summary = {
        "total_departments": len(rows),
        "total_members": len(inside),
        "open_tasks": sum(row["open_tasks"] for row in rows),
        "remaining_hours": left / 100,
        "remaining_hours_per_member": rounded(left, 100 * len(inside), 2) if inside else None,
        "overdue_tasks": sum(row["overdue_tasks"] for row in rows),
        "users_without_department": len(outside),
        "remaining_hours_without_department": remaining(told, outside) / 100,
    }
    return summary, rows


def department_row(told: Told, department_id: int, now: str) -> Thing:
    people = sorted(members(told, department_id))
    left = {user_id: remaining(told, [user_id]) for user_id in people}
    active = {user_id: left[user_id] for user_id in people if told.users[user_id]["active"]}
    busiest = next((user_id for user_id in active if active[user_id] == max(active.values()) > 0), None)
    tasks = [task for task in tasks_of(told, people) if task.is_open]
    return {
        "id": department_id,
        "members_count": len(people),
        "open_tasks": len(tasks),
        "remaining_hours": sum(left.values()) / 100,
        "remaining_hours_per_member": rounded(sum(left.values()), 100 * len(people), 2) if people else None,
        "overdue_tasks": sum(task.is_late(now) for task in tasks),
        "busiest_member": busiest,
        "busiest_member_hours": left[busiest] / 100 if busiest else None,
    }


def remaining(told: Told, people: Iterable[int]) -> int:
    """The hours (hundredths) that lie before these people."""
    return sum(
        task.share(user_id)
        for user_id in people
        for task in told.tasks.values()
        if task.is_open and user_id in task.team
    )


def productivity(told: Told, period: Days) -> tuple[Thing, list[Thing]]:
    users = sorted(told.users)
    rows = [{"id": user_id, **done(told, [user_id], period)} for user_id in users]
    return {"total_users": len(users), **done(told, users, period)}, rows


def done(told: Told, people: Iterable[int], period: Days) -> Thing:
    """What was done on the days of a period; everything counts for each of the people."""
    tasks = finished(told, people, period)
    cycles = sorted(seconds(task.began().at, task.statuses[-1].at) for task in tasks)
    promises = [(task, deadline(due)) for task in tasks if (due := task.promised())]
    punctual = [task for task, due in promises if moment(task.statuses[-1].at) <= due]
    both = [task for task in tasks if task.actual is not None and task.estimate]
    return {
        "tasks_assigned": assignments(told, people, period),
        "tasks_completed": len(tasks),
        "on_time_rate": rounded(100 * len(punctual), len(promises), 1) if promises else None,
        "hours_worked": sum(hours_on_days(told, user_id, period) for user_id in people) / 100,
        "cycle_time_p50_hours": nearest_rank(cycles, 50),
        "cycle_time_p85_hours": nearest_rank(cycles, 85),
        "estimate_accuracy": median(sorted(Fraction(task.actual or 0, task.estimate or 1) for task in both)),
    }


def finished(told: Told, people: Iterable[int], period: Days) -> list[Task]:
    """The tasks that are done since a day of the period, once for each of the people who have them."""
    return [
        task
        for user_id in people
        for task in told.tasks.values()
        if user_id in task.team and task.is_done and is_within(task.statuses[-1].at, period)
    ]


def assignments(told: Told, people: Iterable[int], period: Days) -> int:
    return sum(
        is_within(task.since(user_id), period)
        for user_id in people
        for task in told.tasks.values()
        if user_id in task.team and task.counts
    )


def hours_on_days(told: Told, user_id: int, period: Days) -> int:
    return sum(
        credit["centihours"]
        for task in told.tasks.values()
        for at, some in task.bookings
        for credit in some
        if credit["user_id"] == user_id and is_within(at, period)
    )


def seconds(start: str, end: str) -> int:
    return round((moment(end) - moment(start)).total_seconds())


def is_within(at: str, period: Days) -> bool:
    """Whether a moment is on a day of the period."""
    return (not period[0] or at[:10] >= period[0][:10]) and (not period[1] or at[:10] <= period[1][:10])


def nearest_rank(ordered: Sequence[int], percent: int) -> float | None:
    """The first number of seconds, in hours, that `percent` of all do not exceed."""
    for place, each in enumerate(ordered, start=1):
        if 100 * place >= percent * len(ordered):
            return rounded(each, 3600, 2)
    return None


def median(some: Sequence[Fraction]) -> float | None:
    if not some:
        return None
    middle = (some[(len(some) - 1) // 2] + some[len(some) // 2]) / 2
    return rounded(middle.numerator, middle.denominator, 2)


def rounded(numerator: int, denominator: int, decimals: int) -> float:
    """A fraction rounded half up, away from zero; 0 where there is nothing to divide by."""
    if denominator == 0:
        return 0.0
    exact = Fraction(numerator, denominator) * 10**decimals
    whole = floor(exact + Fraction(1, 2)) if exact >= 0 else ceil(exact - Fraction(1, 2))
    return float(whole / 10**decimals)


REPORTS: dict[str, Any] = {
    "projects": projects,
    "users-productivity": lambda told, period, _: productivity(told, period),
    "departments-workload": lambda told, _, now: workload(told, now),
    "budget-analysis": lambda told, _, now: budget_analysis(told, now),
}
