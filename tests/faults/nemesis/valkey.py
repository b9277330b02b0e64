"""Valkey that is killed, emptied, replaced by a replica that is behind, or loses some of its keys."""

from __future__ import annotations

import asyncio
from typing import Final

from tests.faults.laboratory import Lab
from tests.faults.nemesis.kills import kill_again_and_again
from tests.faults.schedules import Schedule

CHECKPOINTS: Final = "{tl:*}:checkpoint"
DOCUMENTS: Final = "{tl:*}:document:*"
BEHIND_MIN_BYTES: Final = 1_000
"""What several writes come to: a heartbeat alone is no loss."""

PATIENCE_S: Final = 10.0
LOOK_INTERVAL_S: Final = 0.1


async def kill(lab: Lab) -> None:
    await kill_again_and_again(lab, lab.valkey, "kill -9 Valkey", 3)


async def empty(lab: Lab) -> None:
    """Killed and begun without its files, then emptied by a command."""
    await asyncio.sleep(lab.chance.uniform(0.5, 2.0))
    lab.note("kill -9 Valkey, and start it without its files")
    await lab.valkey.kill()
    await asyncio.sleep(lab.chance.uniform(0.0, 1.0))
    await lab.valkey.start(empty=True)
    for _ in range(2):
        await asyncio.sleep(lab.chance.uniform(0.5, 3.0))
        lab.note("FLUSHALL")
        await lab.valkey.flush()


async def lose_checkpoint(lab: Lab) -> None:
    for _ in range(2):
        await asyncio.sleep(lab.chance.uniform(0.5, 3.0))
        lab.note(f"{await _lose(lab, CHECKPOINTS, 1.0)} checkpoints deleted")


async def lose_documents(lab: Lab) -> None:
    await asyncio.sleep(lab.chance.uniform(1.0, 3.0))
    lab.note(f"{await _lose(lab, DOCUMENTS, 0.1)} documents deleted")
    await asyncio.sleep(2.0)


async def _lose(lab: Lab, pattern: str, share: float) -> int:
    """How many keys are gone: there may be none for a moment, while the read model is made again."""
    patience_at_s = lab.clock() + PATIENCE_S
    while not (lost := await lab.valkey.lose(pattern, share, lab.chance)):
        assert lab.clock() < patience_at_s, f"nothing was deleted: there is no {pattern}"
        await asyncio.sleep(LOOK_INTERVAL_S)
    return lost


async def fail_over(lab: Lab) -> None:
    """To a replica that has heard nothing for a moment."""
    for turn in range(2):
        await asyncio.sleep(lab.chance.uniform(0.5, 1.5))
        if turn:
            await lab.valkey.heal()
        link = lab.links["replica", "valkey"]
        link.stall()
        await asyncio.sleep(lab.chance.uniform(0.5, 2.0))
        lab.note(f"fail over to a replica that is {await _behind(lab)} bytes behind")
        link.refuse()
        await lab.valkey.fail_over()
        link.heal()


async def _behind(lab: Lab) -> int:
    """How many bytes the replica lacks, as soon as these are some writes."""
    patience_at_s = lab.clock() + PATIENCE_S
    while (behind := await lab.valkey.bytes_behind()) < BEHIND_MIN_BYTES:
        assert lab.clock() < patience_at_s, f"the replica lacks no more than {behind} bytes"
        await asyncio.sleep(LOOK_INTERVAL_S)
    return behind


SCHEDULES: Final = (
    Schedule("valkey-killed", "kill -9 Valkey", kill, seconds=9.0),
    Schedule("valkey-emptied", "start it without its files, FLUSHALL", empty, seconds=10.0, is_short=True),
    Schedule("valkey-loses-checkpoint", "delete the checkpoint alone", lose_checkpoint, seconds=7.0),
    Schedule("valkey-loses-documents", "delete a tenth of the documents", lose_documents, seconds=6.0),
    Schedule(
        "valkey-fails-over", "a replica takes over that is behind", fail_over, seconds=8.0, is_short=True
    ),
)
