"""What the commands of auditors have in common: their options, and how they are told no."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from api.exits import CannotRun, WrongUsage
from api.operators.bounds import NUMBER_MAX

if TYPE_CHECKING:
    from api.operators.instruments import Instruments

T = TypeVar("T")


class Kind(StrEnum):
    """The kinds of objects that have a history."""

    PROJECT = "project"
    TASK = "task"
    RISK = "risk"
    EXPENSE = "expense"
    USER = "user"
    DEPARTMENT = "department"
    TAG = "tag"


KindArgument = Annotated[Kind, typer.Argument(metavar="KIND", help=f"One of {', '.join(Kind)}.")]
IdArgument = Annotated[
    int, typer.Argument(metavar="ID", min=1, max=NUMBER_MAX, help="The number of the object.")
]
AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="MOMENT",
        help="A past moment (UTC), as 2026-03-31T12:00; a date alone is its end. The present without it.",
    ),
]
PositionOption = Annotated[
    int | None,
    typer.Option(
        "--at-position", metavar="N", min=0, max=NUMBER_MAX, help="A position of the log instead of a moment."
    ),
]


def run(data: Path | None, work: Callable[[Instruments], Awaitable[T]]) -> T:
    """As `api.cli.running.run`, from the log alone; tells what the tools refuse, too. Raises CannotRun."""
    from api.cli.running import run as run_on
    from api.operators.asked import plainly
    from api.operators.history import TooLong
    from projections.bulk_memory import TooLarge

    with plainly(CannotRun, TooLong, TooLarge), plainly(WrongUsage):
        return run_on(data, work, needs_redis=False)


def who(actor: Mapping[str, Any] | None) -> str | None:
    """`7 dana`; the number alone of somebody who has no name any more."""
    return None if actor is None else f"{actor['id']} {actor['name'] or ''}".strip()
