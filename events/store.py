"""The event store: what commands decided goes in, in groups; records of what happened come out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from operator import attrgetter

from events.appender import AppendCounts, Appender
from events.errors import Undecodable
from events.event import Event, Poison, Record
from events.instants import Instant
from events.keys import Keyring, NewKey
from events.log import NOBODY, Appended, Guard, Log, Metadata, RawAppend, RawEvent, Stored
from events.mapper import USER, EventMapper, Placed, new_event_id, user_of
from events.operations import EventDiscarded, LeftOut, discarded_in
from events.postgres import Bounds, open_log
from events.private import KeepUserKey, PrivateRow


@dataclass(frozen=True, slots=True)
class Append:
    """What one command appends, all of it or nothing: see `events.log.RawAppend`.

    Events of one stream follow each other in the order of their versions.
    """

    command_id: str
    events: tuple[tuple[Event, int], ...] = ()
    guards: tuple[Guard, ...] = ()
    private: tuple[PrivateRow, ...] = ()
    metadata: Metadata = NOBODY
    fingerprint: str | None = None
    recorded_at: Instant | None = None


class EventStore:
    """Appends and reads events; made by `open_store`, or over any Log, then open within `async with`.

    It writes groups of about `append_batch_max` events. `append_queue_max` appends may wait, more
    are Unavailable at once.
    """

    def __init__(
        self,
        log: Log,
        keyring: Keyring,
        *,
        append_batch_max: int = 500,
        append_queue_max: int = 10_000,
        stop_timeout_s: float = 10.0,
    ) -> None:
        self.log = log
        self.keyring = keyring
        self._mapper = EventMapper(keyring)
        self._appender = Appender(log, append_batch_max, append_queue_max, stop_timeout_s)

    @property
    def counts(self) -> AppendCounts:
        return self._appender.counts

    @property
    def appends_waiting(self) -> int:
        return self._appender.waiting

    async def __aenter__(self) -> EventStore:
        self._appender.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what is waiting, for `stop_timeout_s` at most; the rest is Unavailable."""
        await self._appender.stop()

    async def append(self, append: Append) -> Appended:
        """Write one command's events and private rows; where its last event stands.

        Raises Stale, DuplicateCommand, Rejected, Unavailable, OutcomeUnknown, Erased. A caller that
        is cancelled while the group is under way may have appended all the same.
        """
        new_keys = await self._new_keys(append)
        appended = await self._appender.append(self._encoded(append, new_keys))
        # Only now is a new key known to be the one that is stored.
        self.keyring.learn(new_keys.keys(), {user_id: key.wrapped for user_id, key in new_keys.items()})
        self.keyring.trim()
        return appended

    async def outcome(self, command_id: str) -> Appended | None:
        """What an admitted command got, None when the log does not know it. Raises OutcomeUnknown."""
        return await self.log.outcome(command_id)

    async def confirm(self) -> None:
        """Wait until a failover takes nothing back of what was read: before anybody is told of it as done.

        Raises OutcomeUnknown.
        """
        await self.log.confirm()

    async def read_stream(self, stream: str, after: int = 0) -> list[Record]:
        """A stream's records after version `after`. Raises Undecodable, Unavailable."""
        return (await self.read_streams([stream], after))[stream]

    async def read_streams(self, streams: Collection[str], after: int = 0) -> Mapping[str, list[Record]]:
        """Several streams' records after version `after`, in one round trip; as `read_stream`.

        Where an operator discarded what cannot be read, a `LeftOut` stands in its place; so it does in the
        stream of operations, which a newer release may have written to.
        """
        return await self._records(await self.log.read_streams(streams, after))

    async def read_since(self, versions: Mapping[str, int]) -> Mapping[str, list[Record] | None]:
        """The records after each stream's version, None for a stream that has not come to it.

        One round trip; as `read_streams`. What was known already is not decoded again.
        """
        found = await self.log.read_since(versions)
        news = {
            stream: every[1:] if versions[stream] else every
            for stream, every in found.items()
            if every or not versions[stream]
        }
        return {**dict.fromkeys(versions), **await self._records(news)}

    async def _records(self, found: Mapping[str, Sequence[Stored]]) -> dict[str, list[Record]]:
        await self._have_keys(stored for every in found.values() for stored in every)
        try:
            return {stream: [self._record(stored) for stored in every] for stream, every in found.items()}
        except Undecodable:
            # Operators may have discarded what cannot be read; that is looked up where it matters only.
            operations = await self.histories([EventDiscarded.STREAM])
            discarded = {position for _, position in discarded_in(operations)}
        return {
            stream: [self._record_unless(discarded, stored) for stored in every]
            for stream, every in found.items()
        }

    async def read(self, after: int, limit: int) -> list[Record | Poison]:
        """At most `limit` records after position `after`, in order and without a gap.

        What cannot be decoded stands in its place as a Poison. Raises Unavailable.
        """
        found = await self.log.read(after, limit)
        await self._have_keys(found)
        return [self._record_or_poison(stored) for stored in found]

    async def histories(self, streams: Collection[str]) -> list[Record | Poison]:
        """All records of several streams, in the order of the log; as `read`. Raises Unavailable."""
        found = await self.log.read_streams(streams)
        stored = sorted((one for every in found.values() for one in every), key=attrgetter("position"))
        await self._have_keys(stored)
        return [self._record_or_poison(one) for one in stored]

    async def read_at(self, positions: Collection[int]) -> list[Record | Poison]:
        """The records at these positions, as far as there are any, in order; as `read`."""
        found = await self.log.read_at(positions)
        await self._have_keys(found)
        return [self._record_or_poison(stored) for stored in found]

    async def head(self) -> int:
        """The position of the last event; 0 in an empty log. Raises Unavailable."""
        return await self.log.head()

    async def log_id(self) -> str:
        """The identity of the log. Raises Unavailable."""
        return await self.log.log_id()

    async def next_ids(self, sequence: str, count: int) -> list[int]:
        """Numbers never given out before, for things of one kind (`task`). Raises Unavailable."""
        return await self.log.next_ids(sequence, count)

    async def wait(self, after: int, timeout_s: float) -> bool:
        """Sleep until the log has gone past `after`, `timeout_s` at most; False on timeout."""
        return await self.log.wait(after, timeout_s)

    async def _new_keys(self, append: Append) -> dict[int, NewKey]:
        """Keys for users whose first event this is; those of the others are at hand afterwards."""
        personal = {(user_of(event.stream), version) for event, version in append.events if event.PERSONAL}
        new = {user_id for user_id, version in personal if version == 1}
        await self._have_keys_of({user_id for user_id, _ in personal} - new)
        return {user_id: self.keyring.new_key(user_id) for user_id in new}

    def _encoded(self, append: Append, new_keys: Mapping[int, NewKey]) -> RawAppend:
        ciphers = {f"{USER}{user_id}": key.cipher for user_id, key in new_keys.items()}
        events = []
        for event, version in append.events:
            placed = Placed(event.stream, version, event)
            stored = self._mapper.to_stored_event(placed, ciphers.get(event.stream))
            events.append(RawEvent(event.stream, version, stored.topic, stored.state, new_event_id()))
        keys = tuple(KeepUserKey(user_id, key.wrapped) for user_id, key in new_keys.items())
        return RawAppend(
            append.command_id,
            tuple(events),
            append.guards,
            append.private + keys,
            append.metadata,
            append.fingerprint,
            append.recorded_at,
        )

    async def _have_keys(self, found: Iterable[Stored]) -> None:
        numbers = {one.stream[len(USER) :] for one in found if one.stream.startswith(USER)}
        await self._have_keys_of({int(number) for number in numbers if number.isdecimal()})

    async def _have_keys_of(self, user_ids: Collection[int]) -> None:
        # Others may take keys out of the ring while these are looked up.
        while missing := self.keyring.missing(user_ids):
            self.keyring.learn(missing, await self.log.user_keys(missing))
        self.keyring.trim(keep=len(user_ids))

    def _record(self, stored: Stored) -> Record:
        stream, version, position, topic, state, *beside = stored
        event = self._mapper.decode(stream, version, topic, state)
        return Record._make((event, stream, version, position, *beside))

    def _record_unless(self, discarded: Collection[int], stored: Stored) -> Record:
        """The record, an event without effect in it where it is discarded and cannot be read."""
        read = self._record_or_poison(stored)
        if isinstance(read, Record):
            return read
        # Nobody could discard anything, nor pause, nor help a user, if one operation stopped all others.
        if read.position not in discarded and read.stream != EventDiscarded.STREAM:
            raise Undecodable(read.error)
        stream, version, position, _, _, *beside = stored
        return Record._make((LeftOut(), stream, version, position, *beside))

    def _record_or_poison(self, stored: Stored) -> Record | Poison:
        try:
            return self._record(stored)
        except Undecodable as error:
            return Poison(*stored[:4], stored.recorded_at, str(error), stored.event_id)


@asynccontextmanager
async def open_store(
    database_url: str,
    master_key: bytes,
    *,
    bounds: Bounds | None = None,
    append_batch_max: int = 500,
    append_queue_max: int = 10_000,
) -> AsyncIterator[EventStore]:
    """The event store of a migrated database; `master_key` is 32 secret bytes."""
    async with (
        open_log(database_url, bounds) as log,
        EventStore(
            log,
            Keyring(master_key),
            append_batch_max=append_batch_max,
            append_queue_max=append_queue_max,
        ) as store,
    ):
        yield store
