"""The log in memory, over the library's in-memory recorder: for unit tests."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import count

from eventsourcing.persistence import Notification, StoredEvent
from eventsourcing.popo import POPOApplicationRecorder

from events.errors import DuplicateCommand, Stale
from events.instants import Instant, now
from events.log import Appended, Metadata, RawAppend, RawEvent, Stored, moment_between
from events.private import EndSessions, ForgetUser, KeepUserKey, SetPassword


class MemoryLog:
    """See `events.log.Log`. `passwords` and `keys` hold what Postgres keeps in tables beside the log."""

    def __init__(self) -> None:
        self.passwords: dict[int, str] = {}
        self.keys: dict[int, bytes] = {}
        self.sessions_ended: list[int] = []
        self._recorder = POPOApplicationRecorder()
        self._places: defaultdict[str, list[int]] = defaultdict(list)
        self._beside: list[tuple[str, str, Metadata]] = []
        self._commands: dict[str, Appended] = {}
        self._log_id = str(uuid.uuid4())
        self._ids: defaultdict[str, count[int]] = defaultdict(lambda: count(1))
        self._grown = asyncio.Condition()
        self._last_moment = ""

    async def append_group(self, appends: Sequence[RawAppend]) -> list[Appended | Exception]:
        present = now()
        outcomes = [self._append(append, present) for append in appends]
        async with self._grown:
            self._grown.notify_all()
        return outcomes

    def _append(self, append: RawAppend, present: Instant) -> Appended | Exception:
        if append.command_id in self._commands:
            return DuplicateCommand("the command is in the log already")
        if not self._is_current(append):
            return Stale("a stream moved on since it was read")
        moment = moment_between(self._last_moment, append.recorded_at, present)
        for event in append.events:
            self._places[event.stream].append(self._insert(event))
            self._last_moment = moment
        self._beside += [(event.event_id, moment, append.metadata) for event in append.events]
        self._keep_private(append)
        self._commands[append.command_id] = Appended(len(self._beside), moment)
        return self._commands[append.command_id]

    def _insert(self, event: RawEvent) -> int:
        stored = StoredEvent(event.stream, event.version, event.topic, event.state)
        positions = self._recorder.insert_events([stored])
        assert positions is not None
        return positions[0]

    def _is_current(self, append: RawAppend) -> bool:
        expected: list[tuple[str, int]] = list(append.guards)
        written = defaultdict(list)
        for event in append.events:
            written[event.stream].append(event.version)
        for stream, versions in written.items():
            if versions != list(range(versions[0], versions[0] + len(versions))):
                return False
            expected.append((stream, versions[0] - 1))
        return all(len(self._places[stream]) == version for stream, version in expected)

    def _keep_private(self, append: RawAppend) -> None:
        for row in append.private:
            match row:
                case SetPassword():
                    self.passwords[row.user_id] = row.password_hash
                    self.sessions_ended.append(row.user_id)
                case EndSessions():
                    self.sessions_ended.append(row.user_id)
                case ForgetUser():
                    self.sessions_ended.append(row.user_id)
                    self.passwords.pop(row.user_id, None)
                case KeepUserKey():
                    self.keys[row.user_id] = row.wrapped_key

    async def outcome(self, command_id: str) -> Appended | None:
        return self._commands.get(command_id)

    async def confirm(self) -> None:
        """There is no other copy that could lack anything."""

    async def read_streams(self, streams: Collection[str], after: int = 0) -> Mapping[str, list[Stored]]:
        return {stream: [self._at(place) for place in self._places[stream][after:]] for stream in streams}

    async def read_since(self, versions: Mapping[str, int]) -> Mapping[str, list[Stored]]:
        return {
            stream: [self._at(place) for place in self._places[stream][max(0, version - 1) :]]
            for stream, version in versions.items()
        }

    async def read(self, after: int, limit: int) -> list[Stored]:
        found = self._recorder.select_notifications(after, limit, inclusive_of_start=False)
        return [self._stored(notification) for notification in found]

    async def read_at(self, positions: Collection[int]) -> list[Stored]:
        last = await self.head()
        return [self._at(position) for position in sorted(set(positions)) if 0 < position <= last]

    def _at(self, position: int) -> Stored:
        return self._stored(self._recorder.select_notifications(position, 1)[0])

    def _stored(self, notification: Notification) -> Stored:
        event_id, recorded_at, metadata = self._beside[notification.id - 1]
        return Stored(
            str(notification.originator_id),
            notification.originator_version,
            notification.id,
            notification.topic,
            notification.state,
            event_id,
            recorded_at,
            metadata.actor_id,
            metadata.actor_role,
            metadata.dialect,
            metadata.request_id,
            metadata.causation_id,
            metadata.command,
        )

    async def head(self) -> int:
        return self._recorder.max_notification_id() or 0

    async def log_id(self) -> str:
        return self._log_id

    async def next_ids(self, sequence: str, count: int) -> list[int]:
        return [next(self._ids[sequence]) for _ in range(count)]

    async def user_keys(self, user_ids: Collection[int]) -> Mapping[int, bytes]:
        return {user_id: self.keys[user_id] for user_id in user_ids if user_id in self.keys}

    async def wait(self, after: int, timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s), self._grown:
                await self._grown.wait_for(lambda: len(self._beside) > after)
        except TimeoutError:
            return len(self._beside) > after
        return True
