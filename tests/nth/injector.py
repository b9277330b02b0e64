"""Counts what is asked of servers, clock and randomness, and has the N-th time fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from tests.nth.faults import Fault, Place

BESIDE: Final[ContextVar[bool]] = ContextVar("beside", default=False)
"""Whether what runs is no part of what is tried: it is neither counted nor struck."""


@contextmanager
def beside() -> Iterator[None]:
    """A block of work, and the tasks that it begins, that goes on beside what is tried."""
    token = BESIDE.set(True)
    try:
        yield
    finally:
        BESIDE.reset(token)


class Injector:
    """`struck` says at what the fault struck that was armed last, None as long as it did not."""

    def __init__(self) -> None:
        self.struck: str | None = None
        self._fault: Fault | None = None
        self._left = 0
        self._spared = 0

    @contextmanager
    def armed(self, fault: Fault, nth: int) -> Iterator[None]:
        """A block in which the N-th use of the fault's place fails, and all later ones if it stays."""
        self.struck, self._fault, self._left, self._spared = None, fault, nth, fault.spared
        try:
            yield
        finally:
            self.disarm()

    def disarm(self) -> None:
        """From now on nothing fails any more."""
        self._fault = None

    def strike(self, place: Place, what: str) -> Fault | None:
        """The fault that this use of a place meets; None for nearly all."""
        fault = self._fault
        if fault is None or fault.place is not place or BESIDE.get():
            return None
        if self.struck is not None:
            self._spared -= 1
            return fault.gone_on() if fault.stays and self._spared < 0 else None
        self._left -= 1
        if self._left:
            return None
        self.struck = what
        return fault

    def keeps_away(self, place: Place) -> bool:
        """Whether nobody can connect to the place now."""
        fault = self._fault
        is_away = fault and fault.place is place and fault.stays and self.struck is not None
        return bool(is_away and self._spared <= 0 and not BESIDE.get())

    @property
    def is_clock_back(self) -> bool:
        """Whether the clock has gone back."""
        fault = self._fault
        return bool(fault and fault.place is Place.CLOCK and self.struck is not None and not BESIDE.get())
