"""A report's rows as CSV (RFC 4180): one line of names, then one line a row, and nothing else.

There is no line of totals: every program that reads the file would count it as one more row.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final

from api.reports.formats import as_cell
from readmodels.reports.report import Column, Report, Row, Unit

PERSON_FIELDS: Final = {"id": Unit.COUNT, "username": Unit.TEXT, "email": Unit.TEXT}
UNSEEN: Final = r"(?:[^\S\t\r\n]|[\"\ufeff\u00ad\u200b-\u200f\u2060])*"
SIGN: Final = "[=+\\-@＝＋－＠]"  # noqa: RUF001
FORMULA: Final = re.compile(rf"\A(?=\s*[\t\r\n]|{UNSEEN}{SIGN})|(?<=[;\t|])(?=(?:{UNSEEN}|[^\S\t]*){SIGN})")
"""Where spreadsheets begin to run a text, also in wide forms and behind space, quotes or what nobody sees.

Some take semicolons or tabs for the end of a cell, whatever stands between quotes.
"""


def write_csv(report: Report, file: BinaryIO) -> None:
    """Write the rows in UTF-8; lines end with CR LF."""
    text = io.TextIOWrapper(file, "utf-8", errors="replace", newline="")
    writer = csv.writer(text)
    writer.writerow(name for column in report.columns for name in names(column))
    writer.writerows(cells(row, report.columns) for row in report.rows)
    text.detach()


def names(column: Column) -> list[str]:
    """A person is known by number, name and address: `owner_id`, `owner_username`, `owner_email`."""
    if column.unit is Unit.PERSON:
        return [f"{column.name}_{field}" for field in PERSON_FIELDS]
    return [column.name]


def cells(row: Row, columns: Iterable[Column]) -> Iterator[str]:
    for column in columns:
        value = row[column.name]
        if column.unit is Unit.PERSON:
            for field, unit in PERSON_FIELDS.items():
                yield cell(value and value[field], unit)
        else:
            yield cell(value, column.unit)


def cell(value: Any, unit: Unit) -> str:
    """One cell; only texts can be taken for formulas."""
    text = as_cell(value, unit)
    return guarded(text) if unit is Unit.TEXT else text


def guarded(text: str) -> str:
    """The text, with an apostrophe before whatever spreadsheets would take for a formula."""
    return FORMULA.sub("'", text)
