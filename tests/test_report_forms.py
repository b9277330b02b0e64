"""What JSON, CSV and PDF have in common, report by report: the same totals, and texts that stay texts."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any, Final

import orjson
import pytest
from pypdf import PdfReader

from api.reports.order import Form
from api.reports.rendering import render
from readmodels.reports.catalogue import REPORTS
from readmodels.reports.report import Column, Report, Unit
from tests.histories import LONG_LIVED, history
from tests.reporting import reported

CsvRows = Sequence[Mapping[str, str]]
FromRows = Callable[[CsvRows], Decimal]

FORMULAS: Final = ("=1+1", "+1+1", "-1+1", "@SUM(A1)", " =1+1", "＝1+1")  # noqa: RUF001 - a wide sign
TEXTS: Final = frozenset({Unit.TEXT, Unit.PERSON})


def rendered(report: Report, form: Form) -> io.BytesIO:
    file = io.BytesIO()
    render(report, form, file)
    file.seek(0)
    return file


def csv_rows(report: Report) -> CsvRows:
    return list(csv.DictReader(io.StringIO(rendered(report, "csv").read().decode(), newline="")))


def pages(report: Report) -> list[str]:
    return [page.extract_text() for page in PdfReader(rendered(report, "pdf")).pages]


def sum_of(name: str) -> FromRows:
    return lambda rows: sum((Decimal(row[name]) for row in rows), Decimal(0))


def number_with(status: str) -> FromRows:
    return lambda rows: Decimal([row["status"] for row in rows].count(status))


def number_of(rows: CsvRows) -> Decimal:
    return Decimal(len(rows))


def ratio(part: FromRows, whole: FromRows, places: str, percent: int = 1) -> FromRows:
    return lambda rows: (percent * part(rows) / whole(rows)).quantize(Decimal(places), ROUND_HALF_UP)


def excess(rows: CsvRows) -> Decimal:
    return -sum_of("remaining_budget")(rows)


def number_over(rows: CsvRows) -> Decimal:
    return Decimal(sum(Decimal(row["spent_budget"]) > Decimal(row["allocated_budget"]) for row in rows))


FROM_ROWS: Final[Mapping[str, Mapping[str, FromRows]]] = {
    "projects": {
        "total_projects": number_of,
        "active_projects": number_with("active"),
        "on_hold_projects": number_with("on_hold"),
        "completed_projects": number_with("completed"),
        "cancelled_projects": number_with("cancelled"),
        "total_budget": sum_of("budget"),
        "total_spent": sum_of("spent_budget"),
        "remaining_budget": sum_of("remaining_budget"),
        "variance_percentage": ratio(excess, sum_of("budget"), "0.1", 100),
        "total_tasks": sum_of("tasks_count"),
        "completed_tasks": sum_of("completed_tasks"),
        "overdue_tasks": sum_of("overdue_tasks"),
        "open_risks": sum_of("open_risks"),
    },
    "users-productivity": {
        "total_users": number_of,
        "tasks_assigned": sum_of("tasks_assigned"),
        "tasks_completed": sum_of("tasks_completed"),
        "hours_worked": sum_of("hours_worked"),
    },
    "departments-workload": {
        "total_departments": number_of,
        "total_members": sum_of("members_count"),
        "open_tasks": sum_of("open_tasks"),
        "remaining_hours": sum_of("remaining_hours"),
        "remaining_hours_per_member": ratio(sum_of("remaining_hours"), sum_of("members_count"), "0.01"),
        "overdue_tasks": sum_of("overdue_tasks"),
    },
    "budget-analysis": {
        "total_allocated": sum_of("allocated_budget"),
        "total_spent": sum_of("spent_budget"),
        "remaining_budget": sum_of("remaining_budget"),
        "utilization_rate": ratio(sum_of("spent_budget"), sum_of("allocated_budget"), "0.01", 100),
        "projects_over_budget": number_over,
        "projects_under_budget": lambda rows: number_of(rows) - number_over(rows),
        "average_budget_variance": ratio(sum_of("variance_percentage"), number_of, "0.1"),
    },
}
NOT_FROM_ROWS: Final = {
    "projects": set[str](),
    "users-productivity": {
        "on_time_rate", "cycle_time_p50_hours", "cycle_time_p85_hours", "estimate_accuracy",
    },
    "departments-workload": {"users_without_department", "remaining_hours_without_department"},
    "budget-analysis": {"monthly_burn_rate"},
}  # fmt: skip
"""Rates and percentiles over single tasks, people whom no row holds, and what goes by months."""


def full(name: str) -> Report:
    """A report with several rows and something in every figure of its summary."""
    records = history(Random(4), 1_200, LONG_LIVED)
    report = asyncio.run(reported(name, records, today="2027-01-01"))
    assert len(report.rows) > 3
    assert all(report.summary.values()), report.summary
    return report


def printed_figure(page: str, title: str) -> Decimal:
    """What stands below a figure's name, which comes first below the head of the page."""
    _, _, below = page.partition("formula version 1\n")
    found = re.search(rf"^{re.escape(title)}\n([\d,.-]+)(?: %)?$", below, re.MULTILINE)
    assert found, title
    return Decimal(found[1].replace(",", ""))


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_the_totals_of_json_csv_and_pdf_agree_to_the_cent(name: str) -> None:
    report = full(name)
    rows = csv_rows(report)
    from_rows = {figure: total(rows) for figure, total in FROM_ROWS[name].items()}
    first, *_ = pages(report)
    in_pdf = {column.name: printed_figure(first, column.title) for column in report.summary_columns}
    data = orjson.loads(rendered(report, "json").read())
    in_json = {figure: Decimal(repr(value)) for figure, value in data[report.summary_name].items()}

    assert in_pdf == in_json
    assert from_rows == {figure: in_json[figure] for figure in from_rows}
    assert from_rows.keys() | NOT_FROM_ROWS[name] == in_json.keys()
    assert len(rows) == len(data[report.rows_name])


def saying(report: Report, text: str) -> Report:
    """The report with `text` wherever a row of it holds a text, in the words of people or not."""
    said: dict[Unit, Any] = {Unit.TEXT: text, Unit.PERSON: {"id": 1, "username": text, "email": text}}
    words = {column.name: said[column.unit] for column in report.columns if column.unit in TEXTS}
    assert words
    return replace(report, rows=[{**row, **words} for row in report.rows])


def of_tasks() -> Report:
    """A report as one of tasks would be: a title and somebody to do it."""
    columns = (
        Column("id", "No.", Unit.ID),
        Column("task_title", "Task", Unit.TEXT),
        Column("assignee", "Assignee", Unit.PERSON),
        Column("actual_hours", "Hours", Unit.CENTIHOURS),
    )
    rows = [
        {"id": number, "task_title": "", "assignee": None, "actual_hours": -150} for number in range(1, 4)
    ]
    return replace(full("projects"), name="tasks", rows_name="tasks", columns=columns, rows=rows)


def report_named(name: str) -> Report:
    return of_tasks() if name == "tasks" else full(name)


EVERY_REPORT: Final = pytest.mark.parametrize("name", ["tasks", *sorted(REPORTS)])


@EVERY_REPORT
@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_is_a_formula_in_a_spreadsheet(name: str, text: str) -> None:
    report = saying(report_named(name), text)
    cells = [
        f"{column.name}_{field}" if column.unit is Unit.PERSON else column.name
        for column in report.columns
        if column.unit in TEXTS
        for field in (("username", "email") if column.unit is Unit.PERSON else ("",))
    ]
    for row in csv_rows(report):
        assert [row[cell] for cell in cells] == [f"'{text}"] * len(cells)


@EVERY_REPORT
def test_a_formula_is_printed_as_it_is_and_does_nothing(name: str) -> None:
    plain = report_named(name)
    report = saying(plain, "=1+1")
    columns = [column for column in report.columns if column.unit in TEXTS and column.is_printed]
    assert columns

    assert "=1+1" not in "".join(pages(saying(plain, "plain")))
    assert "".join(pages(report)).count("=1+1") == len(columns) * len(report.rows)
    document = PdfReader(rendered(report, "pdf"))
    assert not {"/OpenAction", "/AA", "/AcroForm", "/Names"} & document.root_object.keys()
    assert not any({"/Annots", "/AA"} & page.keys() for page in document.pages)
