"""Deliberate breaks, and what must catch them: a checker that lets these pass proves nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.faults.client import Clients
from tests.faults.invariants import examine
from tests.faults.laboratory import Lab, laboratory
from tests.faults.mutants import MUTANTS
from tests.faults.operations import History
from tests.faults.schedules import Load, Setup
from tests.faults.trial import at_rest, settled
from tests.faults.verdicts import Finding
from tests.servers import short_folder

WORKED_S: Final = 4.0
LOAD: Final = Load(writes_per_s=20.0, reads_per_s=20.0, warm_up_s=1.0, after_s=0.0)
QUIESCE_MAX_S: Final = 60.0
AWAY_S: Final = 1.0
SERVERS: Final = ("server-1", "server-2")
PROJECTORS: Final = ("projector-1", "projector-2")
BEHIND: Final = {"TASKLEDGER_CAUGHT_UP_TIMEOUT_S": "0.02"}
"""Writes are answered from the log at once, while the read model lags."""


async def nothing(_: Lab) -> None:
    """The break is fault enough."""


async def lose_postgres(lab: Lab) -> None:
    await lab.postgres.kill()
    await asyncio.sleep(AWAY_S)
    await lab.heal()


@dataclass(frozen=True, slots=True)
class Break:
    """`mutants` names what is broken in which part, `caught_by` the invariants that fail of it, no others.

    `is_quick`: tested with everything else, and not on demand only. `inflict` brings what it takes beside it.
    """

    name: str
    mutants: Mapping[str, str]
    caught_by: frozenset[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_quick: bool = False
    inflict: Callable[[Lab], Awaitable[None]] = nothing

    @property
    def says(self) -> str:
        """One line for people."""
        return (MUTANTS[self.name].__doc__ or "").partition("\n")[0]


def _of(
    parts: tuple[str, ...], name: str, *caught_by: str, is_quick: bool = False, **environment: str
) -> Break:
    return Break(name, dict.fromkeys(parts, name), frozenset(caught_by), environment, is_quick)


BREAKS: Final[Mapping[str, Break]] = {
    each.name: each
    for each in (
        _of(SERVERS, "acknowledging-without-appending", "I1", is_quick=True),
        _of(SERVERS, "leaving-versions-out", "I2"),
        _of(SERVERS, "forgetting-keys", "I3", is_quick=True),
        _of(PROJECTORS, "passing-over-events", "I4", is_quick=True),
        _of(PROJECTORS, "folding-twice", "I4"),
        _of(PROJECTORS, "going-back", "I5"),
        _of(SERVERS, "denying-what-is-there", "I6"),
        _of(SERVERS, "naming-other-positions", "I7"),
        _of(PROJECTORS, "mistaking-the-log", "I8"),
        _of(PROJECTORS, "writing-without-a-fence", "I9"),
        _of(SERVERS, "skipping-in-the-feed", "I10"),
        _of(SERVERS, "failing-now-and-then", "I11"),
        _of(SERVERS, "keeping-descriptors", "I12"),
        _of(SERVERS, "keeping-memory", "I12"),
        _of(SERVERS, "keeping-a-place", "I12", is_quick=True),
        Break(
            "dying-of-trouble",
            {SERVERS[0]: "dying-of-trouble"},
            frozenset({"I15"}),
            is_quick=True,
            inflict=lose_postgres,
        ),
        # What is new is not there at all for a read that does not wait.
        Break(
            "ignoring-demands",
            dict.fromkeys(SERVERS, "ignoring-demands") | dict.fromkeys(PROJECTORS, "lagging"),
            frozenset({"I6", "I14"}),
            BEHIND,
        ),
    )
}


async def tried(broken: Break, seed: int) -> list[Finding]:
    """What the checker finds in a ledger with this break, in a lab of its own."""
    with short_folder() as folder:
        setup = Setup(environment=dict(broken.environment))
        async with laboratory(folder, seed, setup, broken.mutants) as lab:
            return await worked_in(lab, seed, broken.inflict)


async def worked_in(
    lab: Lab, seed: int, inflict: Callable[[Lab], Awaitable[None]] = nothing
) -> list[Finding]:
    """What the checker finds after some seconds of work, in which `inflict` brings a fault or none."""
    lab.chance, lab.history = random.Random(seed), History(is_untouched=inflict is nothing)
    clients = Clients(lab, LOAD, lab.chance)
    try:
        await clients.start()
        await asyncio.sleep(LOAD.warm_up_s)
        before = await lab.resources()
        await inflict(lab)
        await asyncio.sleep(WORKED_S)
        await settled(lab, clients, QUIESCE_MAX_S)
    finally:
        await clients.close()
    return await examine(lab, before, await at_rest(lab, before))


async def try_breaks(seed: int, say: Callable[[str], None]) -> list[str]:
    """Try every break in a lab of its own; the names of those that the checker took for something else."""
    missed = []
    for broken in BREAKS.values():
        found, wanted = failing(await tried(broken, seed)), broken.caught_by
        say(f"{'PASS' if found == wanted else 'FAIL'} {broken.name}: {_named(found)} failed. {broken.says}")
        if found != wanted:
            say(f"    {_named(wanted)} should have failed; --seed {seed}")
            missed.append(broken.name)
    return missed


def _named(invariants: frozenset[str]) -> str:
    return ", ".join(sorted(invariants)) or "nothing"


def failing(findings: Iterable[Finding]) -> frozenset[str]:
    """The invariants that did not hold."""
    return frozenset(each.invariant for each in findings if not each.holds)
