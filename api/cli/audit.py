"""`taskledger audit …`: who changed what and when, and how things were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.cli.audit_attempts import attempts
from api.cli.audit_options import AsOfOption, IdArgument, KindArgument, PositionOption, run, who
from api.cli.audit_replay import replay
from api.cli.options import DataOption, Form, FormOption, JsonOption, YesOption
from api.exits import WrongUsage
from api.operators.bounds import NUMBER_MAX

if TYPE_CHECKING:
    from api.operators.asked import Asked
    from api.operators.history import Entry
    from api.operators.instruments import Instruments

HISTORY_COLUMNS: Final = (
    "position", "at", "actor", "type", "effect", "field", "old", "new", "request_id", "address",
)  # fmt: skip

app = typer.Typer(
    name="audit",
    help="Who changed what and when, and how things were.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command()
def history(
    kind: KindArgument,
    number: IdArgument,
    as_of: AsOfOption = None,
    at_position: PositionOption = None,
    pdf: Annotated[
        Path | None, typer.Option("--pdf", metavar="FILE", help="Write a PDF into this file instead.")
    ] = None,
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    yes: YesOption = False,
    data: DataOption = None,
) -> None:
    """Who changed an object: when, from where, in which request, and what, with old and new values.

    Example: taskledger audit history project 12 --json
    """
    from api.cli.files import must_be_writable, write
    from api.cli.output import form_of, print_rows
    from api.operators.asked import asked
    from api.operators.audit import whole_history
    from api.operators.history import reader_of
    from api.operators.printed import history_report
    from api.reports.rendering import render
    from readmodels.documents import Ref

    ref = Ref(kind, str(number))

    async def work(tools: Instruments) -> tuple[Asked, list[Entry]]:
        end = await asked(tools, as_of, at_position)
        return end, await whole_history(reader_of(tools), ref, end.position)

    if pdf is not None:
        must_be_writable(pdf, yes=yes)
    end, entries = run(data, work)
    if pdf is not None:
        report = history_report(ref, end, entries)
        write(pdf, lambda file: render(report, "pdf", file))
        return
    form = form_of(output, as_json)
    rows: Iterable[Mapping[str, Any]] = [entry.as_json() for entry in entries]
    if form in (Form.TABLE, Form.CSV):
        rows = lines(rows)
    print_rows(rows, HISTORY_COLUMNS, form, named="history")


@app.command()
def state(
    kind: KindArgument,
    number: IdArgument,
    as_of: AsOfOption = None,
    at_position: PositionOption = None,
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """An object as it was; ends with 3 where there was none.

    Example: taskledger audit state project 12 --as-of 2026-03-31
    """
    from api.cli.output import form_of, print_fields
    from api.operators.asked import asked
    from api.operators.audit import state_of
    from api.operators.history import reader_of
    from readmodels.documents import Ref

    async def work(tools: Instruments) -> dict[str, Any]:
        end = await asked(tools, as_of, at_position)
        return await state_of(reader_of(tools), Ref(kind, str(number)), end)

    found, form = run(data, work), form_of(output, as_json)
    if form in (Form.TABLE, Form.CSV):
        found |= found.pop("state")
    print_fields(found, form)


@app.command()
def diff(
    kind: KindArgument,
    number: IdArgument,
    first: Annotated[
        str | None, typer.Option("--from", metavar="MOMENT", help="The earlier moment, as for --as-of.")
    ] = None,
    second: Annotated[
        str | None,
        typer.Option("--to", metavar="MOMENT", help="The later moment; the present without it."),
    ] = None,
    first_position: Annotated[
        int | None,
        typer.Option("--from-position", metavar="N", min=0, max=NUMBER_MAX, help="A position instead."),
    ] = None,
    second_position: Annotated[
        int | None,
        typer.Option("--to-position", metavar="N", min=0, max=NUMBER_MAX, help="A position instead."),
    ] = None,
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """What is not the same of an object at two moments.

    Example: taskledger audit diff task 7 --from 2026-03-01 --to 2026-03-31
    """
    from api.cli.output import form_of, print_json, print_rows
    from api.operators.asked import asked
    from api.operators.audit import difference
    from api.operators.history import reader_of
    from readmodels.documents import Ref

    if first is None and first_position is None:
        raise WrongUsage("from when on? Give --from MOMENT or --from-position N")

    async def work(tools: Instruments) -> dict[str, Any]:
        between = await asked(tools, first, first_position), await asked(tools, second, second_position)
        return await difference(reader_of(tools), Ref(kind, str(number)), *between)

    found, form = run(data, work), form_of(output, as_json)
    if form is Form.JSON:
        print_json(found)
    else:
        print_rows(found["changes"], ("field", "old", "new"), form)


def lines(entries: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """A line for each change, and one for each event that changed nothing that has a value."""
    for entry in entries:
        told = {**entry, "actor": who(entry["actor"]), "effect": entry["note"] or entry["effect"]}
        changes = [change for change in entry["changes"] if change["old"] != change["new"]]
        for change in changes or ({"field": None, "old": None, "new": None},):
            yield {**told, **change}


app.command()(replay)
app.command()(attempts)
