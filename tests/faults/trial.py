"""One trial: clients work, faults are injected, all is mended, and the checker looks at what there is."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence
from typing import Final

from tests.faults.client import Clients
from tests.faults.invariants import examine
from tests.faults.invariants_rest import Measured, grown
from tests.faults.laboratory import Lab
from tests.faults.operations import Attempt, History, Operation, Outcome, Reading
from tests.faults.schedules import Schedule
from tests.faults.verdicts import Finding, Verdict

OVERTIME_MAX_S: Final = 60.0
"""How much longer than it says a schedule may take before the trial counts as broken."""

HEAL_MAX_S: Final = 90.0
RECOVERY_MAX_S: Final = 30.0
"""How long after the heal answers may still be missing."""

QUIESCE_MAX_S: Final = 30.0
LOOK_INTERVAL_S: Final = 0.05
REST_MAX_S: Final = 10.0
"""How long connections of clients that have left may still be held."""

REST_INTERVAL_S: Final = 0.25


class NotRecovered(Exception):
    """Everything was mended, and clients are still not served."""


async def trial(lab: Lab, schedule: Schedule, seed: int) -> Verdict:
    """What came of one trial in a lab that runs; the lab is ready for another one afterwards.

    Raises Untested when this machine cannot do it, and whatever else keeps the trial from its end:
    NotRecovered, TimeoutError, what the schedule itself found wrong (AssertionError). The lab is spoiled.
    """
    lab.chance, lab.history = random.Random(seed), History()
    clients = Clients(lab, schedule.load, lab.chance)
    try:
        await clients.start()
        await asyncio.sleep(schedule.load.warm_up_s)
        before = await lab.resources()
        async with asyncio.timeout(schedule.seconds + OVERTIME_MAX_S):
            await schedule.inflict(lab)
        healed_at_s, took_s = await _heal(lab)
        await asyncio.sleep(schedule.load.after_s)
        await settled(lab, clients, QUIESCE_MAX_S)
    finally:
        await clients.close()
    after = await at_rest(lab, before)
    findings = await examine(lab, before, after, may_lose_acknowledged=schedule.may_lose_acknowledged)
    verdict = counted(schedule.name, seed, lab.history, [eventful(lab.history, healed_at_s), *findings])
    verdict.recovered_after_s = took_s
    return verdict


async def settled(lab: Lab, clients: Clients, within_s: float) -> None:
    """End the work: everything that was left open is known then, and has been read back.

    Raises TimeoutError where the read model is not level with the log `within_s` later.
    """
    await clients.stop()
    await clients.resolve()
    await lab.quiesce(within_s)
    await clients.final_reads()


async def at_rest(lab: Lab, before: Measured) -> Measured:
    """What processes hold once clients have gone, which some take a moment to notice."""
    written, patience_at_s = len(lab.history.with_outcome(Outcome.OK)), lab.clock() + REST_MAX_S
    after = await lab.resources()
    while any(grown(before, after, written)) and lab.clock() < patience_at_s:
        await asyncio.sleep(REST_INTERVAL_S)
        after = await lab.resources()
    return after


async def _heal(lab: Lab) -> tuple[float, float]:
    """When the mending began, and the seconds until every server wrote and read what is new again."""
    began_at_s, history = lab.clock(), lab.history
    operations, readings = len(history.operations), len(history.readings)
    async with asyncio.timeout(HEAL_MAX_S):
        await lab.heal()
    mended_at_s = lab.clock()
    lab.note(f"everything is mended, {mended_at_s - began_at_s:.1f} s after that began")
    servers = [part.name for part in lab.servers]
    while not is_served(servers, history.operations[operations:], history.readings[readings:]):
        if lab.clock() - mended_at_s > RECOVERY_MAX_S:
            raise NotRecovered(f"clients are not served {RECOVERY_MAX_S:.0f} s after everything was mended")
        await asyncio.sleep(LOOK_INTERVAL_S)
    return began_at_s, lab.clock() - began_at_s


def is_served(servers: Iterable[str], operations: Sequence[Operation], readings: Sequence[Reading]) -> bool:
    """Whether each server has done one of the operations, and given one of the readings that knows of it."""
    return all(_serves(server, operations, readings) for server in servers)


def _serves(server: str, operations: Sequence[Operation], readings: Sequence[Reading]) -> bool:
    written = [
        attempt.position
        for operation in operations
        for attempt in operation.attempts
        if attempt.server == server and attempt.position and is_answered(attempt)
    ]
    return bool(written) and any(
        reading.server == server and is_answered(reading) and (reading.position or 0) >= min(written)
        for reading in readings
    )


def is_answered(answer: Attempt | Reading) -> bool:
    return 200 <= answer.status < 300


def counted(schedule: str, seed: int, history: History, findings: list[Finding]) -> Verdict:
    """The numbers of a trial; which operations were lost or duplicated is for its findings to say."""
    resolved = sum(operation.resolved_by_key for operation in history.operations)
    return Verdict(
        schedule,
        seed,
        operations=len(history.operations),
        skipped=history.skipped,
        acknowledged=len(history.with_outcome(Outcome.OK)),
        failed=len(history.with_outcome(Outcome.FAILED)),
        unknown=len(history.with_outcome(Outcome.UNKNOWN)) + resolved,
        resolved=resolved,
        lost=sum(finding.lost for finding in findings),
        duplicated=sum(finding.duplicated for finding in findings),
        findings=findings,
        injected=history.injected,
    )


def eventful(history: History, healed_at_s: float) -> Finding:
    """That the trial tested anything: a fault happened, and clients wrote and read before the heal."""
    answered = {
        "a write before the heal": any(
            is_answered(attempt) and attempt.sent_at_s < healed_at_s
            for operation in history.operations
            for attempt in operation.attempts
        ),
        "a read before the heal": any(
            is_answered(reading) and reading.sent_at_s < healed_at_s for reading in history.readings
        ),
        "a fault": bool(history.injected),
    }
    against = tuple(f"there was not even {what}" for what, happened in answered.items() if not happened)
    return Finding("trial", "something happened", len(answered), against)
