"""The ways in which one input or output fails."""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass, replace
from typing import Final


class Place(enum.Enum):
    """What fails."""

    POSTGRES = "postgres"
    REDIS = "redis"
    RANDOM = "randomness"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Fault:
    """`sqlstate` or `reply` is what the server says; without either the connection breaks.

    With `is_late` that happens when the server has done what it was asked for. With `is_silence` the
    connection stays and nothing comes; with `stays` everything that is asked for afterwards fails, too, but
    for the next `spared` things. With `is_unconfirmed` all goes well, and a notice says that the standby may
    not have it.
    """

    place: Place
    name: str
    sqlstate: str | None = None
    reply: str | None = None
    is_late: bool = False
    is_silence: bool = False
    stays: bool = False
    spared: int = 0
    is_unconfirmed: bool = False
    is_telling: bool = False
    """Whether it is tried with every command on every commit, not only when all are asked for."""

    @property
    def id(self) -> str:
        return f"{self.place.value}: {self.name}"

    def gone_on(self) -> Fault:
        """What becomes of the next ones after it: nobody gets through, so nothing has an effect."""
        return replace(self, is_late=False, is_silence=False)


def _server_says(name: str, sqlstate: str, *, is_telling: bool = False) -> Fault:
    return Fault(Place.POSTGRES, name, sqlstate=sqlstate, is_telling=is_telling)


def _redis_says(name: str, reply: str, *, is_telling: bool = False) -> Fault:
    return Fault(Place.REDIS, name, reply=reply, is_telling=is_telling)


def _breaks(place: Place) -> tuple[Fault, ...]:
    return (
        Fault(place, "connection lost"),
        Fault(place, "answer lost", is_late=True, is_telling=place is Place.POSTGRES),
        Fault(place, "away", stays=True, is_telling=place is Place.REDIS),
        Fault(place, "answer lost, then away", is_late=True, stays=True, is_telling=place is Place.POSTGRES),
        Fault(place, "silence", is_silence=True),
        Fault(place, "silence after the effect", is_silence=True, is_late=True),
    )


def _away_later(spared: int) -> Fault:
    """Whoever tries again gets through, and whoever then asks what came of it does not."""
    name = f"answer lost, away {spared} later"
    return Fault(Place.POSTGRES, name, is_late=True, stays=True, spared=spared)


FAULTS: Final = (
    *_breaks(Place.POSTGRES),
    *(_away_later(spared) for spared in range(1, 5)),
    _server_says("disk full", "53100", is_telling=True),
    _server_says("read only", "25006"),
    _server_says("serialization failure", "40001"),
    _server_says("deadlock", "40P01"),
    _server_says("out of memory", "53200"),
    _server_says("statement timeout", "57014"),
    _server_says("integrity error", "23505", is_telling=True),
    Fault(Place.POSTGRES, "wait for the standby cancelled", is_unconfirmed=True),
    *_breaks(Place.REDIS),
    _redis_says("READONLY", "READONLY You can't write against a read only replica.", is_telling=True),
    _redis_says("LOADING", "LOADING Redis is loading the dataset in memory"),
    _redis_says("MISCONF", "MISCONF Redis is configured to save RDB snapshots, but cannot"),
    _redis_says("OOM", "OOM command not allowed when used memory > 'maxmemory'."),
    _redis_says("NOSCRIPT", "NOSCRIPT No matching script."),
    _redis_says("WRONGTYPE", "WRONGTYPE Operation against a key holding the wrong kind of value"),
    Fault(Place.RANDOM, "none", is_telling=True),
    Fault(Place.CLOCK, "goes back an hour", is_telling=True),
)

IS_FULL: Final = bool(os.environ.get("NTH_FULL"))
"""Set NTH_FULL=1 to have every fault at every place, which takes long."""

TRIED: Final = tuple(fault for fault in FAULTS if fault.is_telling or IS_FULL)
QUICK: Final = tuple(fault for fault in FAULTS if not fault.is_silence or IS_FULL)
"""Silence lasts until somebody has waited for long enough."""
