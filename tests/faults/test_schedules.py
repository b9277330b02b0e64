"""The short schedules, each in a trial: the ledger keeps what it promises, whatever is broken meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
import uvloop

from tests.faults.laboratory import Lab, laboratory
from tests.faults.nemesis import SCHEDULES
from tests.faults.report import Tried, evidence, line
from tests.faults.schedules import Schedule, Setup, Untested
from tests.faults.trial import trial
from tests.servers import short_folder

SEED = 7
SHORT = [schedule for schedule in SCHEDULES.values() if schedule.is_short]


class Labs:
    """One lab at a time, which serves trial after trial, until one fails or the next needs another setup."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.runner = runner
        self._lab: Lab | None = None
        self._stack = AsyncExitStack()

    async def of(self, setup: Setup) -> Lab:
        if self._lab is None or self._lab.setup != setup:
            await self.close()
            folder = self._stack.enter_context(short_folder())
            self._lab = await self._stack.enter_async_context(laboratory(folder, SEED, setup))
        return self._lab

    async def close(self) -> None:
        self._lab = None
        await self._stack.aclose()

    async def tried(self, schedule: Schedule) -> Tried:
        """Raises Untested, and what kept the trial from its end."""
        try:
            verdict = await trial(await self.of(schedule.setup), schedule, SEED)
        except BaseException:
            await self.close()
            raise
        tried = Tried(schedule, SEED, 0.0, verdict)
        if not tried.passed:
            await self.close()
        return tried


@pytest.fixture(scope="module")
def labs() -> Iterator[Labs]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        labs = Labs(runner)
        try:
            yield labs
        finally:
            runner.run(labs.close())


@pytest.mark.timeout(240)
@pytest.mark.parametrize("schedule", SHORT, ids=[schedule.name for schedule in SHORT])
def test_the_ledger_keeps_its_promises(labs: Labs, schedule: Schedule) -> None:
    try:
        tried = labs.runner.run(labs.tried(schedule))
    except Untested as lacking:
        pytest.skip(str(lacking))
    assert tried.passed, "\n".join([line(tried), *evidence(tried)])
