"""Printing data: on stdout, in the form that was asked for; everything else goes to stderr."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from api.cli.options import Form
from api.reports.csv_files import guarded

Row = Mapping[str, Any]

_out: Final = Console(highlight=False, markup=False, emoji=False)
_err: Final = Console(highlight=False, markup=False, emoji=False, stderr=True, soft_wrap=True)


def form_of(output: Form, as_json: bool) -> Form:
    """`--json` is the short way to say `--output json`."""
    return Form.JSON if as_json else output


def print_rows(rows: Iterable[Row], columns: Sequence[str], form: Form, *, named: str = "items") -> None:
    """Rows in any form; a table and CSV show `columns`, JSON shows everything that a row has.

    JSON is one object with the list under `named`; rows are printed as they come in NDJSON and CSV.
    """
    match form:
        case Form.JSON:
            print_json({named: list(rows)})
        case Form.NDJSON:
            for row in rows:
                sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
                sys.stdout.flush()
        case Form.CSV:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(columns)
            for row in rows:
                writer.writerow([spreadsheet_cell(row.get(name)) for name in columns])
        case Form.TABLE:
            _print_table(rows, columns)


def print_json(document: object) -> None:
    """One JSON document, indented, in the order of its fields."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def print_fields(fields: Row, form: Form) -> None:
    """One object: a line for each field, or the object as JSON."""
    if form is Form.TABLE:
        table = Table.grid(padding=(0, 2))
        for name, value in fields.items():
            table.add_row(Text(name.replace("_", " "), style="bold"), Text(cell(value)))
        _out.print(table)
    elif form is Form.CSV:
        print_rows([fields], list(fields), form)
    elif form is Form.NDJSON:
        print_rows([fields], (), form)
    else:
        print_json(fields)


def tell(line: str, *, style: str | None = None) -> None:
    """A message for the person at the terminal."""
    _err.print(line, style=style if _err.is_terminal else None)


def cell(value: object) -> str:
    """A value in a table: text as it is, nothing as nothing, all else as JSON."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)


def spreadsheet_cell(value: object) -> str:
    """As `cell`; what a spreadsheet would run is made harmless, numbers stay numbers."""
    return guarded(cell(value)) if isinstance(value, str) else cell(value)


def _print_table(rows: Iterable[Row], columns: Sequence[str]) -> None:
    heads = [name.replace("_", " ") for name in columns]
    table = Table(*heads, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell(row.get(name))) for name in columns))
    # Piped into something, a table is as wide as it has to be.
    if _out.is_terminal:
        _out.print(table)
    else:
        Console(highlight=False, markup=False, emoji=False, width=10_000).print(table)


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Progress]:
    """A bar on stderr where that is a terminal, else nothing; its only task has the number 0."""
    shown = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=_err,
        disable=not _err.is_terminal,
    )
    with shown:
        shown.add_task(what, total=total, rate="")
        yield shown
