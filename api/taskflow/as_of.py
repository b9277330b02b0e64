"""Reads about the past: `as_of` a moment or a position, answered by the read model of that moment."""

from __future__ import annotations

from typing import Final

from api.errors import BadRequest
from api.moments import Past
from api.taskflow.calls import Call
from events.instants import Instant
from events.positions import BeyondEnd, Future, Place, place_of, position_at

AS_OF_POSITION: Final = "X-As-Of-Position"


async def past_of(call: Call) -> Past | None:
    """The past that a read asks for; None for the present.

    Raises BadRequest, TryLater, NotReady, Unavailable.
    """
    at, position = call.filters.get("as_of"), call.filters.get("as_of_position")
    if at is None and position is None:
        return None
    if at is not None and position is not None:
        raise BadRequest("The query parameters as_of and as_of_position cannot be given both")
    place = await _place(call, at, position)
    model = await call.core.moments.model(place, call.caller.id)
    return Past(model, place.position, at or place.recorded_at)


async def _place(call: Call, at: Instant | None, position: int | None) -> Place:
    connections = call.core.connections
    try:
        if position is None:
            assert at is not None
            position = await position_at(connections, at)
        return await place_of(connections, position)
    except Future:
        raise BadRequest(
            "The query parameter as_of takes a moment that has passed; a date means the end of its day in UTC"
        ) from None
    except BeyondEnd as beyond:
        raise BadRequest(
            f"The query parameter as_of_position takes a position from 0 to {beyond.head}, where the log ends"
        ) from None
