"""Options that commands take which look for events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.completion import event_types
from api.exits import WrongUsage
from api.operators.bounds import NUMBER_MAX

if TYPE_CHECKING:
    from events.criteria import Criteria

TypeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--type",
        metavar="TYPE",
        help="As task.created or 'task.*'; may be repeated: any of them.",
        autocompletion=event_types,
    ),
]
StreamOption = Annotated[
    str | None, typer.Option("--stream", metavar="STREAM", help="The events of one thing, as project-12.")
]
ActorOption = Annotated[
    int | None,
    typer.Option("--actor", metavar="ID", min=1, max=NUMBER_MAX, help="Who did it: a user's number."),
]
RequestOption = Annotated[
    str | None, typer.Option("--request", metavar="ID", help="What one request caused.")
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="FIELD=VALUE",
        help="A field of the payload, as data.status=completed; may be repeated: all of them.",
    ),
]
FromOption = Annotated[
    str | None,
    typer.Option("--since", "--from", metavar="MOMENT", help="From a moment on, or so long ago: 10m, 7d."),
]
UntilOption = Annotated[
    str | None,
    typer.Option("--until", "--to", metavar="MOMENT", help="Up to a moment; a date includes its day."),
]


def criteria(
    types: list[str] | None,
    stream: str | None,
    actor: int | None,
    request: str | None,
    where: list[str] | None,
) -> Criteria:
    """What events have to meet, by these options. Raises WrongUsage."""
    from api.operators.asked import plainly
    from api.operators.event_queries import criteria_of, texts

    with plainly(WrongUsage):
        return criteria_of(
            types=texts(types or ()), stream=stream, actor_id=actor, request_id=request, where=where or ()
        )
