"""`taskledger projections …`: the read models: how far they are, rebuilding them, verifying them."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="projections",
    help="The read models: how far they are, rebuilding them, verifying them.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
