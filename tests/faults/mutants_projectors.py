"""Deliberate breaks of projectors, each of one promise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from hashlib import sha1
from typing import Any, Final

import projections.writer
from events.store import EventStore
from events.tasks import TaskHoursBooked
from projections.catalogue import STEPS
from projections.follower import Follower
from projections.lease import Lease
from projections.live import Live
from projections.projection import Step, changed
from projections.writer import Writer
from readmodels.scripts import Script
from tests.faults.mutants_patching import Method, around, every

ANOTHER_LOG: Final = "00000000-0000-4000-8000-000000000000"
SLOW_S: Final = 1.0
BACK_BY: Final = 5
BACK_FOR_S: Final = 0.05
BACK_EVERY_S: Final = 0.25
BACK_TIMES: Final = 12
STOLEN_EPOCH: Final = 1_000_000
BACK_FROM_POSITION: Final = 60
"""The first so many events are there before anybody watches."""

Fold = Callable[[Any, Any, Any], Any]


def passing_over_events() -> None:
    """Hours that were booked are not folded, every third time; versions are counted, so that writes go on."""

    def wrap(fold: Fold) -> Fold:
        passes = every(3)
        return lambda task, event, record: (
            changed(task, record, {}) if passes() else fold(task, event, record)
        )

    _refold(wrap)


def folding_twice() -> None:
    """Hours that were booked are folded twice, every third time."""

    def wrap(fold: Fold) -> Fold:
        again = every(3)

        def twice(task: Any, event: Any, record: Any) -> Any:
            once = fold(task, event, record)
            return fold(task | {**once, "actual_centihours": None}, event, record) if again() else once

        return twice

    _refold(wrap)


def _refold(wrap: Callable[[Fold], Fold]) -> None:
    """Replace how booked hours are folded, in the table that the folding goes by."""
    steps: dict[Any, tuple[Step, ...]] = STEPS
    steps[TaskHoursBooked] = tuple(step._replace(fold=wrap(step.fold)) for step in steps[TaskHoursBooked])


def going_back() -> None:
    """The checkpoint stands some events earlier for a moment, while the documents do not."""

    def wrap(method: Method) -> Method:
        async def follow(self: Any, live: Any) -> Any:
            going = asyncio.create_task(_go_back(self._writer))
            try:
                return await method(self, live)
            finally:
                going.cancel()

        return follow

    around(Follower, "follow", wrap)


_times_back = iter(range(BACK_TIMES))


async def _go_back(writer: Any) -> None:
    redis, checkpoint = writer._redis, writer.keys.checkpoint
    while True:
        await asyncio.sleep(BACK_EVERY_S)
        if int(await redis.hget(checkpoint, "position") or 0) < BACK_FROM_POSITION:
            continue
        if next(_times_back, None) is None:
            return
        await redis.hincrby(checkpoint, "position", -BACK_BY)
        await asyncio.sleep(BACK_FOR_S)
        await redis.hincrby(checkpoint, "position", BACK_BY)


def mistaking_the_log() -> None:
    """What is built is said to be of another log."""

    async def log_id(_self: Any) -> str:
        return ANOTHER_LOG

    around(EventStore, "log_id", lambda _: log_id)


def writing_without_a_fence() -> None:
    """Who does not get the lease works as well, and nobody looks whether there is a later epoch."""

    def taken(method: Method) -> Method:
        async def acquire(self: Any, seen_epoch: int = 0) -> bool:
            if not await method(self, seen_epoch):
                self.epoch = STOLEN_EPOCH
            return True

        return acquire

    def kept(method: Method) -> Method:
        async def keep(self: Any) -> None:
            await (asyncio.Event().wait() if self.epoch == STOLEN_EPOCH else method(self))

        return keep

    async def seize(self: Any, epoch: int) -> Any:
        self.epoch = epoch
        found = await self._run(projections.writer.SEIZE, [self.keys.checkpoint], epoch)
        if found[0] is None:
            return None
        texts = [each.decode() for each in found]
        return projections.writer.Checkpoint(epoch, texts[1], int(texts[2]), *texts[3:])

    around(Lease, "acquire", taken)
    around(Lease, "keep", kept)
    around(Writer, "seize", lambda _: seize)
    for name in ("APPLY", "CLEAR", "REMOVE"):
        _unfence(name)


def _unfence(name: str) -> None:
    text: str = getattr(projections.writer, name).text
    for fence in ("tonumber(ARGV[1]) < tonumber(now[1])", "epoch and tonumber(epoch) > tonumber(ARGV[1])"):
        text = text.replace(f"if {fence} then", "if false then")
    unfenced = Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())
    setattr(projections.writer, name, unfenced)


def lagging() -> None:
    """No break but a slow machine: every batch takes a while, as behind a long queue."""

    def wrap(method: Method) -> Method:
        async def fold(self: Any, records: Any, state: str) -> Any:
            await asyncio.sleep(SLOW_S)
            return await method(self, records, state)

        return fold

    around(Live, "fold", wrap)


OF_PROJECTORS: Final[Mapping[str, Callable[[], None]]] = {
    "passing-over-events": passing_over_events,
    "folding-twice": folding_twice,
    "going-back": going_back,
    "mistaking-the-log": mistaking_the_log,
    "writing-without-a-fence": writing_without_a_fence,
    "lagging": lagging,
}
