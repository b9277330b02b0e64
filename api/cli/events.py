"""`taskledger events …`: look into the log, follow it, take it along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.event_options import (
    ActorOption,
    FromOption,
    RequestOption,
    StreamOption,
    TypeOption,
    UntilOption,
    WhereOption,
    criteria,
)
from api.cli.events_files import export, import_
from api.cli.events_tail import tail
from api.cli.options import DataOption, Form, FormOption, JsonOption
from api.exits import WrongUsage
from api.operators.bounds import NUMBER_MAX

if TYPE_CHECKING:
    from api.operators.instruments import Instruments


app = typer.Typer(
    name="events",
    help="Look into the log, follow it, take it along.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(tail)
app.command()(export)
app.command("import")(import_)


@app.command("list")
def list_(
    types: TypeOption = None,
    stream: StreamOption = None,
    actor: ActorOption = None,
    request: RequestOption = None,
    where: WhereOption = None,
    since: FromOption = None,
    until: UntilOption = None,
    after: Annotated[
        int | None,
        typer.Option("--after", metavar="N", min=0, max=NUMBER_MAX, help="Beyond this position."),
    ] = None,
    before: Annotated[
        int | None,
        typer.Option("--before", metavar="N", min=0, max=NUMBER_MAX, help="Short of this position."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="How many at most.")
    ] = 50,
    oldest_first: Annotated[
        bool, typer.Option("--oldest-first", help="In the order in which they happened.")
    ] = False,
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Events that meet every condition given, newest first.

    Example: taskledger events list --type 'task.*' --actor 7 --where data.status=completed --since 7d
    """
    from api.cli.output import form_of, print_json, print_rows, tell
    from api.cli.running import run
    from api.operators.asked import beginning_of, moment_of, plainly
    from api.operators.event_queries import Query
    from api.operators.event_rows import COLUMNS
    from api.operators.events import whole_page

    with plainly(WrongUsage):
        query = Query(
            criteria=criteria(types, stream, actor, request, where),
            since=since and beginning_of(since),
            until=until and moment_of(until),
            after=after or 0,
            before=before,
            limit=limit,
            newest_first=not oldest_first,
        )

    form = form_of(output, as_json)
    found = run(data, lambda tools: whole_page(tools, query), needs_redis=False)
    if form is Form.JSON:
        print_json(found.as_json())
    else:
        print_rows(found.events, COLUMNS, form)
    if not found.events and found.next is None:
        tell("No event meets all of that.")
    if found.next is not None:
        tell(f"There may be more: {'--after' if oldest_first else '--before'} {found.next}")


@app.command()
def show(
    event: Annotated[str, typer.Argument(metavar="EVENT", help="Its position, or its id.")],
    masked: Annotated[bool, typer.Option("--masked", help="Hide what identifies people.")] = False,
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """One event: where it came from, its cause, its effects, and what it changed.

    Example: taskledger events show 4711
    """
    from api.cli.output import form_of, print_fields
    from api.cli.running import run
    from api.operators.events import located, shown

    async def work(tools: Instruments) -> dict[str, Any]:
        return await shown(tools, await located(tools, event), masked=masked)

    print_fields(run(data, work, needs_redis=False), form_of(output, as_json))


@app.command()
def stats(output: FormOption = Form.TABLE, as_json: JsonOption = False, data: DataOption = None) -> None:
    """How many events there are of each type, by whom, on which day; what they take on disk.

    Example: taskledger events stats --json
    """
    from api.cli.output import form_of, print_fields, print_rows
    from api.cli.running import run
    from api.operators.event_stats import DIMENSIONS
    from api.operators.event_stats import stats as found_stats

    found, form = run(data, found_stats, needs_redis=False), form_of(output, as_json)
    if form is Form.JSON:
        print_fields(found, form)
        return
    if form is Form.TABLE:
        print_fields({name: value for name, value in found.items() if name not in DIMENSIONS.values()}, form)
    lines = [{"by": by, **line} for by, name in DIMENSIONS.items() for line in found[name]]
    print_rows(lines, ("by", "value", "events"), form)
