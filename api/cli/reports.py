"""`taskledger reports …`: reports made from history alone."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from api.cli import completion
from api.cli.audit_options import AsOfOption, PositionOption, run
from api.cli.options import DataOption, Form, FormOption, JsonOption, YesOption
from api.exits import WrongUsage

if TYPE_CHECKING:
    from api.operators.instruments import Instruments
    from readmodels.reports.report import Report

COLUMNS: Final = ("name", "title", "takes_period")

app = typer.Typer(
    name="reports",
    help="Reports made from history alone.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class FileForm(StrEnum):
    """What a report is written as."""

    JSON = "json"
    CSV = "csv"
    PDF = "pdf"


@app.command("list")
def list_reports(
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,  # noqa: ARG001 - every command takes it; the reports are the same everywhere
) -> None:
    """The reports that there are, and which of them can be asked about a period.

    Example: taskledger reports list
    """
    from api.cli.output import form_of, print_rows
    from api.operators.reports import listed

    print_rows(asyncio.run(listed()), COLUMNS, form_of(output, as_json), named="reports")


@app.command()
def rebuild(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="As `reports list` tells it.", autocompletion=completion.reports),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The file to write; - is standard output.")
    ],
    as_of: AsOfOption = None,
    at_position: PositionOption = None,
    form: Annotated[FileForm, typer.Option("--format", help="What to write.")] = FileForm.JSON,
    start_date: Annotated[
        str | None, typer.Option("--start-date", metavar="DATE", help="Where the report's period begins.")
    ] = None,
    end_date: Annotated[
        str | None,
        typer.Option("--end-date", metavar="DATE", help="Where it ends; a date includes its day."),
    ] = None,
    yes: YesOption = False,
    data: DataOption = None,
) -> None:
    """Make a report of any moment from the log alone; a server's answer for it is the same, byte for byte.

    Example: taskledger reports rebuild budget-analysis --as-of 2026-03-31 --format pdf --out march.pdf
    """
    from api.cli.files import must_be_writable, write
    from api.cli.output import tell
    from api.operators.asked import asked
    from api.operators.reports import NoSuchReport, ordered, rebuilt
    from api.reports.rendering import render

    try:
        order = ordered(name, start_date, end_date)
        must_be_writable(out, yes=yes)

        async def work(tools: Instruments) -> Report:
            return await rebuilt(tools, order, await asked(tools, as_of, at_position))

        report = run(data, work)
    except NoSuchReport as error:
        raise WrongUsage(str(error)) from None
    write(out, lambda file: render(report, form.value, file))
    tell(f"{report.title}, as of {report.moment}, position {report.position}")
