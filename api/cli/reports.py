"""`taskledger reports …`: reports made from history alone."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="reports",
    help="Reports made from history alone.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
