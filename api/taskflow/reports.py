"""Reports over HTTP: whole, of one position, as JSON, CSV or PDF."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from api.errors import BadRequest
from api.reports.json_data import data_of
from api.reports.order import Order
from api.taskflow import parameters
from api.taskflow.calls import Call
from api.taskflow.downloads import Download, download
from api.taskflow.endpoints import Endpoint, Shows, timed
from api.taskflow.envelope import Answer
from api.taskflow.report_forms import (
    BudgetAnalysis,
    ProductivitySummary,
    ProjectBreakdown,
    ProjectsSummary,
    ReportedDepartment,
    ReportedProject,
    ReportedUser,
    WorkloadSummary,
)
from events.instants import Instant
from readmodels.documents import day_of
from readmodels.reports.catalogue import REPORTS
from readmodels.reports.periods import Period
from readmodels.reports.report import FORMULA_VERSION
from readmodels.snapshots import SNAPSHOT_DOCUMENTS_MAX, Snapshot, TooLarge

REPORT_POSITION: Final = "X-Report-Position"
REPORT_MOMENT: Final = "X-Report-Moment"
REPORT_FORMULAS: Final = "X-Report-Formula-Version"

FORMAT: Final[parameters.Parameters] = {"format": parameters.one_of("json", "csv", "pdf", default="json")}
IN_PERIOD: Final[parameters.Parameters] = {
    **FORMAT,
    "start_date": parameters.DATE,
    "end_date": parameters.DATE_END,
}


async def report_projects(call: Call) -> Answer | Download:
    return await reported(call, "projects")


async def report_productivity(call: Call) -> Answer | Download:
    return await reported(call, "users-productivity")


async def report_workload(call: Call) -> Answer | Download:
    return await reported(call, "departments-workload")


async def report_budget(call: Call) -> Answer | Download:
    return await reported(call, "budget-analysis")


async def reported(call: Call, name: str) -> Answer | Download:
    """A small report in JSON is made here, any other by the worker.

    Raises BadRequest, TryLater, NotReady.
    """
    period, definition = period_of(call.filters), REPORTS[name]
    form = call.filters.get("format", "json")
    if form != "json":
        call.core.reports.must_have_room()
    try:
        snapshot = await call.model.snapshot(definition.scope(period), speaks_of(call))
    except TooLarge:
        raise BadRequest(f"This report would cover more than {SNAPSHOT_DOCUMENTS_MAX:,} objects") from None
    headers = headers_of(snapshot)
    if form == "json" and snapshot.size_bytes <= call.core.settings.report_inline_bytes_max:
        return Answer(data_of(definition.report(snapshot, period)), headers=headers)
    order = Order(partial(definition.report, snapshot, period), form)
    return await download(call.core, order, called(name, period), snapshot.moment, headers)


def speaks_of(call: Call) -> Instant:
    """The moment of a report: the one that is asked for, else today's beginning unless more has happened."""
    return call.past.at if call.past else call.today


def called(name: str, period: Period) -> str:
    """What a file is called: `projects-from-2025-01-01-to-2025-06-30`, as far as the period is limited."""
    sides = (("from", period.start), ("to", period.end))
    return "-".join([name, *(f"{word}-{day_of(at)}" for word, at in sides if at is not None)])


def headers_of(snapshot: Snapshot) -> Mapping[str, str]:
    """What a report speaks of, and by which formulas; the moment is exact, so that it can be asked for."""
    return {
        REPORT_POSITION: str(snapshot.position),
        REPORT_MOMENT: snapshot.moment,
        REPORT_FORMULAS: str(FORMULA_VERSION),
    }


def period_of(filters: Mapping[str, Any]) -> Period:
    period = Period(filters.get("start_date"), filters.get("end_date"))
    if period.start is not None and period.end is not None and period.start > period.end:
        raise BadRequest("The query parameter start_date takes a date that is not after end_date")
    return period


def shows(**data: object) -> Shows:
    headers = (REPORT_POSITION, REPORT_MOMENT, REPORT_FORMULAS)
    return Shows(data, media_types=("text/csv", "application/pdf"), headers=headers)


OF_NOW: Final = (
    Endpoint(
        "GET",
        "/api/reports/projects",
        report_projects,
        is_kept=True,
        parameters=IN_PERIOD,
        summary="Report on the projects of a period",
        shows=shows(summary=ProjectsSummary, projects=list[ReportedProject]),
        asks_role="manager",
    ),
    Endpoint(
        "GET",
        "/api/reports/users/productivity",
        report_productivity,
        is_kept=True,
        parameters=IN_PERIOD,
        summary="Report on what people got done in a period",
        shows=shows(summary=ProductivitySummary, users=list[ReportedUser]),
        asks_role="manager",
    ),
    Endpoint(
        "GET",
        "/api/reports/departments/workload",
        report_workload,
        is_kept=True,
        parameters=FORMAT,
        summary="Report on the work that lies before departments",
        shows=shows(summary=WorkloadSummary, departments=list[ReportedDepartment]),
        asks_role="manager",
    ),
    Endpoint(
        "GET",
        "/api/reports/budget-analysis",
        report_budget,
        is_kept=True,
        parameters=FORMAT,
        summary="Compare budgets with spending",
        shows=shows(budget_analysis=BudgetAnalysis, project_breakdown=list[ProjectBreakdown]),
        asks_role="manager",
    ),
)

ENDPOINTS: Final = tuple(map(timed, OF_NOW))
