"""How the ledger stands as a whole: how far folding is, who does it, and what keeps it from going on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from api.database import Database
from projections.generations import FINGERPRINT

PAUSED: Final = "an operator has paused folding: `taskledger projections resume` goes on"


@dataclass(frozen=True, slots=True)
class Standing:
    """By PostgreSQL alone, and by its clock.

    `generation` is the one that readers of this code go to, None before there is one. The lease that
    its projector holds runs for `lease_left_s` seconds; below zero it ended so long ago, and None
    means that nobody ever held it. `held_back` letters are about events behind the `dead_letters`.
    """

    generation: int | None
    head: int
    is_paused: bool
    holder: str | None
    lease_left_s: float | None
    dead_letters: int
    held_back: int

    @property
    def is_held(self) -> bool:
        return self.lease_left_s is not None and self.lease_left_s > 0

    def standstill(self, patience_s: float) -> str | None:
        """Why nothing is folded now, in words, or None. A lease may have been over for `patience_s`."""
        if self.is_paused:
            return PAUSED
        if self.lease_left_s is None:
            return "no projector has begun to work: is `taskledger project` running?"
        if self.lease_left_s < -patience_s:
            return (
                f"no projector has been at work for {-self.lease_left_s:.0f} seconds:"
                " is `taskledger project` running?"
            )
        return None


async def standing(database: Database) -> Standing:
    """How things stand now. Raises `events.errors.Unavailable`."""
    row = await database.row("watch_ledger", fingerprint=FINGERPRINT)
    assert row is not None, "an aggregate has a row"
    generation, head, is_paused, holder, left_s, dead, held_back = row
    return Standing(generation, head, bool(is_paused), holder, left_s, dead, held_back)
