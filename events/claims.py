"""Claims: a name that must be unique is a stream of its own, named by a keyed hash of the name."""

from __future__ import annotations

from dataclasses import dataclass

from events.event import Event


@dataclass(frozen=True, slots=True)
class Claimed(Event):
    """`claim` is the kind and hash that name the stream; `holder` the stream that holds the name."""

    TOPIC = "claim.claimed"
    STREAM = "claim"
    ID = "claim"

    claim: str
    holder: str


@dataclass(frozen=True, slots=True)
class Released(Event):
    TOPIC = "claim.released"
    STREAM = "claim"
    ID = "claim"

    claim: str
    holder: str
