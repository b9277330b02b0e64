"""`taskledger backup` and `taskledger restore`: all of a ledger, to be had again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from api.cli.options import DataOption, Form, FormOption, JsonOption, ReasonOption, YesOption
from api.operators.bounds import NUMBER_MAX

SKIPPED_IDS: Final = 10_000
SKIPPED_IDS_MAX: Final = 1_000_000_000


def backup(
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder to be made.")],
    reason: ReasonOption = "backup",
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Write everything that PostgreSQL keeps of a ledger into a new folder, while it runs or not.

    The master key is not in it: without it names of people cannot be read. Keep a copy of it somewhere else.

    Example: taskledger backup /backups/ledger-2026-03-31
    """
    from api import preflight
    from api.cli.output import form_of, print_fields, progress, tell
    from api.cli.running import refusals_told
    from api.environ import environ
    from api.opening import ledger_at, opened
    from api.operators.backup import back_up

    given = environ()
    preflight.named_servers({"DATABASE_URL": given.get("DATABASE_URL", "")})
    env = preflight.environment("127.0.0.1", given)
    with (
        refusals_told(),
        _terminated_as_interrupted(),
        opened(ledger_at(data, given), given, env) as settings,
        progress("backing up, bytes") as advance,
    ):
        made = back_up(settings, target.expanduser().absolute(), reason, advance)
    print_fields(made.as_json(), form_of(output, as_json))
    tell("The master key is not in it: keep a copy of that, too, and in another place.")


def restore(
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder that `backup` made.")],
    reason: ReasonOption,
    replace: Annotated[
        bool, typer.Option("--replace", help="Throw away the ledger that is there; asks, or takes --yes.")
    ] = False,
    latest: Annotated[
        bool,
        typer.Option(
            "--latest", help="Nothing was written after this backup, as when a ledger moves: all goes on."
        ),
    ] = False,
    skip_ids: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            max=SKIPPED_IDS_MAX,
            help="How many ids of each kind may have been given out after the backup.",
        ),
    ] = SKIPPED_IDS,
    erase: Annotated[
        list[int] | None,
        typer.Option(
            "--erase",
            metavar="USER",
            min=1,
            max=NUMBER_MAX,
            help="Who was erased after the backup; repeatable.",
        ),
    ] = None,
    keep_people: Annotated[
        bool,
        typer.Option(
            "--keep-people", help="Keys were lost where it is replaced: who has none there was not erased."
        ),
    ] = False,
    yes: YesOption = False,
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Make a ledger again from a backup, while nothing of it runs. It needs the master key of the original.

    Unless --latest, everybody signs in again, and ids go on above those that somebody may have seen.

    Example: taskledger restore /backups/ledger-2026-03-31 --data new-ledger --reason "the disk broke"
    """
    from api.cli.output import form_of, print_fields, tell
    from api.cli.restoring import restored
    from api.cli.running import refusals_told
    from api.environ import environ
    from api.operators.restore_filling import Order

    order = Order(
        source=source.expanduser().absolute(),
        is_replacing=replace,
        is_latest=latest,
        skip_ids=skip_ids,
        erased=tuple(erase or ()),
        keeps_people=keep_people,
        reason=reason,
    )
    with refusals_told(), _terminated_as_interrupted():
        done = restored(data, environ(), order, yes=yes)
    print_fields(done.as_json(), form_of(output, as_json))
    if done.people_not_deleted:
        tell(
            f"User {done.people_not_deleted[0]} is erased and still the last admin: make another one by"
            " `taskledger users create-admin`, who deletes that one."
        )
    tell("Start the ledger now, with the same master key: the projector makes the read models again.")


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Whoever sends SIGTERM wants what Ctrl-C does: nothing half is left, and own servers are stopped."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
