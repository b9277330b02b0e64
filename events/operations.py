"""What operators did to the ledger itself, all of it in one stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from events.event import Event, Poison, Record


@dataclass(frozen=True, slots=True)
class RebuildStarted(Event):
    """A generation began to be folded beside the one in use."""

    TOPIC = "operator.rebuild_started"
    STREAM = "operations"

    generation: int
    reason: str


@dataclass(frozen=True, slots=True)
class RebuildCancelled(Event):
    """A generation that nobody read was given up; nothing of it is left."""

    TOPIC = "operator.rebuild_cancelled"
    STREAM = "operations"

    generation: int
    reason: str


@dataclass(frozen=True, slots=True)
class VerificationStarted(Event):
    """The read model began to be compared with a fold of the log: all of it, or so many documents."""

    TOPIC = "operator.verification_started"
    STREAM = "operations"

    documents: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class GenerationSwitched(Event):
    """Readers were sent from one generation to a newer one."""

    TOPIC = "operator.generation_switched"
    STREAM = "operations"

    from_generation: int
    to_generation: int
    reason: str


@dataclass(frozen=True, slots=True)
class GenerationRolledBack(Event):
    """Readers were sent back to the generation that was in use before."""

    TOPIC = "operator.generation_rolled_back"
    STREAM = "operations"

    from_generation: int
    to_generation: int
    reason: str


@dataclass(frozen=True, slots=True)
class ProjectionPaused(Event):
    TOPIC = "operator.projection_paused"
    STREAM = "operations"

    reason: str


@dataclass(frozen=True, slots=True)
class ProjectionResumed(Event):
    TOPIC = "operator.projection_resumed"
    STREAM = "operations"

    reason: str


@dataclass(frozen=True, slots=True)
class DeadLettersRetried(Event):
    """The documents that these events stopped are folded again from the log, as it is read by now."""

    TOPIC = "operator.dead_letters_retried"
    STREAM = "operations"

    positions: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class EventDiscarded(Event):
    """The event at `position` is left out of every fold that knows of this; it stays in the log."""

    TOPIC = "operator.event_discarded"
    STREAM = "operations"

    position: int
    reason: str


@dataclass(frozen=True, slots=True)
class LogExported(Event):
    """The events at positions `first` to `last` left the ledger in files, with people's keys or without."""

    TOPIC = "operator.log_exported"
    STREAM = "operations"

    first: int
    last: int
    with_keys: bool
    reason: str


@dataclass(frozen=True, slots=True)
class LedgerBackedUp(Event):
    """Everything up to the event at `position` was written into a backup."""

    TOPIC = "operator.ledger_backed_up"
    STREAM = "operations"

    position: int
    reason: str


@dataclass(frozen=True, slots=True)
class LedgerRestored(Event):
    """The ledger was made again from a backup of `made_at`, whose last event is at `position`.

    Unless `is_latest` there may have been more, which is lost: the log has had another identity since,
    and ids of things go on above those that may have been given out.
    """

    TOPIC = "operator.ledger_restored"
    STREAM = "operations"

    position: int
    made_at: str
    is_latest: bool
    reason: str


@dataclass(frozen=True, slots=True)
class AdminMade(Event):
    """An operator made an account with the role admin, without anybody who was signed in."""

    TOPIC = "operator.admin_made"
    STREAM = "operations"

    user_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class PasswordSet(Event):
    """An operator gave a user another password, which ended the user's sessions and tokens."""

    TOPIC = "operator.password_set"
    STREAM = "operations"

    user_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class LeftOut(Event):
    """Stands where a discarded event cannot be read, which is in the log all the same. It changes nothing."""


def discarded_in(records: Iterable[Record | Poison]) -> Iterator[tuple[int, int]]:
    """The position of each discard among the records of the stream, and that of the event it is about."""
    for record in records:
        if isinstance(record, Record) and isinstance(record.event, EventDiscarded):
            yield record.position, record.event.position
