"""Who holds a unique name: the state of a claim stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from commands.context import Context
from events.claims import Claimed, Released
from events.event import Event


@dataclass(frozen=True, slots=True)
class Claim:
    """`holder` is the stream that holds the name, as in `user-7`; empty when the name is free."""

    STREAM: ClassVar[str] = "claim"

    holder: str = ""

    @property
    def exists(self) -> bool:
        return bool(self.holder)

    @property
    def holder_id(self) -> int:
        """The number of the user or department that holds the name; 0 when nobody does."""
        return int(self.holder.rpartition("-")[2] or 0)


def evolve(claim: Claim, event: Event) -> Claim:
    match event:
        case Claimed():
            return Claim(event.holder)
        case Released():
            return Claim()
    return claim


def moved_claim(kind: str, old: str, new: str, holder: str, context: Context) -> Iterator[Event]:
    """Claims the new name and releases the old one, unless both are one and the same claim."""
    before, after = context.claim_of(kind, old), context.claim_of(kind, new)
    if before != after:
        yield Claimed(after, holder)
        yield Released(before, holder)


def is_taken(kind: str, name: str, holder: str, context: Context) -> bool:
    """Whether somebody else than `holder` has the name."""
    claim = context.load(Claim, context.claim_of(kind, name))
    return claim.exists and claim.holder != holder
