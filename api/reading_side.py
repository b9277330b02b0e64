"""The reading side: readers go to the generation that is current, and follow when that changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final, TypeVar

import structlog

from api.kept_documents import KeptDocuments
from api.recording import rests_on
from events.errors import Unavailable
from readmodels.announcements import TROUBLE, Announcements, End
from readmodels.documents import Document, Ref
from readmodels.freshness import Freshness
from readmodels.model import Model, NotReady, Page, Query, TooBusy, TooLong
from readmodels.snapshots import Scope, Snapshot
from readmodels.touched import EVERYTHING, kind_of, page_tags, tag_of

POLL_INTERVAL_S: Final = 0.25
LEVEL_TIMEOUT_S: Final = 1.0
# Longer than any server takes to follow: one look at the pointer, and LEVEL_TIMEOUT_S.
GRACE_S: Final = 3.0
# Longer than any request may take: those under way read on from the generation that they began with.
KEEP_S: Final = 20.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class View:
    """One generation as this process reads it, and when it was last left, by the monotonic clock."""

    generation: int
    model: Model
    announcements: Announcements
    kept: KeptDocuments = field(default_factory=KeptDocuments)
    left_at: float = 0.0


OpenView = Callable[[int], View]
Told = TypeVar("Told")
_pinned: ContextVar[tuple[ReadingSide, View] | None] = ContextVar("pinned", default=None)


class Pinned:
    """What is read within the block, of this reading side, is read from this view."""

    __slots__ = ("_pin", "_token")

    def __init__(self, side: ReadingSide, view: View) -> None:
        self._pin = (side, view)

    def __enter__(self) -> None:
        self._token = _pinned.set(self._pin)

    def __exit__(self, *_: object) -> None:
        _pinned.reset(self._token)


class ReadingSide:
    """A `readmodels.model.Model`, and what is announced of it; use it as an asynchronous context manager.

    `current` tells which generation readers go to; a database that is away leaves them where they are.
    A server goes over once the other generation has reached where its own is. Others go over a moment
    earlier or later, so until GRACE_S afterwards whoever wrote waits for both generations, and whoever
    reads waits for the new one to be where the old one is by now: nobody misses what they have seen.
    """

    def __init__(
        self, generation: int, open_view: OpenView, current: Callable[[], Awaitable[int | None]]
    ) -> None:
        self._open_view = open_view
        self._current = current
        self._rebuilt: list[Callable[[], None]] = []
        self._views: dict[int, View] = {}
        self._present = open_view(generation)
        self._left: View | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> ReadingSide:
        await self._enter(self._present)
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for view in self._views.values():
            await view.announcements.__aexit__()

    @property
    def present(self) -> Model:
        """The read model of the generation that new requests read."""
        return self._present.model

    @property
    def listener(self) -> Announcements:
        """What listens to the generation that new requests read."""
        return self._present.announcements

    @property
    def kept(self) -> KeptDocuments:
        """Documents of the generation that new requests read."""
        return self._present.kept

    @property
    def generation(self) -> int:
        """The number of the generation that is read now; a request keeps to its own."""
        return self._view().generation

    def pinned(self) -> Pinned:
        """A block within which all that is read is read from one generation."""
        return Pinned(self, self._present)

    def heard(self) -> tuple[bytes, int]:
        """As `readmodels.announcements.Announcements.heard`."""
        return self._view().announcements.heard()

    def on_rebuilt(self, act: Callable[[], None]) -> None:
        """As `Announcements.on_rebuilt`, for each generation that is read."""
        self._rebuilt.append(act)
        for view in self._views.values():
            view.announcements.on_rebuilt(act)

    async def distrust(self, build: bytes) -> None:
        """As `Announcements.distrust`, for the generation that is of this build."""
        for view in [*self._views.values()]:
            await view.announcements.distrust(build)

    async def end(self) -> End:
        """As `Announcements.end`, of the generation that is read."""
        return await self._view().announcements.end()

    async def reached(self, position: int, timeout_s: float) -> bool:
        """As `Announcements.reached`; for a while after a switch, both generations have to be there."""
        views = {view.generation: view for view in (self._view(), self._present, self._just_left()) if view}
        if len(views) == 1:
            return await self._present.announcements.reached(position, timeout_s)
        waiting = (view.announcements.reached(position, timeout_s) for view in views.values())
        return all(await asyncio.gather(*waiting))

    def freshness(self) -> Freshness | None:
        """Tells whether what was read is as it would be read now; None while nothing can tell that.

        Just after a switch nothing does: others may still have seen more of the generation before, whose
        readers do not ask any more how far it is.
        """
        view = self._view()
        is_left = view is not self._present or self._just_left()
        if is_left or not view.announcements.hears_everything():
            return None
        return view.announcements.freshness

    async def fetch(self, refs: Iterable[Ref]) -> Mapping[Ref, Document]:
        """As `readmodels.model.Model.fetch`; from memory, if all of them are there and fresh."""
        tags = {ref: tag_of(ref) for ref in refs}
        rests_on(tags.values())
        freshness = self.freshness()
        if freshness is None:
            return await self._asked(lambda model: model.fetch(tags))
        kept = self._view().kept
        known = kept.known(tags, freshness)
        if known is not None:
            return known
        return await self._asked(lambda model: kept.fetched(model, tags, freshness))

    async def fetch_anew(self, refs: Iterable[Ref]) -> Mapping[Ref, Document]:
        """As `fetch`, never from memory."""
        tags = {ref: tag_of(ref) for ref in refs}
        rests_on(tags.values())
        return await self._asked(lambda model: model.fetch(tags))

    async def page(self, query: Query) -> Page:
        rests_on(page_tags(query))
        return await self._asked(lambda model: model.page(query))

    async def members(self, index: str) -> list[str]:
        rests_on((kind_of(index),))
        return await self._asked(lambda model: model.members(index))

    async def snapshot(self, scope: Scope, today: str) -> Snapshot:
        rests_on((EVERYTHING,))
        return await self._asked(lambda model: model.snapshot(scope, today))

    async def position(self) -> int:
        rests_on((EVERYTHING,))
        return await self._view().model.position()

    async def parked(self, refs: Iterable[Ref]) -> set[Ref]:
        rests_on((EVERYTHING,))
        return await self._asked(lambda model: model.parked(refs))

    async def _asked(self, ask: Callable[[Model], Awaitable[Told]]) -> Told:
        """What the model tells. Where it cannot be relied on, nothing that is kept is, either."""
        view = self._view()
        try:
            return await ask(await self._level())
        except (TooBusy, TooLong):
            raise
        except NotReady:
            view.announcements.doubt()
            raise

    def _view(self) -> View:
        pinned = _pinned.get()
        return pinned[1] if pinned and pinned[0] is self else self._present

    def _just_left(self) -> View | None:
        """The generation that others may still read."""
        left = self._left
        return left if left and time.monotonic() < left.left_at + GRACE_S else None

    async def _level(self) -> Model:
        """The model to read, once it holds all that anybody has seen of the one before. Raises NotReady."""
        view, left = self._view(), self._just_left()
        if left and view is self._present and not await _is_level(view, left):
            raise NotReady(f"generation {view.generation} is behind the one before it")
        return view.model

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(POLL_INTERVAL_S)
            with suppress(Unavailable):
                number = await self._current()
                if number not in (None, self._present.generation):
                    await self._go_to(number)
            await self._forget()

    async def _go_to(self, number: int) -> None:
        view = self._views.get(number)
        if view is None:
            view = await self._enter(self._open_view(number))
        with suppress(NotReady):
            await _is_level(view, self._present)
        log.info("generation_switched", left=self._present.generation, generation=number)
        self._left, self._present = self._present, view
        self._left.left_at = time.monotonic()

    async def _enter(self, view: View) -> View:
        self._views[view.generation] = view
        for act in self._rebuilt:
            view.announcements.on_rebuilt(act)
        await view.announcements.__aenter__()
        return view

    async def _forget(self) -> None:
        """Close what no request under way can be reading any more."""
        kept = time.monotonic() - KEEP_S
        for view in [*self._views.values()]:
            if view is not self._present and view.left_at < kept:
                del self._views[view.generation]
                await view.announcements.__aexit__()


async def _is_level(view: View, other: View) -> bool:
    """Whether a generation comes to where the other one is now, in time. Raises NotReady."""
    try:
        position = await other.announcements.now()
    except TROUBLE as error:
        raise NotReady(f"Redis cannot be asked: {type(error).__name__}: {error}") from error
    return await view.announcements.reached(position, LEVEL_TIMEOUT_S)
