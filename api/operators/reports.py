"""Reports of any moment from history alone: the same figures, and the same bytes, as servers answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from api.errors import BadRequest
from api.operators.asked import Asked
from api.operators.instruments import Instruments
from api.taskflow import parameters
from api.taskflow.reports import IN_PERIOD, period_of
from events.instants import first_of_day, now
from projections.bulk_memory import fold_into_memory
from readmodels.memory import MemoryModel
from readmodels.reports.catalogue import REPORTS
from readmodels.reports.periods import Period
from readmodels.reports.report import Report
from readmodels.snapshots import SNAPSHOT_DOCUMENTS_MAX, TooLarge

OF_PERIODS: Final = frozenset({"projects", "users-productivity"})
"""Reports that can be asked about a period; the others speak of a moment."""


class NoSuchReport(Exception):
    """No report can be made of what was asked for; the message says why, and what would do."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """A report by its name, and the period that it is about."""

    name: str
    period: Period


def ordered(name: str, start_date: str | None, end_date: str | None) -> Ordered:
    """What somebody asks for in texts. Raises NoSuchReport."""
    if name not in REPORTS:
        raise NoSuchReport(f"There is no report {name!r}; there are {', '.join(REPORTS)}")
    given = {"start_date": start_date, "end_date": end_date}
    period = {key: text for key, text in given.items() if text is not None}
    if period and name not in OF_PERIODS:
        raise NoSuchReport(f"The report {name} speaks of a moment and takes no period")
    try:
        return Ordered(name, period_of({key: _read(key, text) for key, text in period.items()}))
    except BadRequest as error:
        raise NoSuchReport(str(error)) from None


def _read(name: str, text: str) -> Any:
    parameter: parameters.Parameter = IN_PERIOD[name]
    try:
        return parameter.read(text)
    except ValueError:
        raise NoSuchReport(f"{text!r} is no {name}: give {parameter.takes}") from None


async def rebuilt(tools: Instruments, order: Ordered, end: Asked) -> Report:
    """The report as it was at a moment; that of the present without one.

    Raises NoSuchReport, `projections.bulk_memory.TooLarge`, Unavailable.
    """
    model = await fold_into_memory(tools.store, end.position)
    definition = REPORTS[order.name]
    try:
        snapshot = await model.snapshot(definition.scope(order.period), end.moment or first_of_day(now()))
    except TooLarge:
        raise NoSuchReport(f"This report would cover more than {SNAPSHOT_DOCUMENTS_MAX:,} objects") from None
    return definition.report(snapshot, order.period)


async def listed() -> list[Mapping[str, Any]]:
    """The reports there are: their names, their titles, and whether they can be asked about a period."""
    nothing, open_period = MemoryModel(), Period()
    found: list[Mapping[str, Any]] = []
    for name, definition in REPORTS.items():
        snapshot = await nothing.snapshot(definition.scope(open_period), first_of_day(now()))
        title = definition.report(snapshot, open_period).title
        found.append({"name": name, "title": title, "takes_period": name in OF_PERIODS})
    return found
