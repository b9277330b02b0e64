"""`taskledger audit …`: who changed what and when, and how things were."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="audit",
    help="Who changed what and when, and how things were.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
