"""Reports as CSV and as JSON: exact figures, texts that stay texts, the same bytes every time."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import pickle
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.reports.csv_files import cell, write_csv
from api.reports.formats import PLACES, as_cell, as_json, as_print
from api.reports.json_data import data_of, write_json
from api.reports.order import Form, file_name
from api.reports.rendering import render
from readmodels.reports.report import Report, Unit
from tests.made_reports import AWKWARD, MOMENT, budgets, documents, listed, order

ROOT = Path(__file__).parent.parent
MONEY_MAX = 99_999_999_999_999
EXAMPLES: dict[Unit, tuple[Any, Any, str, str]] = {
    Unit.TEXT: ("a, b", "a, b", "a, b", "a, b"),
    Unit.ID: (12345, 12345, "12345", "12345"),
    Unit.COUNT: (12345, 12345, "12345", "12,345"),
    Unit.PERCENT: (65, 65, "65", "65 %"),
    Unit.CENTS: (-123456789, -1234567.89, "-1234567.89", "-1,234,567.89"),
    Unit.CENTIHOURS: (15605, 156.05, "156.05", "156.05"),
    Unit.TENTHS: (-350, -35.0, "-35.0", "-35.0 %"),
    Unit.BASIS_POINTS: (6495, 64.95, "64.95", "64.95 %"),
    Unit.HUNDREDTHS: (105, 1.05, "1.05", "1.05"),
    Unit.MOMENT: (
        "2025-06-20T15:30:59.999999Z",
        "2025-06-20T15:30:59Z",
        "2025-06-20T15:30:59Z",
        "2025-06-20 15:30",
    ),
}


def rendered(report: Report, form: Form) -> bytes:
    file = io.BytesIO()
    render(report, form, file)
    return file.getvalue()


def rows_of(report: Report) -> list[dict[str, str]]:
    file = io.BytesIO()
    write_csv(report, file)
    return list(csv.DictReader(io.StringIO(file.getvalue().decode(), newline="")))


@pytest.mark.parametrize("unit", EXAMPLES)
def test_a_figure_in_each_form(unit: Unit) -> None:
    kept, in_json, in_csv, in_print = EXAMPLES[unit]
    assert (as_json(kept, unit), as_cell(kept, unit), as_print(kept, unit)) == (in_json, in_csv, in_print)
    assert type(as_json(kept, unit)) is type(in_json)


def test_every_unit_has_all_forms_and_nothing_is_nothing() -> None:
    assert EXAMPLES.keys() | {Unit.PERSON} == set(Unit)
    for unit in Unit:
        assert (as_json(None, unit), as_cell(None, unit), as_print(None, unit)) == (
            None,
            "",
            "\N{EN DASH}",
        )


def test_midnight_is_printed_as_its_day() -> None:
    assert as_print("2025-07-01T00:00:00.000000Z", Unit.MOMENT) == "2025-07-01"


@given(st.integers(-MONEY_MAX, MONEY_MAX), st.sampled_from([unit for unit in PLACES if PLACES[unit]]))
def test_every_form_shows_the_same_digits(scaled: int, unit: Unit) -> None:
    exact = Decimal(scaled).scaleb(-PLACES[unit])
    assert Decimal(as_cell(scaled, unit)) == exact
    assert Decimal(orjson.dumps(as_json(scaled, unit)).decode()) == exact
    assert Decimal(as_print(scaled, unit).replace(",", "").removesuffix(" %")) == exact


def test_a_csv_file_is_names_and_rows_and_nothing_else() -> None:
    report = budgets(documents(["Website Redesign", "Rest"], [(5000000, 3250000), (0, 12345)]))
    assert rendered(report, "csv") == (
        b"project_id,project_name,allocated_budget,spent_budget,remaining_budget,variance_percentage\r\n"
        b"1,Website Redesign,50000.00,32500.00,17500.00,-35.0\r\n"
        b"2,Rest,0.00,123.45,-123.45,100.0\r\n"
    )


def test_a_person_takes_three_cells_and_nobody_three_empty_ones() -> None:
    first, second = rows_of(listed(documents(["A", "B"])))
    assert (first["owner_id"], first["owner_username"], first["owner_email"]) == (
        "1",
        "'-ana",
        "'+ana@example.com",
    )
    assert (second["owner_id"], second["owner_username"], second["owner_email"]) == ("", "", "")


def test_totals_follow_from_the_rows_to_the_cent() -> None:
    report = budgets(documents(["A"] * 300, [(n * 333_33, n * 101_01) for n in range(300)]))
    rows = rows_of(report)
    summary = data_of(report)["budget_analysis"]
    for total, name in {
        "total_allocated": "allocated_budget",
        "total_spent": "spent_budget",
        "remaining_budget": "remaining_budget",
    }.items():
        assert sum(Decimal(row[name]) for row in rows) == Decimal(repr(summary[total]))


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@A1", "\tx", "\rx", "\nx", "  =1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20A1"],
)
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert cell(text, Unit.TEXT) == f"'{text}"


@pytest.mark.parametrize("text", ["1+1", "a=b", "'=1", "(=1)", "", " a", "e-mail"])
def test_other_texts_are_left_alone(text: str) -> None:
    assert cell(text, Unit.TEXT) == text


def test_a_negative_number_stays_a_number() -> None:
    assert [cell(-5, unit) for unit in (Unit.CENTS, Unit.TENTHS, Unit.COUNT)] == ["-0.05", "-0.5", "-5"]


def test_awkward_names_come_out_as_they_went_in() -> None:
    rows = rows_of(budgets(documents(AWKWARD)))
    assert [row["project_name"].replace("'", "") for row in rows] == [
        name.replace("'", "") for name in AWKWARD
    ]
    assert [row["project_id"] for row in rows] == [str(number + 1) for number in range(len(AWKWARD))]


@pytest.mark.parametrize("names", [[], ["A"], AWKWARD])
def test_json_in_pieces_is_json_at_once(names: list[str]) -> None:
    report = listed(documents(names, [(1, 2)] * len(names)))
    file = io.BytesIO()
    write_json(report, file)
    assert file.getvalue() == orjson.dumps(data_of(report))


def test_a_file_is_named_after_the_report_and_its_day() -> None:
    assert file_name("budget-analysis", MOMENT, "pdf") == "budget-analysis-2026-03-31.pdf"


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    """Whatever order its hashes give to sets, and whatever it has written before."""
    snapshot = documents(AWKWARD, [(n * 333_33, n * 101_01) for n in range(len(AWKWARD))])
    forms: tuple[Form, ...] = ("json", "csv", "pdf")
    asked = tmp_path / "orders"
    orders = [order(documents(["Before"]), "pdf"), *(order(snapshot, form) for form in forms)]
    asked.write_bytes(pickle.dumps(orders))
    script = (
        "import hashlib, io, pickle, sys\n"
        "from api.reports.rendering import render\n"
        "for order in pickle.load(open(sys.argv[1], 'rb')):\n"
        "    file = io.BytesIO()\n"
        "    render(order.make(), order.form, file)\n"
        "    print(hashlib.sha256(file.getvalue()).hexdigest())\n"
    )
    here = [hashlib.sha256(rendered(budgets(snapshot), form)).hexdigest() for form in forms]
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "TZ": f"UTC+{seed}"}
        done = subprocess.run(
            [sys.executable, "-c", script, asked], env=environment, capture_output=True, check=True
        )
        assert done.stdout.decode().split()[1:] == here
