"""Ending what takes too long, with one timer for all that is under way."""

from __future__ import annotations

import asyncio
from types import TracebackType

from api.errors import LeftOpen


class Deadlines:
    """All of them are `after_s` after their beginning, so the first to begin is the first that is over."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._under_way: dict[Deadline, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def kept(self) -> Deadline:
        """A block that ends in time, once. It raises LeftOpen then, and for every other TimeoutError."""
        return Deadline(self, self._after_s)

    def begin(self, deadline: Deadline, loop: asyncio.AbstractEventLoop) -> None:
        self._under_way[deadline] = None
        if self._timer is None:
            self._timer = loop.call_at(deadline.ends_at, self._look)

    def end(self, deadline: Deadline) -> None:
        self._under_way.pop(deadline, None)

    def _look(self) -> None:
        """Few requests are under way when the timer ends that was set for one of them."""
        self._timer = None
        loop = asyncio.get_running_loop()
        for deadline in [*self._under_way]:
            if deadline.ends_at > loop.time():
                self._timer = loop.call_at(deadline.ends_at, self._look)
                return
            self.end(deadline)
            deadline.expire()


class Deadline:
    """Cancels the task that is in the block, as `asyncio.timeout` does, which costs a timer for each."""

    __slots__ = ("_after_s", "_all", "_cancelling", "_is_over", "_task", "ends_at")

    def __init__(self, deadlines: Deadlines, after_s: float) -> None:
        self._all = deadlines
        self._after_s = after_s
        self._is_over = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        loop = asyncio.get_running_loop()
        self.ends_at = loop.time() + self._after_s
        self._all.begin(self, loop)

    def expire(self) -> None:
        self._is_over = True
        self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._all.end(self)
        is_ours = self._is_over and self._task.uncancel() <= self._cancelling
        if isinstance(error, TimeoutError) or (is_ours and kind is asyncio.CancelledError):
            raise LeftOpen(f"This took longer than {self._after_s:g} seconds") from None
