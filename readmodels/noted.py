"""What is noted of documents that stand still while somebody is being answered.

An event that could not be folded parks its documents: they stay as they were before it. Whoever is shown
one, or a sum that such documents add up to, should know. A model notes that here while it is read within
`noting`; where nothing is parked, that costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Noted:
    """Whether a parked document was read, and how many are parked that sums which were read may lack."""

    shows_parked: bool = False
    lacking: int = 0


_noted: ContextVar[Noted | None] = ContextVar("noted", default=None)


@contextmanager
def noting() -> Iterator[Noted]:
    """What models note within the block, tasks that are begun in it included."""
    noted = Noted()
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)


def present() -> Noted | None:
    """Where to note, if anybody wants to know."""
    return _noted.get()
