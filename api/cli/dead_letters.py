"""`taskledger dead-letters …`: events that could not be folded, and what to do about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.cli.options import DataOption, Form, FormOption, JsonOption, ReasonOption, YesOption
from api.exits import InConflict, WrongUsage
from api.operators.bounds import NUMBER_MAX

if TYPE_CHECKING:
    from api.operators.dead_letters import Operated

COLUMNS: Final = (
    "group",
    "type",
    "error",
    "events",
    "first_position",
    "last_position",
    "documents",
    "parked",
)
app = typer.Typer(
    name="dead-letters",
    help="Events that could not be folded, and what to do about them.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

PositionOption = Annotated[
    int, typer.Option("--position", metavar="N", min=1, max=NUMBER_MAX, help="The event's position.")
]


@app.command("list")
def list_groups(
    output: FormOption = Form.TABLE, as_json: JsonOption = False, data: DataOption = None
) -> None:
    """Events that stop documents, grouped by what went wrong: the first event, the error, what stands still.

    Example: taskledger dead-letters list --json
    """
    from api.cli.output import form_of, print_rows, tell
    from api.cli.running import run
    from api.operators.dead_letters import GROUPS_MAX, groups

    found = run(data, groups)
    form = form_of(output, as_json)
    print_rows(
        [in_a_line(group) if form in (Form.TABLE, Form.CSV) else group for group in found],
        COLUMNS,
        form,
        named="groups",
    )
    if not found:
        tell("No event stops anything.")
    if len(found) == GROUPS_MAX:
        tell(f"These are the first {GROUPS_MAX} groups; there may be more.")


def in_a_line(group: dict[str, Any]) -> dict[str, Any]:
    shown = [f"{each['document']} (+{each['held_back']})" for each in group["parked"]]
    return {**group, "parked": " ".join(shown)}


@app.command()
def show(
    position: Annotated[
        int, typer.Argument(metavar="POSITION", min=1, max=NUMBER_MAX, help="The event's position.")
    ],
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """One event that was not folded: what it holds, why, which documents wait, and what became of it.

    Example: taskledger dead-letters show 4711
    """
    from api.cli.output import form_of, print_fields
    from api.cli.running import run
    from api.operators.dead_letters import letter

    print_fields(run(data, lambda tools: letter(tools, position)), form_of(output, as_json))


@app.command()
def retry(
    reason: ReasonOption,
    position: Annotated[
        list[int] | None,
        typer.Option(
            "--position",
            metavar="N",
            min=1,
            max=NUMBER_MAX,
            help="An event that stops something; may be repeated.",
        ),
    ] = None,
    group: Annotated[
        str | None, typer.Option("--group", metavar="GROUP", help="All events of a group of the list.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All events that stop anything.")] = False,
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Fold the documents that events stopped again from the log, once what was wrong is mended.

    Ends with 4 when something fails again, or no projector has come to it yet.

    Example: taskledger dead-letters retry --all --reason "release 2.1 knows task.paused"
    """
    from api.cli.running import run
    from api.operators.dead_letters import Choice
    from api.operators.dead_letters import retry as run_again

    if (bool(position) + (group is not None) + everything) != 1:
        raise WrongUsage("say which events: give --position, --group or --all, one of them")
    choice = Choice(tuple(position or ()), group)

    report(run(data, lambda tools: run_again(tools, choice, reason)), output, as_json)


@app.command()
def discard(
    position: PositionOption,
    reason: ReasonOption,
    yes: YesOption = False,
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Leave an event that stops documents out of every fold, for good; it stays in the log.

    Example: taskledger dead-letters discard --position 4711 --reason "written by a faulty import" --yes
    """
    from api.cli.asking import must_be_sure
    from api.cli.running import run
    from api.operators.dead_letters import discard as leave_out

    must_be_sure(f"The event at position {position} will be left out of everything, for good.", yes=yes)

    report(run(data, lambda tools: leave_out(tools, position, reason)), output, as_json)


def report(operated: Operated, output: Form, as_json: bool) -> None:
    """Print what came of it. Raises InConflict unless all is settled."""
    from api.cli.output import form_of, print_fields

    print_fields(operated.as_json(), form_of(output, as_json))
    if operated.failed_again:
        raise InConflict(f"{len(operated.failed_again)} of the events failed again: see `dead-letters list`")
    if operated.pending:
        raise InConflict(
            f"no projector has come to {len(operated.pending)} of the events yet; it is recorded, and is "
            "carried out as soon as one runs"
        )
