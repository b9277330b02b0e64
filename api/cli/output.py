"""Printing data: on stdout, in the form that was asked for; everything else goes to stderr."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from api.cli.options import Form
from api.reports.csv_files import guarded
from api.terminal import harmless, harmless_lines

Row = Mapping[str, Any]

SHORT_CELL: Final = 30
"""Columns that are nowhere wider are never cut."""

_out: Final = Console(highlight=False, markup=False, emoji=False)
_err: Final = Console(highlight=False, markup=False, emoji=False, stderr=True, soft_wrap=True)


def form_of(output: Form, as_json: bool) -> Form:
    """`--json` is the short way to say `--output json`."""
    return Form.JSON if as_json else output


def print_rows(
    rows: Iterable[Row], columns: Sequence[str], form: Form, *, named: str = "items", has_head: bool = True
) -> None:
    """Rows in any form; a table and CSV show `columns`, JSON shows everything that a row has.

    JSON is one object with the list under `named`; rows are printed as they come in NDJSON and CSV,
    which has a line of names first unless it goes on with what was printed before.
    """
    match form:
        case Form.JSON:
            print_json({named: list(rows)})
        case Form.NDJSON:
            for row in rows:
                sys.stdout.write(harmless(json.dumps(row, ensure_ascii=False)) + "\n")
                sys.stdout.flush()
        case Form.CSV:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            if has_head:
                writer.writerow(columns)
            for row in rows:
                writer.writerow([spreadsheet_cell(row.get(name)) for name in columns])
        case Form.TABLE:
            _print_table(rows, columns)


def print_json(document: object) -> None:
    """One JSON document, indented, in the order of its fields; letters of all languages as they are."""
    sys.stdout.write(harmless_lines(json.dumps(document, ensure_ascii=False, indent=2)) + "\n")


def print_fields(fields: Row, form: Form) -> None:
    """One object: a line for each field, or the object as JSON."""
    if form is Form.TABLE:
        table = Table.grid(padding=(0, 2))
        for name, value in fields.items():
            table.add_row(Text(name.replace("_", " "), style="bold"), Text(cell(value), overflow="fold"))
        _print_whole(table)
    elif form is Form.CSV:
        print_rows([fields], list(fields), form)
    elif form is Form.NDJSON:
        print_rows([fields], (), form)
    else:
        print_json(fields)


def tell(line: str, *, style: str | None = None) -> None:
    """A message for the person at the terminal."""
    _err.print(harmless(line), style=style if _err.is_terminal else None)


def cell(value: object) -> str:
    """A value in a table: text as it is, nothing as nothing, all else as JSON."""
    if value is None:
        return ""
    return harmless(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def spreadsheet_cell(value: object) -> str:
    """As `cell`; what a spreadsheet would run is made harmless, numbers stay numbers."""
    return guarded(cell(value)) if isinstance(value, str) else cell(value)


def _print_table(rows: Iterable[Row], columns: Sequence[str]) -> None:
    told = [[cell(row.get(name)) for name in columns] for row in rows]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for place, name in enumerate(columns):
        head = name.replace("_", " ")
        width = max(len(text) for text in (head, *(texts[place] for texts in told)))
        # On a narrow terminal long texts give way, so that times and names can be read.
        table.add_column(head, no_wrap=True, min_width=width if width <= SHORT_CELL else None)
    for texts in told:
        table.add_row(*map(Text, texts))
    _print_whole(table)


def _print_whole(table: Table) -> None:
    """Piped into something, a table is as wide as it has to be, and no line ends with blanks."""
    if _out.is_terminal:
        _out.print(table)
        return
    drawn = io.StringIO()
    Console(highlight=False, markup=False, emoji=False, width=10_000, file=drawn).print(table)
    for line in drawn.getvalue().splitlines():
        sys.stdout.write(line.rstrip() + "\n")


class Advance(Protocol):
    """Moves a bar: how much is done, of how much where that is known by now, and how fast in words."""

    def __call__(self, done: int, total: int | None = None, rate: str = "") -> None: ...


@contextmanager
def progress(what: str) -> Iterator[Advance]:
    """A bar on stderr where that is a terminal, else nothing."""
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
        task = shown.add_task(what, total=None, rate="")

        def advance(done: int, total: int | None = None, rate: str = "") -> None:
            shown.update(task, completed=done, total=total, rate=rate)

        yield advance
