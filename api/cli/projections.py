"""`taskledger projections …`: the read models: how far they are, rebuilding them, verifying them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.cli.options import DataOption, Form, FormOption, JsonOption, ReasonOption, YesOption

if TYPE_CHECKING:
    from api.operators.instruments import Instruments

SAMPLE_DOCUMENTS_MAX: Final = 1_000
COLUMNS: Final = (
    "generation", "is_current", "state", "position", "lag_events", "lag_s", "is_fed", "fed_until",
)  # fmt: skip

app = typer.Typer(
    name="projections",
    help="The read models: how far they are, rebuilding them, verifying them.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class SwitchIf(StrEnum):
    """When readers are sent to the new generation."""

    EQUAL = "equal"
    ALWAYS = "always"
    NEVER = "never"


@app.command()
def status(output: FormOption = Form.TABLE, as_json: JsonOption = False, data: DataOption = None) -> None:
    """All generations of read models, how far each is, whether folding is paused, and the last rebuild.

    Example: taskledger projections status --json
    """
    from api.cli.output import form_of, print_json, print_rows
    from api.cli.running import run
    from api.operators.projections import status as find

    found = run(data, find)
    form = form_of(output, as_json)
    if form is Form.JSON:
        print_json(found)
        return
    print_rows(found["generations"], COLUMNS, form)
    tell_beside(found)


def tell_beside(found: dict[str, Any]) -> None:
    from api.cli.output import tell

    if found["paused"]:
        tell(f"Folding is paused since {found['paused']['since']}: {found['paused']['reason']}")
    rebuild = found["rebuild"]
    if rebuild:
        share = f"{rebuild['done']:,} of {rebuild['total']:,} events"
        tell(f"Last {rebuild['purpose']}: generation {rebuild['generation']}, {rebuild['state']}, {share}")


@app.command()
def rebuild(
    reason: ReasonOption,
    switch_if: Annotated[
        SwitchIf,
        typer.Option(
            "--switch-if", help="When to send readers to it: if it equals the live one, or whatever."
        ),
    ] = SwitchIf.EQUAL,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Throw away a rebuild that is not finished, instead of going on.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell how many events, and how long it would take.")
    ] = False,
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Fold the whole log into a generation beside the live one, compare both, and send readers to it.

    The one that they leave is kept up for an hour, for `rollback`. Ctrl-C stops, and the same command goes on
    later. Ends with 5 when the live one differs and readers were therefore not sent over.

    Example: taskledger projections rebuild --reason "figures looked wrong" --switch-if always
    """
    from api.cli.output import form_of, print_fields
    from api.cli.projections_running import carried_out
    from api.cli.running import run
    from api.operators.rebuilding import plan

    form = form_of(output, as_json)
    if dry_run:
        print_fields(run(data, plan), form)
    else:
        carried_out(data, form, "rebuild", switch_if.value, reason, is_fresh=fresh)


@app.command()
def verify(
    reason: ReasonOption = "verification",
    everything: Annotated[
        bool, typer.Option("--all", help="Everything: folds the whole log and compares key by key.")
    ] = False,
    documents: Annotated[
        int,
        typer.Option(
            "--documents", metavar="N", min=1, max=SAMPLE_DOCUMENTS_MAX, help="How many, without --all."
        ),
    ] = 200,
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Compare the live read model with the log, and name what differs. Ends with 5 when something does.

    Without --all: random listed documents and the indexes that they stand in, but no sums and no texts.

    Example: taskledger projections verify --all
    """
    from api.cli.output import form_of
    from api.cli.projections_running import carried_out, report
    from api.cli.running import run
    from api.operators.projections import verify_sample

    form = form_of(output, as_json)
    if everything:
        carried_out(data, form, "verification", "never", reason, is_fresh=False)
        return

    async def work(tools: Instruments) -> dict[str, Any]:
        return (await verify_sample(tools, documents, reason)).as_json()

    report(run(data, work), form)


@app.command()
def cancel(
    reason: ReasonOption,
    yes: YesOption = False,
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Stop a rebuild, wherever it runs, and leave nothing of it. Readers notice nothing.

    Example: taskledger projections cancel --reason "not now" --yes
    """
    from api.cli.asking import must_be_sure
    from api.cli.output import form_of, print_fields
    from api.cli.running import run
    from api.operators.projections import shown
    from api.operators.rebuilding import cancel as stop

    must_be_sure("What was rebuilt so far will be thrown away.", yes=yes)

    async def work(tools: Instruments) -> dict[str, Any]:
        return shown(await stop(tools, reason))

    print_fields(run(data, work), form_of(output, as_json))


@app.command()
def rollback(
    reason: ReasonOption,
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Send readers back to the generation before the last switch, while it is kept up; else ends with 4.

    Example: taskledger projections rollback --reason "the new figures are wrong"
    """
    from api.cli.output import form_of, print_fields
    from api.cli.running import run
    from api.operators.projections import roll_back

    print_fields(run(data, lambda tools: roll_back(tools, reason)), form_of(output, as_json))


@app.command()
def pause(
    reason: ReasonOption,
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Have projectors stand still, also after a restart. Writes go on and are answered as behind.

    Example: taskledger projections pause --reason "Redis is being moved"
    """
    from api.cli.output import form_of, tell
    from api.cli.running import run
    from api.operators.projections import pause as stand_still
    from api.operators.projections import paused

    async def work(tools: Instruments) -> dict[str, Any]:
        is_still = await stand_still(tools, reason)
        return {"paused": await paused(tools), "standing_still": is_still}

    found = run(data, work)
    print_for_machines(found, form_of(output, as_json))
    if not found["standing_still"]:
        tell("Projectors are not known to stand still yet: it may take them a moment.")
    tell("Folding is paused. `taskledger projections resume` lets it go on.")


@app.command()
def resume(
    reason: ReasonOption,
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Have projectors go on after a pause.

    Example: taskledger projections resume --reason "Redis is back"
    """
    from api.cli.output import form_of, tell
    from api.cli.running import run
    from api.operators.projections import paused
    from api.operators.projections import resume as go_on

    async def work(tools: Instruments) -> dict[str, Any]:
        await go_on(tools, reason)
        return {"paused": await paused(tools)}

    print_for_machines(run(data, work), form_of(output, as_json))
    tell("Folding goes on.")


def print_for_machines(found: dict[str, Any], form: Form) -> None:
    """What `status` has of it, too; people are told it in a sentence instead."""
    from api.cli.output import print_fields

    if form is not Form.TABLE:
        print_fields(found, form)
