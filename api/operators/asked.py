"""What somebody asks about: moments as people write them, as positions of the log; and how to say no."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final, NamedTuple

from api.core import Core
from api.operators.instruments import Instruments
from api.shapes import instant_of
from api.taskflow.parameters import DATE_END
from events.instants import Instant, instant, moment, now
from events.positions import BeyondEnd, Future, place_of, position_at

_AGO: Final = re.compile(r"([0-9]{1,6})([smhdw])", re.ASCII)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Unaskable(Exception):
    """Something that cannot be asked by its very shape; the message says what can."""


class NoSuchMoment(Unaskable):
    """What was asked for is no moment of this log; the message says why, and what would do."""


class Asked(NamedTuple):
    """A position of the log, and the moment that was asked about; None for the present."""

    position: int
    moment: Instant | None


async def asked(place: Core | Instruments, as_of: str | None, position: int | None) -> Asked:
    """What `as_of`, a date or date-time, or a `position` stands for; the present without either.

    A date alone is the end of that day (UTC). A position speaks of the moment at which the event there
    was recorded. Raises NoSuchMoment, Unavailable.
    """
    if as_of is not None and position is not None:
        raise NoSuchMoment("A moment and a position exclude each other: give one of them")
    try:
        if as_of is not None:
            moment = moment_of(as_of)
            return Asked(await position_at(place.connections, moment), moment)
        if position is not None:
            found = await place_of(place.connections, position)
            return Asked(found.position, found.recorded_at)
    except Future:
        raise NoSuchMoment(f"{as_of} is not over yet: a moment in the past is needed") from None
    except BeyondEnd as error:
        raise NoSuchMoment(f"There is no position {position}: the log ends at {error.head}") from None
    return Asked(await place.store.head(), None)


def moment_of(text: str) -> Instant:
    """The instant that a text gives, the last one of the day for a date alone. Raises NoSuchMoment."""
    try:
        found: Instant = DATE_END.read(text)
    except ValueError:
        raise NoSuchMoment(f"{text!r} is no moment: give {DATE_END.takes}") from None
    return found


def beginning_of(text: str) -> Instant:
    """The instant from which on something is asked for: the first one of the day for a date alone.

    Also how long ago that was, as `10m`, `12h` or `7d`. Raises NoSuchMoment.
    """
    ago = _AGO.fullmatch(text)
    try:
        if ago is None:
            return instant_of(text)
        return instant(moment(now()) - timedelta(**{_UNITS[ago[2]]: int(ago[1])}))
    except (ValueError, OverflowError):
        raise NoSuchMoment(
            f"{text!r} is no moment: give a date, a date-time, or how long ago, as 10m, 12h or 7d"
        ) from None


@contextmanager
def plainly(refusal: Callable[[str], Exception], *more: type[Exception]) -> Iterator[None]:
    """What cannot be asked, and the errors in `more`, raise the `refusal` of whoever was asked instead."""
    refused: tuple[type[Exception], ...] = (Unaskable, *more)
    try:
        yield
    except refused as error:
        raise refusal(str(error)) from None
