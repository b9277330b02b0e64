"""The dispatcher takes a command to its decider and the events to the store, until both agree."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Final, cast
from uuid import uuid4
from weakref import WeakValueDictionary

from commands.context import Actor, S
from commands.decision import Decision, decide
from commands.desk import Desk, Held, NoIds, NotLoaded
from commands.errors import AlreadyDone, Busy, Forbidden, Hidden, Unseen
from commands.numbers import Numbers
from commands.registry import main_stream, stream_of
from commands.states import States
from events.errors import DuplicateCommand, Stale
from events.event import Event
from events.instants import Instant
from events.log import Metadata
from events.store import Append, EventStore

STATE_CACHE_MAX: Final = 10_000
ATTEMPTS_MAX: Final = 5
ROUNDS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of a command: its events, the position of the last one and its moment.

    A command that changed nothing has no events, and None for the other two.
    """

    events: tuple[Event, ...] = ()
    position: int | None = None
    recorded_at: Instant | None = None


@dataclass(slots=True)
class DispatchCounts:
    """What came of commands since the process began; `conflicts` are decisions that had to be made again."""

    decided: int = 0
    unchanged: int = 0
    refused: int = 0
    busy: int = 0
    conflicts: int = 0


@dataclass(frozen=True, slots=True)
class _Request:
    command: object
    actor: Actor
    metadata: Metadata
    now: Instant
    expected_version: int | None
    command_id: str
    fingerprint: str | None
    recorded_at: Instant | None


async def nobody_sees(_user_id: int, _project_id: int) -> bool:
    return False


class Dispatcher:
    """`claim_of(kind, name)` is the key of a name's claim stream; `sees(user_id, project_id)` tells
    whether a user sees a project through a task in it, and is asked only before a refusal.
    """

    def __init__(
        self,
        store: EventStore,
        claim_of: Callable[[str, str], str],
        *,
        sees: Callable[[int, int], Awaitable[bool]] = nobody_sees,
        state_cache_max: int = STATE_CACHE_MAX,
        attempts_max: int = ATTEMPTS_MAX,
    ) -> None:
        self.claim_of = claim_of
        self.counts = DispatchCounts()
        self._store = store
        self._sees = sees
        self._attempts_max = attempts_max
        self._states = States(store, state_cache_max)
        self._numbers = Numbers(store.next_ids)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def dispatch(
        self,
        command: object,
        actor: Actor,
        metadata: Metadata,
        *,
        now: Instant,
        expected_version: int | None = None,
        command_id: str | None = None,
        fingerprint: str | None = None,
        recorded_at: Instant | None = None,
    ) -> Decided:
        """Carries the command out, all of it or nothing.

        `expected_version` is the version of the command's main object that the client has seen.
        `recorded_at` is for histories that are made up or taken over: see `events.log.RawAppend`.
        Raises a Refusal, AlreadyDone when `command_id` is in the log, and the store's Unavailable
        and OutcomeUnknown.
        """
        request = _Request(
            command,
            actor,
            _completed(metadata, command, actor),
            now,
            expected_version,
            command_id or uuid4().hex,
            fingerprint,
            recorded_at,
        )
        async with self._lock(main_stream(command)):
            return await self._carry_out(request)

    async def load(self, kind: type[S], key: int | str) -> S:
        """The state of one stream, read now."""
        return (await self.load_all(kind, (key,)))[0]

    async def load_all(self, kind: type[S], keys: Iterable[int | str]) -> list[S]:
        """The states of several streams in the order asked, read now in one round trip."""
        streams = [stream_of(kind, key) for key in keys]
        held = await self._states.read(streams)
        return [cast(S, held[stream].state) for stream in streams]

    async def draw_ahead(self, sequence: str, count: int) -> None:
        """Have numbers at hand for `count` new objects, so that many can be made without waiting for each."""
        await self._numbers.draw_ahead(sequence, count)

    def forget(self) -> None:
        """Read every state again: the log was restored, and what is cached may never have happened."""
        self._states.clear()
        self._numbers.forget()

    def _lock(self, main: str | None) -> AbstractAsyncContextManager[object]:
        """Commands about the same object take turns here, so only other processes can get in between."""
        if main is None:
            return nullcontext()
        return self._locks.setdefault(main, asyncio.Lock())

    async def _carry_out(self, request: _Request) -> Decided:
        ids: dict[str, list[int]] = {}
        held: Mapping[str, Held] = {}
        for _ in range(self._attempts_max):
            decision = await self._decide(request, ids, held)
            if decision.refusal:
                self.counts.refused += 1
                raise await self._settled(decision, request.actor)
            if decision.changes_nothing:
                # It rests on what somebody wrote whom nobody may have told that it is kept.
                await self._store.confirm()
                self.counts.unchanged += 1
                return Decided()
            try:
                return await self._append(request, decision)
            except Stale:
                self.counts.conflicts += 1
                held = await self._states.read(decision.streams)
        self.counts.busy += 1
        raise Busy

    async def _decide(
        self, request: _Request, ids: dict[str, list[int]], held: Mapping[str, Held]
    ) -> Decision:
        """Decides on what is cached, and once more on what is true now when nothing came of it.

        Without an append no version conflict would tell that the cache was outdated.
        """
        decision = await self._decide_with(request, ids, held, self._states.cached)
        if not decision.changes_nothing or decision.is_fresh:
            return decision
        return await self._decide_with(request, ids, await self._states.read(decision.reads.keys()), _nothing)

    async def _decide_with(
        self,
        request: _Request,
        ids: dict[str, list[int]],
        known: Mapping[str, Held],
        cached: Callable[[str], Held | None],
    ) -> Decision:
        held = dict(known)

        def find(stream: str) -> Held | None:
            return held.get(stream) or cached(stream)

        for _ in range(ROUNDS_MAX):
            desk = Desk(request.actor, request.now, find, ids, self.claim_of, self._numbers.at_hand)
            try:
                return decide(request.command, desk, request.expected_version)
            except NotLoaded as lacking:
                # What an earlier round read is of an earlier moment: together they may never have been true.
                held.update({stream: earlier._replace(fresh=False) for stream, earlier in held.items()})
                held.update(await self._states.read(lacking.streams))
            except NoIds as lacking:
                ids.setdefault(lacking.sequence, []).append(await self._numbers.next(lacking.sequence))
        raise AssertionError(f"{type(request.command).__name__} asks for ever more")

    async def _append(self, request: _Request, decision: Decision) -> Decided:
        append = Append(
            command_id=request.command_id,
            events=decision.versioned(),
            guards=decision.guards(),
            private=decision.private,
            metadata=request.metadata,
            fingerprint=request.fingerprint,
            recorded_at=request.recorded_at,
        )
        try:
            appended = await self._store.append(append)
        except DuplicateCommand:
            first = await self._store.outcome(request.command_id)
            if first is None:
                raise
            raise AlreadyDone(first.position, first.recorded_at) from None
        self._states.keep(decision.outcome())
        self.counts.decided += 1
        return Decided(decision.events, appended.position, appended.recorded_at)

    async def _settled(self, decision: Decision, actor: Actor) -> Exception:
        refusal = decision.refusal
        if not isinstance(refusal, Hidden):
            return refusal or AssertionError("no refusal")
        if await self._sees(actor.id, refusal.project_id):
            return Forbidden(refusal.required_role)
        return Unseen(refusal.what)


def _nothing(_stream: str) -> None:
    return None


def _completed(metadata: Metadata, command: object, actor: Actor) -> Metadata:
    return replace(
        metadata,
        actor_id=metadata.actor_id or actor.id or None,
        actor_role=metadata.actor_role or actor.role,
        command=metadata.command or type(command).__name__,
    )
