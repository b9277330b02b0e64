"""Trials one after the other; one lab serves several seeds of a schedule, until one of them fails."""

from __future__ import annotations

import asyncio
import shutil
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from tests.faults.laboratory import Lab, laboratory
from tests.faults.report import Tried
from tests.faults.schedules import Schedule, Untested
from tests.faults.trial import trial
from tests.servers import short_folder

TRIAL_MAX_S: Final = 300.0
"""A trial that takes longer hangs."""

Tell = Callable[[Tried], None]


class Trials:
    """Tries schedules; `tell` hears of every trial at its end.

    What the processes of each schedule's last lab have said is copied to `logs`, if that is given.
    """

    def __init__(self, tell: Tell, logs: Path | None = None) -> None:
        self._tell = tell
        self._logs = logs

    async def all(self, wanted: Iterable[tuple[Schedule, Sequence[int]]]) -> None:
        """Try each schedule with its seeds."""
        for schedule, seeds in wanted:
            await self.of(schedule, seeds)

    async def of(self, schedule: Schedule, seeds: Sequence[int]) -> None:
        """Whatever goes wrong is told as a failure of its trial, and keeps nobody from the rest."""
        waiting = deque(seeds)
        while waiting:
            seed, began_at = waiting[0], time.monotonic()
            try:
                await self._in_a_lab(schedule, waiting)
            except Untested as lacking:
                self._tell(Tried(schedule, seed, time.monotonic() - began_at, untested=str(lacking)))
                return
            except Exception as error:  # noqa: BLE001 — whatever it is belongs into the report
                traceback.print_exception(error)
                failed = waiting.popleft() if waiting else seeds[-1]
                broke = f"{type(error).__name__}: {error}"
                self._tell(Tried(schedule, failed, time.monotonic() - began_at, broke=broke))

    async def _in_a_lab(self, schedule: Schedule, waiting: deque[int]) -> None:
        """Try seeds and take them from `waiting` until none is left, or one failed: that spoils the lab.

        What is small would be full for good some day: such a lab is for one trial.
        """
        is_for_one = schedule.setup.has_small_disk
        with short_folder() as folder:
            try:
                async with laboratory(folder, waiting[0], schedule.setup) as lab:
                    while waiting and (await self._one(lab, schedule, waiting)).passed and not is_for_one:
                        pass
            finally:
                self._keep_logs(folder, schedule)

    async def _one(self, lab: Lab, schedule: Schedule, waiting: deque[int]) -> Tried:
        began_at = time.monotonic()
        async with asyncio.timeout(TRIAL_MAX_S):
            verdict = await trial(lab, schedule, waiting[0])
        tried = Tried(schedule, waiting.popleft(), time.monotonic() - began_at, verdict)
        self._tell(tried)
        return tried

    def _keep_logs(self, folder: Path, schedule: Schedule) -> None:
        if self._logs:
            target = self._logs / schedule.name
            target.mkdir(parents=True, exist_ok=True)
            for log in folder.glob("**/*.log"):
                shutil.copy(log, target / str(log.relative_to(folder)).replace("/", "-"))
