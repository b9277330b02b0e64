"""The appender: gathers what callers append into groups and writes them, two at a time where that pays."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from events.errors import OutcomeUnknown, Rejected, StoreError, Unavailable
from events.group import pick
from events.log import Appended, Log, RawAppend
from events.measures import SECONDS, SIZES, Histogram

GROUPS_MAX: Final = 2
LARGE_GROUP_APPENDS: Final = 32
"""So many appends pay for a group of their own."""

logger = logging.getLogger(__name__)


class AppendCounts:
    """What came of appends since the process began.

    `outcomes` counts appends by `appended`, or the name of the error that the caller got. Groups are
    measured by their appends and by the seconds that writing took, whatever came of it.
    """

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.group_appends = Histogram(SIZES)
        self.group_seconds = Histogram(SECONDS)


class Appender:
    """While a group is under way the next one gathers. One that is large by then does not wait.

    It is sent beside the first, at most GROUPS_MAX are: the database has it ready when the first is
    written, and this process answers the callers of one while the database writes the other. Groups
    under way at the same time do not meet, so it does not matter which is first.

    A group has about `append_batch_max` events. `append_queue_max` appends may wait; for more there
    is no room. Stopping writes what waits, for `stop_timeout_s` at most.
    """

    def __init__(self, log: Log, append_batch_max: int, append_queue_max: int, stop_timeout_s: float) -> None:
        self._log = log
        self._append_batch_max = append_batch_max
        self._append_queue_max = append_queue_max
        self._stop_timeout_s = stop_timeout_s
        self._waiting: deque[Waiting] = deque()
        self._work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._under_way: dict[asyncio.Task[None], Sequence[Waiting]] = {}
        self._is_held_up = False
        self.counts = AppendCounts()

    @property
    def waiting(self) -> int:
        """How many appends wait for groups under way to be written."""
        return len(self._waiting)

    def start(self) -> None:
        self._task = asyncio.create_task(self._write_groups())

    async def stop(self) -> None:
        """Write what is waiting while there is time; the rest is Unavailable."""
        task, self._task = self._task, None
        self._work.set()
        if task is not None:
            await asyncio.wait({task}, timeout=self._stop_timeout_s)
            for each in (task, *self._under_way):
                each.cancel()
        while self._waiting:
            self._waiting.popleft().fail(Unavailable("the store is closing"))

    async def append(self, append: RawAppend) -> Appended:
        """See `events.store.EventStore.append`."""
        if self._task is None:
            raise Unavailable("the store is not open")
        if len(self._waiting) >= self._append_queue_max:
            raise Unavailable("too many appends are waiting")
        waiting = Waiting(append, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._work.set()
        return await self._counted(waiting.outcome)

    async def _counted(self, outcome: asyncio.Future[Appended]) -> Appended:
        try:
            appended = await outcome
        except StoreError as error:
            self.counts.outcomes[type(error).__name__] += 1
            raise
        self.counts.outcomes["appended"] += 1
        return appended

    async def _write_groups(self) -> None:
        while self._task is not None or self._waiting or self._under_way:
            self._work.clear()
            while group := self._next_group():
                self._send(group)
            if self._task is not None or self._under_way:
                await self._work.wait()

    def _send(self, group: Sequence[Waiting]) -> None:
        task = asyncio.create_task(self._measured(group))
        self._under_way[task] = group
        task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        self._is_held_up = False
        self._work.set()

    async def _measured(self, group: Sequence[Waiting]) -> None:
        began = time.perf_counter()
        await self._write(group)
        self.counts.group_appends.observe(len(group))
        self.counts.group_seconds.observe(time.perf_counter() - began)

    def _next_group(self) -> list[Waiting]:
        """The next appends that can go together now; those whose callers left are dropped."""
        near = self._take(self._count_to_send())
        under_way = [one.append for group in self._under_way.values() for one in group]
        picked = set(pick((one.append for one in near), self._append_batch_max, under_way))
        self._waiting.extendleft(one for place, one in reversed([*enumerate(near)]) if place not in picked)
        # Whoever meets a group under way waits for it, and nobody looks at them again before.
        self._is_held_up = bool(near) and not picked
        return [one for place, one in enumerate(near) if place in picked]

    def _take(self, count: int) -> list[Waiting]:
        taken: list[Waiting] = []
        while self._waiting and len(taken) < count:
            one = self._waiting.popleft()
            if not one.outcome.done():
                taken.append(one)
        return taken

    def _count_to_send(self) -> int:
        """How many of those that wait are looked at; of many, half are left for a group beside the first."""
        waiting = min(len(self._waiting), 2 * self._append_batch_max)
        if not self._under_way:
            return waiting // 2 if waiting >= 2 * LARGE_GROUP_APPENDS else waiting
        has_room = len(self._under_way) < GROUPS_MAX and not self._is_held_up
        return waiting if has_room and waiting >= LARGE_GROUP_APPENDS else 0

    async def _write(self, group: Sequence[Waiting]) -> None:
        try:
            outcomes = await self._log.append_group([one.append for one in group])
        except Rejected as error:
            await self._write_singly(group, error)
        except StoreError as error:
            fail_all(group, error)
        except asyncio.CancelledError:
            fail_all(group, OutcomeUnknown("the store was closed while it wrote"))
            raise
        except Exception as error:
            # The task outlives whatever happens to one group: everybody else depends on it.
            logger.exception("a group of %d appends failed in an unforeseen way", len(group))
            fail_all(group, OutcomeUnknown(f"{type(error).__name__}: {error}"))
        else:
            for one, outcome in zip(group, outcomes, strict=True):
                one.answer(outcome)

    async def _write_singly(self, group: Sequence[Waiting], error: Rejected) -> None:
        """One append of the group is at fault: let the others through and find out which."""
        if len(group) == 1:
            group[0].fail(error)
            return
        try:
            for one in group:
                await self._write([one])
        except asyncio.CancelledError:
            fail_all(group, Unavailable("the store is closing"))
            raise


class Waiting(NamedTuple):
    """An append and the future that its caller sits on."""

    append: RawAppend
    outcome: asyncio.Future[Appended]

    def answer(self, outcome: Appended | Exception) -> None:
        if isinstance(outcome, Exception):
            self.fail(outcome)
        elif not self.outcome.done():
            self.outcome.set_result(outcome)

    def fail(self, error: Exception) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)


def fail_all(group: Iterable[Waiting], error: StoreError) -> None:
    for one in group:
        one.fail(type(error)(*error.args))
