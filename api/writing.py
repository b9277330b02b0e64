"""Carrying a command out and answering from what the read model then shows."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from api.another_log import QUICK_S
from api.behind import Readable, StreamModel
from api.core import Core
from api.idempotency import Key
from commands.context import Actor
from commands.registry import main_stream
from commands.users import User
from events import instants
from events.event import Event, Record
from events.log import Metadata
from readmodels.model import NotReady

EVENTS_PER_COMMAND_MAX = 1000

T = TypeVar("T")
E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Written:
    """What came of a command; where nothing changed there are no events.

    `position` is one at which what the command found or did is true. `version` is that of the
    command's main object after it, as far as the caller's expectation tells: the read model may
    show a later one already.
    """

    events: tuple[Event, ...]
    position: int
    version: int | None = None

    @property
    def users(self) -> frozenset[int]:
        """Those whom the events are about."""
        return frozenset(getattr(event, event.ID) for event in self.events if event.STREAM == User.STREAM)

    def the(self, kind: type[E]) -> E:
        """The last event of a kind, which the command cannot have done without."""
        return next(event for event in reversed(self.events) if isinstance(event, kind))


async def write(
    core: Core,
    command: object,
    actor: Actor,
    metadata: Metadata,
    *,
    expected_version: int | None = None,
    key: Key | None = None,
) -> Written:
    """Raises a Refusal, AlreadyDone for a key whose command is in the log, and the store's errors."""
    began_at, (build, seen) = time.monotonic(), core.announcements.heard()
    decided = await core.dispatcher.dispatch(
        command,
        actor,
        metadata,
        now=instants.now(),
        expected_version=expected_version,
        command_id=key.command_id if key else None,
        fingerprint=key.fingerprint if key else None,
    )
    version = None
    if expected_version is not None:
        main = main_stream(command)
        version = expected_version + sum(event.stream == main for event in decided.events)
    position = await core.store.head() if decided.position is None else decided.position
    if position < seen + bool(decided.events):
        # The read model was there before the event was: it is of a log that has been replaced since.
        await core.another_log.distrust(build, position)
    elif time.monotonic() - began_at > QUICK_S:
        # What was seen when it began says nothing about what was folded while it waited.
        await core.another_log.look_out(position)
    return Written(decided.events, position, version)


async def written_before(core: Core, position: int) -> Written:
    """What a command wrote whose last event is at `position`.

    Events before the command's own may be among them; `Written.the` looks from the end.
    """
    after = max(0, position - EVENTS_PER_COMMAND_MAX)
    found = await core.store.read(after, position - after)
    return Written(tuple(each.event for each in found if isinstance(each, Record)), position)


async def shown(
    core: Core,
    written: Written,
    user_id: int | None,
    show: Callable[[Readable], Awaitable[T]],
    *,
    is_new: bool = False,
) -> tuple[T, bool]:
    """What `show` makes of a model that has the write in it, and whether the read model is behind.

    When it has not reached the write in `caught_up_timeout_s`, later reads of the user (`user_id`, if
    any) and of everybody whom the write is about will wait for it: it may have locked them out.
    """
    if await core.announcements.reached(written.position, core.settings.caught_up_timeout_s):
        try:
            return await show(core.model), False
        except NotReady:
            pass
    waiting = written.users if user_id is None else written.users | {user_id}
    await core.positions.note(waiting, written.position)
    return await show(StreamModel(core.store, core.model, is_new=is_new)), True
