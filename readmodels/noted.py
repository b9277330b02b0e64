"""What is noted of documents that stand still while somebody is being answered.

An event that could not be folded parks its documents: they stay as they were before it. Whoever is shown
one, or a sum that such documents add up to, should know. A model notes that here while it is read within
`Noting`; where nothing is parked, that costs nothing.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Noted:
    """Whether a parked document was read, and how many are parked that sums which were read may lack."""

    shows_parked: bool = False
    lacking: int = 0

    @property
    def is_nothing(self) -> bool:
        return not self.shows_parked and not self.lacking

    def add(self, other: Noted) -> None:
        self.shows_parked = self.shows_parked or other.shows_parked
        self.lacking = max(self.lacking, other.lacking)


_noted: ContextVar[Noted | None] = ContextVar("noted", default=None)


class Noting:
    """What models note within the block, tasks that are begun in it included."""

    __slots__ = ("_token",)

    def __enter__(self) -> Noted:
        noted = Noted()
        self._token = _noted.set(noted)
        return noted

    def __exit__(self, *_: object) -> None:
        _noted.reset(self._token)


def present() -> Noted | None:
    """Where to note, if anybody wants to know."""
    return _noted.get()
