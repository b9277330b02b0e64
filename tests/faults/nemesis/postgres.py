"""PostgreSQL that is killed, stopped, and replaced by its standby, which may lack what was committed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal

from tests.faults.laboratory import Lab
from tests.faults.nemesis.kills import kill_again_and_again
from tests.faults.schedules import Schedule, Setup

MODES: Final[Sequence[Literal["fast", "immediate"]]] = ("fast", "immediate")
CANCEL_INTERVAL_S: Final = 0.1
AWAY_S: Final = 12.0
READ_WITHIN_S: Final = 2.0
"""Reads that were sent so shortly before the end may be answered after it."""

READS_MIN: Final = 100
READS_SHARE_MIN: Final = 0.8


async def kill_all(lab: Lab) -> None:
    await kill_again_and_again(lab, lab.postgres, "kill -9 every process of PostgreSQL", 2)


async def kill_backends(lab: Lab) -> None:
    """PostgreSQL takes shared memory for damaged then: it ends every connection and recovers."""
    for _ in range(3):
        await asyncio.sleep(lab.chance.uniform(0.5, 2.0))
        lab.note("kill -9 a process that serves a client")
        await lab.postgres.kill_backend(lab.chance.choice)


async def stop(lab: Lab) -> None:
    for mode in MODES:
        await asyncio.sleep(lab.chance.uniform(0.5, 1.5))
        lab.note(f"stop PostgreSQL: {mode}")
        await lab.postgres.stop(mode)
        await asyncio.sleep(lab.chance.uniform(0.0, 1.5))
        await lab.postgres.start()


async def fail_over(lab: Lab) -> None:
    """To a standby that has all that was acknowledged; the second time to what was the primary at first."""
    for turn in range(2):
        await asyncio.sleep(lab.chance.uniform(0.5, 2.0))
        if turn:
            await lab.postgres.heal()
        lab.note("fail over to the synchronous standby")
        await lab.postgres.fail_over()


async def cancel_waits(lab: Lab) -> None:
    await _cut_standby_off(lab, ends_connection=False)


async def end_waits(lab: Lab) -> None:
    await _cut_standby_off(lab, ends_connection=True)


async def _cut_standby_off(lab: Lab, *, ends_connection: bool) -> None:
    """Commits wait for a standby that hears nothing; the waits are given up, and then it takes over."""
    await asyncio.sleep(lab.chance.uniform(0.5, 1.5))
    link = lab.links["standby", "postgres"]
    link.stall()
    lab.note("the standby hears nothing any more")
    given_up = 0
    until = lab.clock() + lab.chance.uniform(2.0, 6.0)
    while lab.clock() < until:
        await asyncio.sleep(CANCEL_INTERVAL_S)
        given_up += await lab.postgres.cancel_sync_waits(ends_connection=ends_connection)
    assert given_up, "no commit waited for the standby"
    lab.note(
        f"{given_up} waits for the standby were given up; fail over to it, {await _behind(lab)} events behind"
    )
    link.refuse()
    await lab.postgres.fail_over()


async def _behind(lab: Lab) -> int:
    """How many events the standby lacks. Raises AssertionError for none: then its turn proves nothing."""
    behind = await lab.postgres.events_behind()
    assert behind > 0, "the standby lacks no event"
    return behind


async def stand_by_nobody(lab: Lab) -> None:
    """Commits wait for a standby that stands still; reads need none of them, and go on."""
    began_at_s = lab.clock()
    lab.note(f"the standby stands still for {AWAY_S} s")
    lab.postgres.suspend_standby()
    await asyncio.sleep(AWAY_S)
    lab.postgres.resume_standby()
    _judge_reads(lab, began_at_s, lab.clock())


def _judge_reads(lab: Lab, from_s: float, until_s: float) -> None:
    statuses = Counter(
        each.status for each in lab.history.readings if from_s <= each.sent_at_s <= until_s - READ_WITHIN_S
    )
    lab.note(f"reads were answered {dict(statuses)} meanwhile")
    assert statuses.total() >= READS_MIN, f"hardly any read was answered: {dict(statuses)}"
    share = statuses[200] / statuses.total()
    assert share >= READS_SHARE_MIN, f"reads did not go on: {dict(statuses)}"


async def lose_the_tail(lab: Lab) -> None:
    """To a standby that nobody waited for and that lacks the last moments."""
    await asyncio.sleep(lab.chance.uniform(0.5, 1.0))
    link = lab.links["standby", "postgres"]
    link.stall()
    await asyncio.sleep(lab.chance.uniform(0.5, 3.0))
    lab.note(f"fail over to a standby that is {await _behind(lab)} events behind")
    link.refuse()
    await lab.postgres.fail_over()
    await asyncio.sleep(2.0)


ASYNCHRONOUS: Final = Setup(is_synchronous=False)

SCHEDULES: Final = (
    Schedule("postgres-killed", "kill -9 all of PostgreSQL", kill_all, seconds=12.0, is_short=True),
    Schedule("postgres-backend-killed", "kill -9 one of its processes", kill_backends, seconds=8.0),
    Schedule("postgres-stopped", "stop it, fast and at once", stop, seconds=10.0),
    Schedule(
        "postgres-fails-over", "the synchronous standby takes over", fail_over, seconds=16.0, is_short=True
    ),
    Schedule(
        "standby-away",
        "the synchronous standby stands still for 12 s",
        stand_by_nobody,
        seconds=14.0,
    ),
    Schedule(
        "postgres-wait-cancelled",
        "waits for the standby are cancelled, then it takes over",
        cancel_waits,
        seconds=12.0,
    ),
    Schedule(
        "postgres-wait-ended",
        "who waits for the standby is cut off, then it takes over",
        end_waits,
        seconds=12.0,
    ),
    Schedule(
        "postgres-loses-the-tail",
        "a standby takes over that nobody waited for",
        lose_the_tail,
        seconds=10.0,
        setup=ASYNCHRONOUS,
        may_lose_acknowledged=True,
    ),
)
