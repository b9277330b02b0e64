"""`taskledger events export` and `import`: taking a log along, and putting it somewhere else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.options import DataOption, Form, FormOption, JsonOption, ReasonOption
from api.operators.bounds import NUMBER_MAX

if TYPE_CHECKING:
    from api.operators.event_files import Manifest
    from api.operators.instruments import Instruments


def export(
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder to be made.")],
    reason: ReasonOption,
    first: Annotated[
        int, typer.Option("--from", metavar="N", min=1, max=NUMBER_MAX, help="The first position.")
    ] = 1,
    last: Annotated[
        int | None,
        typer.Option("--to", metavar="N", min=1, max=NUMBER_MAX, help="The last position; all without it."),
    ] = None,
    zstd: Annotated[bool, typer.Option("--zstd", help="Compress the events.")] = False,
    without_keys: Annotated[
        bool,
        typer.Option("--without-keys", help="Leave the keys of people out: all of them are erased then."),
    ] = False,
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Write the log into a new folder: a line of JSON for each event, and a manifest.

    It holds no passwords, no sessions and not the master key: it is no backup of a ledger.

    The log remembers who took it along, and why.

    Example: taskledger events export ledger-2026 --zstd --reason "for the auditors"
    """
    from api.cli.output import form_of, print_fields, progress
    from api.cli.running import run
    from api.operators.event_export import Order
    from api.operators.event_export import export as run_export

    order = Order(
        target=target.expanduser().absolute(),
        first=first,
        last=last,
        is_compressed=zstd,
        has_keys=not without_keys,
        reason=reason,
    )

    async def work(tools: Instruments) -> Manifest:
        with progress("exporting") as advance:
            return await run_export(tools, order, advance)

    print_fields(run(data, work, needs_redis=False).as_json(), form_of(output, as_json))


def import_(
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder that `events export` made.")],
    as_another_log: Annotated[
        bool,
        typer.Option("--as-another-log", help="Give it an identity of its own: a copy beside the original."),
    ] = False,
    output: FormOption = Form.TABLE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Put an exported log into a ledger that never ran: the same events at the same positions.

    The ledger needs the master key of the one that was exported, in its secrets/master.key.

    Example: taskledger events import ledger-2026 --data new-ledger
    """
    from api import preflight
    from api.cli.output import form_of, print_fields, progress, tell
    from api.environ import environ
    from api.opening import folder_at, opened
    from api.operators.event_import import import_log
    from events.migrate import migrate

    given = environ()
    preflight.named_servers({"DATABASE_URL": given.get("DATABASE_URL", "")})
    with (
        opened(folder_at(data), given, preflight.environment("127.0.0.1", given)) as settings,
        progress("importing") as advance,
    ):
        # Not as `taskledger migrate` does it, which also makes an admin.
        migrate(settings.database_url)
        done = import_log(
            settings.database_url,
            settings.master_key,
            source.expanduser().absolute(),
            is_another_log=as_another_log,
            progress=advance,
        )
    shown = {"events": done.manifest.last_position, "log_id": done.log_id, "last_ids": done.last_ids}
    print_fields(shown, form_of(output, as_json))
    tell("Passwords are in no export: set one with `taskledger users set-password`, then start the ledger.")
