"""The shapes of reports in JSON: what `api.reports.json_data` makes of each report's columns."""

from __future__ import annotations

from typing_extensions import TypedDict

from api.taskflow.listing import Person
from api.taskflow.project_forms import ProjectFields


class ProjectsSummary(TypedDict):
    total_projects: int
    active_projects: int
    on_hold_projects: int
    completed_projects: int
    cancelled_projects: int
    total_budget: float
    total_spent: float
    remaining_budget: float
    variance_percentage: float
    total_tasks: int
    completed_tasks: int
    overdue_tasks: int
    open_risks: int


class ReportedProject(ProjectFields):
    """The list form of a project, and what it spent, what is late and what may go wrong."""

    progress: int
    owner: Person | None
    tasks_count: int
    completed_tasks: int
    spent_budget: float
    remaining_budget: float
    variance_percentage: float
    overdue_tasks: int
    open_risks: int


class ProductivityFigures(TypedDict):
    """Null where there is nothing to tell; rates are percentages, the accuracy is actual / estimate."""

    tasks_assigned: int
    tasks_completed: int
    on_time_rate: float | None
    hours_worked: float
    cycle_time_p50_hours: float | None
    cycle_time_p85_hours: float | None
    estimate_accuracy: float | None


class ProductivitySummary(ProductivityFigures):
    total_users: int


class ReportedUser(ProductivityFigures):
    id: int
    username: str
    email: str
    department: str | None


class WorkloadSummary(TypedDict):
    """Sums of the departments; who is in none stands beside them."""

    total_departments: int
    total_members: int
    open_tasks: int
    remaining_hours: float
    remaining_hours_per_member: float | None
    overdue_tasks: int
    users_without_department: int
    remaining_hours_without_department: float


class ReportedDepartment(TypedDict):
    """The busiest member is null where no active member has any hours left."""

    id: int
    name: str
    members_count: int
    open_tasks: int
    remaining_hours: float
    remaining_hours_per_member: float | None
    overdue_tasks: int
    busiest_member: Person | None
    busiest_member_hours: float | None


class BudgetAnalysis(TypedDict):
    total_allocated: float
    total_spent: float
    remaining_budget: float
    utilization_rate: float
    projects_over_budget: int
    projects_under_budget: int
    average_budget_variance: float
    monthly_burn_rate: float


class ProjectBreakdown(TypedDict):
    project_id: int
    project_name: str
    allocated_budget: float
    spent_budget: float
    remaining_budget: float
    variance_percentage: float
