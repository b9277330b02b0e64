"""One try of a command with a fault in it, and everything that has to hold whatever came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from events.event import Record
from tests.nth.commands import Case, Told
from tests.nth.faults import Fault
from tests.nth.world import World

NTH_MAX: Final = 60
"""No command asks for so much."""

Send = Callable[[str], Awaitable[Told]]


class Try:
    """One try. `where` names it in every failure: the command, the fault, N, and what was asked then."""

    def __init__(self, world: World, case: Case, whole: Sequence[str]) -> None:
        self._world = world
        self._case = case
        self._whole = list(whole)
        self._key = f"key-{next(world.numbers)}"
        self._before = 0
        self.where = f"{case.id}, no fault"

    async def faultless(self) -> list[str]:
        """The topics of the events that come of the command."""
        send = await self._prepared()
        told = await send(self._key)
        assert told.is_success, f"{self.where}: {told}"
        self._whole = await self._topics()
        await self._has_its_row(is_done=True)
        if self._case.takes_key:
            await self._is_repeated(send, told)
        return self._whole

    async def with_fault(self, fault: Fault, nth: int) -> bool:
        """Whether the fault struck; the promises held if this returns."""
        send = await self._prepared()
        self._world.ledger.core.forget()
        injector = self._world.injector
        with injector.armed(fault, nth):
            told = await send(self._key)
        self.where = f"{self._case.id}, {fault.id}, N={nth} at {injector.struck!r}"
        await self._is_honest(told)
        if self._case.takes_key or not await self._topics():
            await self._is_repeated(send, told)
        return injector.struck is not None

    async def _prepared(self) -> Send:
        send = await self._case.asked(self._world)
        self._before = await self._world.ledger.core.store.head()
        return send

    async def _is_honest(self, told: Told) -> None:
        """The answer is a documented one, and true; nothing is done by half."""
        written = await self._topics()
        assert told.status in self._case.statuses(), f"{self.where}: {told}"
        assert written in ([], self._whole), f"{self.where}: half of it is done: {written}"
        if told.is_success:
            assert written == self._whole, f"{self.where}: what was acknowledged is not there"
        if told.denies:
            assert not written, f"{self.where}: it is done, and denied: {told}"
        await self._has_its_row(bool(written))

    async def _has_its_row(self, is_done: bool) -> None:
        head = await self._world.ledger.core.store.head()
        rows = await self._world.positions_of_commands(self._before)
        assert rows == ([head] if is_done else []), f"{self.where}: the command's row says {rows}"

    async def _is_repeated(self, send: Send, told: Told) -> None:
        """Asked again the effect is one, and so is the answer."""
        again = await send(self._key)
        assert again.is_success, f"{self.where}: asked again {again}, after {told}"
        assert await self._topics() == self._whole, f"{self.where}: asked again it is another effect"
        await self._has_its_row(is_done=True)
        if not self._case.takes_key:
            return
        third = await send(self._key)
        assert third == again, f"{self.where}: {third} instead of {again}"
        if told.is_success:
            assert again == told, f"{self.where}: {again} instead of {told}"

    async def _topics(self) -> list[str]:
        found = await self._world.ledger.core.store.read(self._before, 1000)
        assert all(isinstance(each, Record) for each in found)
        return [each.event.TOPIC for each in found if isinstance(each, Record)]


async def each_nth(world: World, case: Case, whole: Sequence[str], fault: Fault) -> int:
    """Try with the first, the second, … until the fault comes too late to strike; how often it struck."""
    for nth in range(1, NTH_MAX + 1):
        if not await Try(world, case, whole).with_fault(fault, nth):
            return nth - 1
    raise AssertionError(f"{case.id} asks for more than {NTH_MAX} things, or for ever")
