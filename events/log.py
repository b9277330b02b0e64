"""The log: streams of stored events in one gapless order, as every implementation must keep it.

`PostgresLog` (events.postgres) is the real one, `MemoryLog` (events.memory) serves unit tests;
both pass tests/test_log.py. A log knows bytes, not event classes: `EventStore` maps between.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from events.instants import Instant
from events.private import PrivateRow


class RawEvent(NamedTuple):
    """An event to append: `version` is its place in `stream`, `state` its JSON bytes."""

    stream: str
    version: int
    topic: str
    state: bytes
    event_id: str


class Guard(NamedTuple):
    """`stream` must be at `version` (0: empty) when the append is admitted; nothing is written to it."""

    stream: str
    version: int


@dataclass(frozen=True, slots=True)
class Metadata:
    """Who asked, from where, in which request: stands on every event of a command.

    `address` and `user_agent` go to the `requests` table by request id, not into the log.
    """

    actor_id: int | None = None
    actor_role: str | None = None
    dialect: str | None = None
    request_id: str | None = None
    causation_id: str | None = None
    command: str | None = None
    address: str | None = None
    user_agent: str | None = None


NOBODY = Metadata()


@dataclass(frozen=True, slots=True)
class RawAppend:
    """What one command appends: all of it or nothing.

    `fingerprint` is a hash of the request body where the command id comes from an Idempotency-Key.
    `recorded_at` is the moment at which a history that is made up or taken over says that this
    happened; None is the present. The log takes it as far as it can: see `moment_between`.
    """

    command_id: str
    events: tuple[RawEvent, ...]
    guards: tuple[Guard, ...] = ()
    private: tuple[PrivateRow, ...] = ()
    metadata: Metadata = NOBODY
    fingerprint: str | None = None
    recorded_at: Instant | None = None


def moment_between(last: Instant, asked: Instant | None, present: Instant) -> Instant:
    """When something is recorded: not before the `last` event, and otherwise not in the future."""
    return max(last, min(asked or present, present))


class Appended(NamedTuple):
    """`position` of the append's last event, and the moment at which it is recorded."""

    position: int
    recorded_at: str


class Stored(NamedTuple):
    """A stored event as the log gives it back; the metadata fields are those of `events.event.Record`."""

    stream: str
    version: int
    position: int
    topic: str
    state: bytes
    event_id: str
    recorded_at: str
    actor_id: int | None
    actor_role: str | None
    dialect: str | None
    request_id: str | None
    causation_id: str | None
    command: str | None


class Log(Protocol):
    async def append_group(self, appends: Sequence[RawAppend]) -> list[Appended | Exception]:
        """Write a group in one transaction; an outcome for each, in order.

        An append that is refused is answered by `Stale` or `DuplicateCommand` in its place and
        leaves nothing. No append of a group may write what another writes or guards, nor bear its
        command id (see `events.group.pick`). Raises `Unavailable` when nothing was written,
        `Rejected` when the database does not take what the group holds, and `OutcomeUnknown` when
        the connection broke while committing and nobody could be asked.
        """
        ...

    async def outcome(self, command_id: str) -> Appended | None:
        """What a command that was appended got; None when it is not in the log.

        Raises OutcomeUnknown where that cannot be told, or where a failover might still take it back.
        """
        ...

    async def confirm(self) -> None:
        """Wait until a failover takes nothing back of what was read. Raises OutcomeUnknown."""
        ...

    async def read_streams(self, streams: Collection[str], after: int = 0) -> Mapping[str, list[Stored]]:
        """Each stream's events after version `after`, in order, in one round trip."""
        ...

    async def read_since(self, versions: Mapping[str, int]) -> Mapping[str, list[Stored]]:
        """Each stream's events from its version on, that one included, in order, in one round trip."""
        ...

    async def read(self, after: int, limit: int) -> list[Stored]:
        """At most `limit` events after position `after`, in position order."""
        ...

    async def read_at(self, positions: Collection[int]) -> list[Stored]:
        """The events at these positions, as far as the log has them, in position order."""
        ...

    async def head(self) -> int:
        """The position of the last event; 0 in an empty log."""
        ...

    async def log_id(self) -> str:
        """The identity of this log: another one after a wipe."""
        ...

    async def next_ids(self, sequence: str, count: int) -> list[int]:
        """Numbers never given out before."""
        ...

    async def user_keys(self, user_ids: Collection[int]) -> Mapping[int, bytes]:
        """The wrapped keys of users that have one."""
        ...

    async def wait(self, after: int, timeout_s: float) -> bool:
        """Sleep until the log may have gone past `after`, `timeout_s` at most; False on timeout."""
        ...
