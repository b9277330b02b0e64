"""`taskledger events tail`: the latest events, and those to come."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.cli.event_options import (
    ActorOption,
    RequestOption,
    StreamOption,
    TypeOption,
    WhereOption,
)
from api.cli.event_options import criteria as criteria_by
from api.cli.options import DataOption, Form, FormOption, JsonOption
from api.exits import WrongUsage
from api.operators.bounds import NUMBER_MAX

if TYPE_CHECKING:
    from api.operators.instruments import Instruments
    from events.criteria import Criteria

WAIT_S: Final = 30.0
"""How long to sleep at most before the log is asked again, whatever is announced."""

RETRY_S: Final = 1.0
"""How long to wait for a database that is away."""


def tail(
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is appended, until Ctrl-C.")
    ] = False,
    count: Annotated[
        int, typer.Option("--count", "-n", metavar="N", min=0, max=1000, help="How many of the latest.")
    ] = 10,
    from_position: Annotated[
        int | None,
        typer.Option(
            "--from-position",
            metavar="N",
            min=1,
            max=NUMBER_MAX,
            help="Begin here instead, with everything.",
        ),
    ] = None,
    types: TypeOption = None,
    stream: StreamOption = None,
    actor: ActorOption = None,
    request: RequestOption = None,
    where: WhereOption = None,
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """The latest events in the order of the log; with -f also those to come.

    Ctrl-C says on standard error where to go on: nothing is missed and nothing comes twice.

    Example: taskledger events tail -f --type 'task.*' -o ndjson
    """
    from api.cli.output import form_of, tell
    from api.cli.running import run
    from api.operators.events import latest

    form = form_of(output, as_json)
    if follow and form is Form.JSON:
        raise WrongUsage("what never ends is no JSON document: follow with --output ndjson")
    criteria = criteria_by(types, stream, actor, request, where)
    told = Told(form)

    async def work(tools: Instruments) -> None:
        if from_position is None:
            told.tell(*await latest(tools, criteria, count))
        else:
            told.position = from_position - 1
        if follow or from_position is not None:
            await _follow(tools, criteria, told, forever=follow)

    try:
        run(data, work, needs_redis=False)
        told.end()
    except BrokenPipeError:
        # Whoever read this has enough, as `head` does; Python would complain once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        if follow:
            tell(f"The last position was {told.position}; go on with --from-position {told.position + 1}")


async def _follow(tools: Instruments, criteria: Criteria, told: Told, *, forever: bool) -> None:
    from api.cli.output import tell
    from api.operators.asked import plainly
    from api.operators.events import followed
    from events.errors import Unavailable
    from readmodels.connecting import stop_if_cancelled

    while True:
        stop_if_cancelled()
        before = told.position
        try:
            with plainly(WrongUsage):
                found = await followed(tools, criteria, before, WAIT_S if forever else 0.0)
            told.tell(*found)
        except Unavailable as error:
            if not forever:
                raise
            tell(f"The database is away: {error}; trying again")
            await asyncio.sleep(RETRY_S)
            continue
        if told.position == before and not forever:
            return


class Told:
    """Prints events as they come; everything up to `position` is done."""

    def __init__(self, form: Form) -> None:
        self.position = 0
        self._form = form
        self._kept: list[Mapping[str, Any]] = []
        self._has_begun = False

    def tell(self, events: Sequence[Mapping[str, Any]], position: int) -> None:
        """Print events at once, a line each; one JSON document is kept until the end."""
        from api.cli.output import print_rows
        from api.operators.event_rows import COLUMNS

        if self._form is Form.JSON:
            self._kept.extend(events)
        elif self._form is Form.TABLE:
            for event in events:
                sys.stdout.write(line_of(event) + "\n")
        else:
            print_rows(events, COLUMNS, self._form, has_head=not self._has_begun)
        sys.stdout.flush()
        self._has_begun = True
        self.position = position

    def end(self) -> None:
        from api.cli.output import print_json

        if self._form is Form.JSON:
            print_json({"events": self._kept, "position": self.position})


def line_of(event: Mapping[str, Any]) -> str:
    """An event in a line, in columns that stay where they are."""
    from api.cli.output import cell

    actor = "" if event["actor_id"] is None else f"{event['actor_id']} {event['actor_role'] or ''}"
    what = f"{cell(event['type']):<26} {cell(event['stream']):<14} {cell(actor):<12}"
    return f"{event['position']:>9}  {event['recorded_at']}  {what} {cell(event['data'])}"
