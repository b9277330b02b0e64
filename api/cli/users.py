"""`taskledger users …`: accounts of people who cannot help themselves any more."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="users",
    help="Accounts of people who cannot help themselves any more.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
