"""`taskledger audit replay`: the whole read model of a moment as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.audit_options import AsOfOption, PositionOption, run
from api.cli.options import DataOption, Form, JsonOption, YesOption

if TYPE_CHECKING:
    from api.operators.instruments import Instruments


def replay(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write; made if missing.")],
    as_of: AsOfOption = None,
    at_position: PositionOption = None,
    as_json: JsonOption = False,
    yes: YesOption = False,
    data: DataOption = None,
) -> None:
    """Write the whole read model of a moment as files, folded anew from the log.

    One file of JSON lines for each kind, and manifest.json with their SHA-256. The same moment gives the
    same bytes. A replay that lies in DIR already is replaced with --yes only.

    Example: taskledger audit replay --as-of 2026-03-31 --out march
    """
    from api.cli.asking import must_be_sure
    from api.cli.output import print_fields
    from api.operators.asked import asked
    from api.operators.replay import Replayed, is_replay, replayed, write_replay

    if is_replay(out):
        must_be_sure(f"Replace the replay in {out}?", yes=yes)

    async def work(tools: Instruments) -> Replayed:
        return await replayed(tools, await asked(tools, as_of, at_position))

    manifest = write_replay(run(data, work), out)
    if as_json:
        print_fields(manifest, Form.JSON)
    else:
        print_fields({**manifest, "files": len(manifest["files"])}, Form.TABLE)
