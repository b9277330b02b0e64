"""A report as the `data` of an answer, at once or piece by piece: the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

import orjson

from api.reports.formats import as_json
from readmodels.reports.report import Column, Report, Row


def data_of(report: Report) -> dict[str, Any]:
    """`data`: the summary and the rows under their names."""
    return {
        report.summary_name: shown(report.summary, report.summary_columns),
        report.rows_name: [shown(row, report.columns) for row in report.rows],
    }


def shown(row: Row, columns: Sequence[Column]) -> dict[str, Any]:
    return {column.name: as_json(row[column.name], column.unit) for column in columns}


def write_json(report: Report, file: BinaryIO) -> None:
    """Write what `orjson` makes of `data_of(report)`, without holding all of it."""
    summary = orjson.dumps({report.summary_name: shown(report.summary, report.summary_columns)})
    file.write(summary[:-1] + b"," + orjson.dumps(report.rows_name) + b":[")
    file.writelines(_pieces(report))
    file.write(b"]}")


def _pieces(report: Report) -> Iterable[bytes]:
    comma = b""
    for row in report.rows:
        yield comma + orjson.dumps(shown(row, report.columns))
        comma = b","
