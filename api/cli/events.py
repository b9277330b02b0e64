"""`taskledger events …`: look into the log, follow it, take it along."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="events",
    help="Look into the log, follow it, take it along.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
