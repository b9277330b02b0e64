"""All reports by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from readmodels.reports import budget, productivity, projects, workload
from readmodels.reports.periods import Period
from readmodels.reports.report import Report
from readmodels.snapshots import Scope, Snapshot


class Definition(NamedTuple):
    """What a report has to know of a period, and what it makes of that.

    A report without a period is given an open one.
    """

    scope: Callable[[Period], Scope]
    report: Callable[[Snapshot, Period], Report]


REPORTS: Final = {
    "projects": Definition(projects.scope, projects.report),
    "users-productivity": Definition(productivity.scope, productivity.report),
    "departments-workload": Definition(workload.scope, workload.report),
    "budget-analysis": Definition(budget.scope, budget.report),
}
