"""`taskledger dead-letters …`: events that could not be folded, and what to do about them."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="dead-letters",
    help="Events that could not be folded, and what to do about them.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
