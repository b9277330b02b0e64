"""Examples of reports as CSV: the columns that the server writes, with the row of the JSON example."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

from api.reports.csv_files import cells, names
from api.reports.formats import PLACES
from readmodels.reports import budget, productivity, projects, workload
from readmodels.reports.report import Column

COLUMNS: Final[Mapping[str, Sequence[Column]]] = {
    "projects": projects.COLUMNS,
    "users": productivity.COLUMNS,
    "departments": workload.COLUMNS,
    "project_breakdown": budget.COLUMNS,
}
"""Of each report, by the field of `data` that holds its rows."""


def csv_example(data: Mapping[str, Any]) -> str:
    """The file of a report of which `data` is the example in JSON."""
    ((name, columns),) = [(name, columns) for name, columns in COLUMNS.items() if name in data]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(name for column in columns for name in names(column))
    writer.writerows(cells(_exact(row, columns), columns) for row in data[name])
    return text.getvalue()


def _exact(row: Mapping[str, Any], columns: Sequence[Column]) -> Mapping[str, Any]:
    """The integers that the numbers of JSON are made of."""
    return {column.name: _scaled(row[column.name], PLACES.get(column.unit, 0)) for column in columns}


def _scaled(value: Any, places: int) -> Any:
    return round(value * 10**places) if places and value is not None else value
