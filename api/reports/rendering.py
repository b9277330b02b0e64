"""A report written in one of its forms."""

from __future__ import annotations

from typing import BinaryIO

from api.reports.csv_files import write_csv
from api.reports.json_data import write_json
from api.reports.order import Form
from readmodels.reports.report import Report


def render(report: Report, form: Form, file: BinaryIO) -> None:
    """Write a report into a binary file: the same bytes for the same report."""
    match form:
        case "json":
            write_json(report, file)
        case "csv":
            write_csv(report, file)
        case "pdf":
            # It brings fonts and graphics along, which nothing else needs.
            from api.reports.pdf import write_pdf

            write_pdf(report, file)
