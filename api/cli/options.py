"""Options that several commands take."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Where the data are kept; .taskledger by default."),
]
HostOption = Annotated[
    str,
    typer.Option(
        "--host", metavar="HOST", help="The address to listen on; another than loopback means production."
    ),
]
PortOption = Annotated[
    int, typer.Option("--port", metavar="PORT", min=1, max=65535, help="The port of the TaskFlow Pro API.")
]
TaskforgePortOption = Annotated[
    int,
    typer.Option("--taskforge-port", metavar="PORT", min=1, max=65535, help="The port of the TaskForge API."),
]
WorkersOption = Annotated[
    int,
    typer.Option("--workers", metavar="N", min=1, max=32, help="How many server processes share the ports."),
]
LifelineOption = Annotated[int | None, typer.Option("--lifeline", hidden=True)]


class Form(StrEnum):
    """How data are printed: for people, as one JSON document, as a JSON line each, for spreadsheets."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"


FormOption = Annotated[
    Form, typer.Option("--output", "-o", help="How to print: for people, or for machines.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, as --output json does.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do it without being asked again.")]
ReasonOption = Annotated[
    str,
    typer.Option(
        "--reason", metavar="TEXT", help="Why; it is recorded with the operation, for those who ask later."
    ),
]
