"""What a schedule of faults is, and the list of all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.laboratory import Lab


@dataclass(frozen=True, slots=True)
class Load:
    """What clients do meanwhile: writes and reads a second, by the clock whether answered or not."""

    writes_per_s: float = 60.0
    reads_per_s: float = 60.0
    warm_up_s: float = 1.5
    after_s: float = 2.0
    """How long the load goes on after everything was healed."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How the ledger of a trial is built, where a schedule needs it otherwise."""

    is_synchronous: bool = True
    """Whether PostgreSQL's standby has to have each commit before it is acknowledged."""

    has_small_disk: bool = False
    """Whether PostgreSQL's data lie on a file system that can be filled (needs root on Linux)."""

    has_fake_clock: bool = False
    """Whether the clock of servers and projectors can be moved."""

    environment: dict[str, str] = field(default_factory=dict)
    """Settings of servers and projectors."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Faults that are injected while clients go on working.

    `inflict` injects them by its lab's dice (`lab.chance`), ends within `seconds` or so, and may leave things
    broken: `Lab.heal` mends everything afterwards. It raises Untested when it cannot be done on this machine.
    """

    name: str
    says: str
    """One line for people: what is done to what."""
    inflict: Callable[[Lab], Awaitable[None]]
    seconds: float
    is_short: bool = False
    """Whether it is among those that run with the tests."""
    load: Load = Load()
    setup: Setup = Setup()
    may_lose_acknowledged: bool = False
    """Only after a failover to an asynchronous standby: then loss must be noticed, not absent."""


class Untested(Exception):
    """This machine lacks something that the schedule needs: one line that says what."""
