"""Whether the read model is of another log, which a restore or another database server has replaced since."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import structlog

from api.reading_side import ReadingSide
from commands.sharing import Shared
from events.errors import StoreError
from events.store import EventStore
from readmodels.announcements import TROUBLE

log = structlog.get_logger(__name__)

QUICK_S: Final = 0.25
"""No other server of the database takes over, and no backup comes back, in less."""


class AnotherLog:
    """Compares the last event that the read model has folded with the one that the log has at its place.

    Who asks while others are being answered shares the next answer.
    """

    def __init__(self, announcements: ReadingSide, store: EventStore) -> None:
        self._announcements = announcements
        self._store = store
        self._shared: Shared[None, bytes | None] = Shared(self._compare)

    async def look_out(self, position: int) -> None:
        """Have nobody read a read model of another log; what is at `position` in this one is to be shown."""
        build = None
        with suppress(StoreError):
            build = await self._shared.ask(None)
        if build is not None:
            await self.distrust(build, position)

    async def distrust(self, build: bytes, position: int) -> None:
        """Have nobody read a read model of this build: it was at `position` before the log was."""
        log.error("log_went_back", position=position, read_model=self._announcements.heard()[1])
        await self._announcements.distrust(build)

    async def _compare(self, questions: Sequence[None]) -> Sequence[bytes | None]:
        build = None
        with suppress(*TROUBLE, StoreError):
            end = await self._announcements.end()
            if end.position:
                found = await self._store.read(end.position - 1, 1)
                is_ours = bool(found) and found[0].event_id == end.event_id
                build = None if is_ours else end.build
        return [build] * len(questions)
