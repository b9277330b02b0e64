"""`taskledger audit attempts`: what was refused, and what failed."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from api.cli.audit_options import run, who
from api.cli.options import DataOption, Form, FormOption, JsonOption
from api.operators.bounds import NUMBER_MAX

ATTEMPT_COLUMNS: Final = ("at", "status", "method", "path", "actor", "address", "request_id")


def attempts(
    status: Annotated[
        str | None, typer.Option("--status", metavar="STATUS", help="As 403, or all as 4xx.")
    ] = None,
    actor: Annotated[
        int | None,
        typer.Option("--actor", metavar="ID", min=1, max=NUMBER_MAX, help="Who tried: a user's number."),
    ] = None,
    address: Annotated[str | None, typer.Option("--address", metavar="IP", help="From where.")] = None,
    path: Annotated[
        str | None,
        typer.Option("--path", metavar="PATH", help="At which address; with * at its end all that begin so."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="MOMENT", help="From a moment on, or so long ago: 10m, 7d."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="MOMENT", help="Only those at this moment or before it."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=1000, help="How many at most.")
    ] = 100,
    before: Annotated[
        str | None, typer.Option("--before", metavar="CURSOR", help="Where the page before this one ended.")
    ] = None,
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Attempts to change something that were refused or failed, newest first.

    Example: taskledger audit attempts --status 403 --since 2026-03-01
    """
    from api.cli.output import form_of, print_json, print_rows, tell
    from api.operators.attempts import Wanted
    from api.operators.attempts import attempts as found_attempts

    wanted = Wanted(
        status=status, actor_id=actor, address=address, path=path,
        since=since, until=until, before=before, limit=limit,
    )  # fmt: skip

    found, form = run(data, lambda tools: found_attempts(tools, wanted)), form_of(output, as_json)
    if form is Form.JSON:
        print_json(found._asdict())
        return
    rows = [{**row, "actor": who(row["actor"])} for row in found.attempts]
    print_rows(found.attempts if form is Form.NDJSON else rows, ATTEMPT_COLUMNS, form)
    if not found.attempts:
        tell("Nothing of that kind was refused or failed.")
    if found.next is not None:
        tell(f"There are more: --before {found.next}")
